/** Tells telemetry what to read: each pod's sidecar or gateway at its admin socket, and what the control plane counts. */
import { join } from 'node:path';
import { Pods } from '../../api/index.ts';
import type { Clock, Log } from '../../base/index.ts';
import type { Informers } from '../../control/index.ts';
import type { Metrics } from '../../delivery/index.ts';
import { proxyOf } from '../../mesh/index.ts';
import { startTelemetry, type Target } from '../../telemetry/index.ts';
import { proxySocketDir } from '../node/images.ts';

export interface TelemetryFeedOptions {
  readonly informers: Informers;
  readonly proxyDir: string;
  readonly istiodSocket: string;
  readonly flaggerSocket: string;
  readonly port: number;
  /** For pods. */
  readonly prometheusSocket: string;
  readonly clock: Clock;
  readonly log: Log;
}

export async function feedTelemetry(options: TelemetryFeedOptions): Promise<Metrics & { close(): Promise<void> }> {
  const { informers, proxyDir, istiodSocket, flaggerSocket, port, prometheusSocket, clock, log } = options;
  const telemetry = await startTelemetry({ clock, log, port, socketPath: prometheusSocket });
  const istiod = { id: 'istiod', adminSocket: istiodSocket, labels: { namespace: 'istio-system', app: 'istiod' } };
  // Without a namespace: what it counts says the one of the canary.
  const flagger = { id: 'flagger', adminSocket: flaggerSocket, labels: { app: 'flagger' } };
  const targets = new Map<string, Target>([istiod, flagger].map((t) => [t.id, t]));
  let queued = false;
  informers.of(Pods).onChange(({ type, object: pod }) => {
    const uid = pod.metadata?.uid ?? '';
    const proxy = type === 'deleted' ? undefined : proxyOf(pod);
    const known = targets.has(uid);
    if (known === (proxy !== undefined)) return;
    if (proxy)
      targets.set(uid, {
        id: uid,
        adminSocket: join(proxySocketDir(proxyDir, uid), 'admin.sock'),
        labels: { namespace: proxy.namespace, pod: proxy.pod, app: proxy.labels.app ?? '' },
      });
    else targets.delete(uid);
    if (queued) return;
    queued = true;
    clock.after(0, () => {
      queued = false;
      telemetry.setTargets([...targets.values()]);
    });
  });
  return {
    async query(promql) {
      const result = await telemetry.query(promql);
      const value = result.type === 'scalar' ? result.point.value : result.type === 'vector' ? result.samples.at(-1)?.value : undefined;
      return value === undefined || Number.isNaN(value) ? undefined : value;
    },
    async select(promql) {
      const result = await telemetry.query(promql);
      return result.type === 'vector' ? result.samples : [];
    },
    close: () => telemetry.close(),
  };
}
