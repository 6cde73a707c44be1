/** The pages of delivery: that it lives, and what it counts under Flagger's names. Pure. */
import { createMetrics, type Metrics } from '../base/index.ts';
import type { Provider } from '../delivery/index.ts';
import { versions } from './instance/versions.ts';

export interface Page {
  readonly status: number;
  /** Text and bytes as they are; anything else as JSON. */
  readonly body: unknown;
}

/** Metrics that say what runs; `provider` is what routes requests where a Canary does not say. */
export function flaggerMetrics(provider: Provider): Metrics {
  const metrics = createMetrics();
  metrics.gauge('flagger_info', 'What runs.', ['version', 'mesh_provider'], () => [[[versions.sluice, provider], 1]]);
  return metrics;
}

/** `metrics`: in Prometheus' text format. */
export function ownPage({ pathname }: URL, metrics: () => Iterable<Buffer>): Page {
  switch (pathname) {
    case '/metrics':
    // The path by which the instance's own metrics are collected.
    case '/stats':
      return { status: 200, body: Buffer.concat([...metrics()]) };
    case '/healthz':
      return { status: 200, body: 'OK' };
    default:
      return { status: 404, body: 'There are /healthz and /metrics.\n' };
  }
}
