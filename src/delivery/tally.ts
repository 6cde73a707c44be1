/** What releases come to in numbers, under the names of Flagger's metrics: dashboards and alerts are made for these. */
import type { Canary, CanaryStatus } from '../api/index.ts';
import type { Metrics } from '../base/index.ts';
import type { Informer } from '../control/index.ts';
import type { Answers, Observation } from './decision.ts';
import { primaryName } from './names.ts';
import { strategyOf } from './strategies/index.ts';

/** Seconds; Prometheus' defaults. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Tally {
  /** A look at a canary took `ms`; `status`: what was written then. */
  looked(o: Observation, answers: Answers, status: CanaryStatus | undefined, ms: number): void;
}

/** Flagger's codes: 0 while it is analysed, 2 when it has failed, 1 otherwise. */
function codeOf({ status }: Canary): number {
  return status?.phase === 'Progressing' ? 0 : status?.phase === 'Failed' ? 2 : 1;
}

/** `canaries`: all that there are, also those that nothing happens to. */
export function createTally(metrics: Metrics, canaries: Pick<Informer<Canary>, 'list'>): Tally {
  const named = ({ metadata, spec }: Canary): [string, string] => [spec.targetRef.name, metadata?.namespace ?? ''];
  /** The last value of each metric of a canary, by the canary's uid. */
  const measured = new Map<string, Map<string, number>>();

  metrics.gauge('flagger_canary_total', 'Canaries that there are.', ['namespace'], () => {
    const counts = new Map<string, number>();
    for (const { metadata } of canaries.list()) counts.set(metadata?.namespace ?? '', (counts.get(metadata?.namespace ?? '') ?? 0) + 1);
    return Array.from(counts, ([namespace, count]) => [[namespace], count]);
  });
  metrics.gauge('flagger_canary_status', 'Last state: 0 under analysis, 1 successful, 2 failed.', ['name', 'namespace'], () =>
    canaries.list().map((c) => [named(c), codeOf(c)]),
  );
  metrics.gauge('flagger_canary_weight', 'Percent of the requests.', ['workload', 'namespace'], () =>
    canaries.list().flatMap((c): [string[], number][] => {
      const [name, namespace] = named(c);
      const weight = c.status?.canaryWeight ?? 0;
      return [
        [[primaryName(name), namespace], 100 - weight],
        [[name, namespace], weight],
      ];
    }),
  );
  metrics.gauge('flagger_canary_metric_analysis', 'Last value of a metric of the analysis.', ['name', 'namespace', 'metric'], () =>
    canaries
      .list()
      .flatMap((c) =>
        Array.from(measured.get(c.metadata?.uid ?? '') ?? [], ([metric, value]): [string[], number] => [[...named(c), metric], value]),
      ),
  );
  const duration = metrics.histogram(
    'flagger_canary_duration_seconds',
    'Time that a look at a canary took.',
    ['name', 'namespace'],
    BUCKETS,
  );
  const ended = ['name', 'namespace', 'deployment_strategy', 'analysis_status'];
  const successes = metrics.counter('flagger_canary_successes_total', 'Releases that were promoted.', ended);
  const failures = metrics.counter('flagger_canary_failures_total', 'Releases that were rolled back.', ended);

  return {
    looked({ canary, settings }, { measured: values = [] }, status, ms) {
      const name = named(canary);
      duration(name, ms / 1000);
      if (values.length > 0) {
        const known = new Set(canaries.list().map((c) => c.metadata?.uid));
        for (const uid of measured.keys()) if (!known.has(uid)) measured.delete(uid);
        const own = measured.get(canary.metadata?.uid ?? '') ?? new Map<string, number>();
        measured.set(canary.metadata?.uid ?? '', own);
        for (const m of values) if (m.value !== undefined) own.set(m.name, m.value);
      }
      const before = canary.status?.phase;
      if (status === undefined || status.phase === before) return;
      const labels = [...name, strategyOf(settings).name, settings.skipAnalysis ? 'skipped' : 'completed'];
      if (status.phase === 'Succeeded') successes(labels);
      if (status.phase === 'Failed') failures(labels);
    },
  };
}
