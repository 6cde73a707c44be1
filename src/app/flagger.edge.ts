/** What the pod `flagger` shows of delivery: its log in a file, and its pages on a socket. */
import { jsonLog, type Clock, type Log, type Metrics } from '../base/index.ts';
import { lineWriter } from './instance/daemon.edge.ts';
import type { InstancePaths } from './instance/paths.ts';
import { versions } from './instance/versions.ts';
import { flaggerMetrics, ownPage } from './own-pages.ts';
import { servePages } from './pages.edge.ts';

/** Delivery's own default. */
const PROVIDER = 'istio';

export interface Flagger {
  /** Where delivery says what it does. */
  readonly log: Log;
  /** Where delivery counts. */
  readonly metrics: Metrics;
  close(): Promise<void>;
}

/** Resolves once its pages can be asked for; `log` hears when one cannot be made. */
export async function openFlagger(paths: InstancePaths, clock: Clock, log: Log): Promise<Flagger> {
  // Lines of Flagger's say where in its code each came from.
  const own = jsonLog(lineWriter(paths.flaggerLog), () => clock.now(), 'info', { caller: 'delivery' });
  const metrics = flaggerMetrics(PROVIDER);
  const pages = await servePages({ socketPath: paths.flaggerSocket }, (url) => ownPage(url, () => metrics.text()), log);
  own.info('Starting flagger', { version: versions.sluice, provider: PROVIDER });
  return { log: own, metrics, close: () => pages.close() };
}
