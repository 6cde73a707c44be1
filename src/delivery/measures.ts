/** Where a metric's values come from: Flagger's own queries, a query of the Canary's, a MetricTemplate and its provider. */
import { MetricTemplates, Secrets, type CanaryMetric, type MetricTemplate } from '../api/index.ts';
import { Fault, messageOf, type Clock } from '../base/index.ts';
import type { Client } from '../control/index.ts';
import { builtinMetric } from './builtin-metrics.ts';
import { windowMs, windowOf } from './checks.ts';
import type { Metrics, Web } from './ports.ts';
import { PROVIDERS } from './providers/index.ts';
import type { Credentials, Tools } from './providers/provider.ts';
import { renderQuery } from './providers/render.ts';
import { hidden } from './quote.ts';
import type { Settings } from './settings.ts';
import type { Environment } from './web-address.ts';

export interface Measure {
  /** The values of all series found, each of which has to pass; empty when there are none. Rejects with the text of an event. */
  read(): Promise<readonly number[]>;
  /** The text of the event when there are no values. */
  readonly nothing: string;
  /** How many requests the values are made from, where that is known. Rejects like `read`. */
  requests?(): Promise<number>;
}

/** A metric that is measured in several ways has to pass in all of them. */
export type Measures = (metric: CanaryMetric, settings: Settings) => readonly Measure[];

export interface MeasuresOptions {
  /** Undefined: each canary is to have a Prometheus of its own, or one by default. */
  readonly metrics: Metrics | undefined;
  readonly client: Client;
  readonly web: Web;
  readonly clock: Clock;
  readonly env: Environment;
}

async function one(query: string, metrics: Metrics): Promise<readonly number[]> {
  const value = await metrics.query(query);
  return value === undefined ? [] : [value];
}

async function all(query: string, metrics: Metrics): Promise<readonly number[]> {
  const series = (await metrics.select(query)).map((s) => s.value).filter((value) => !Number.isNaN(value));
  return series.length > 0 ? series : one(query, metrics);
}

export function createMeasures({ metrics, client, web, clock, env }: MeasuresOptions): Measures {
  const tools: Tools = { web, client, env };

  /** PromQL, which a Prometheus of the Canary's own answers, if it names one, else the one that is built in. */
  const prometheus = async (query: string, { metricsServer }: Settings, builtIn: typeof one): Promise<readonly number[]> => {
    if (!metricsServer) return builtIn(query, builtInMetrics());
    const spec = { type: 'prometheus', address: metricsServer };
    return PROVIDERS['prometheus']!({ spec, secret: undefined, query, windowMs: 0, now: clock.now() }, tools);
  };

  function builtInMetrics(): Metrics {
    if (metrics) return metrics;
    throw new Fault('NoPrometheus', 'no Prometheus is named: set spec.metricsServer of the Canary');
  }

  async function secretOf(template: MetricTemplate): Promise<Credentials | undefined> {
    const name = template.spec?.provider?.secretRef?.name;
    if (!name) return undefined;
    const secret = await client.get(Secrets, { namespace: template.metadata?.namespace, name });
    if (!secret)
      throw new Fault('NoSecret', `not found: create it in namespace ${template.metadata?.namespace}, or correct spec.provider.secretRef`);
    const decoded = Object.entries(secret.data ?? {}).map(([k, v]): [string, string] => [
      k,
      Buffer.from(v, 'base64').toString('utf8').trim(),
    ]);
    return { name, data: Object.fromEntries(decoded) };
  }

  function templated(metric: CanaryMetric, settings: Settings): Measure {
    const { name, namespace = settings.namespace } = metric.templateRef!;
    const at = `Metric template ${name}.${namespace}`;
    return {
      nothing: `Halt advancement no values found for custom metric: ${metric.name}: no values found`,
      async read() {
        const template = await step(`${at} error`, async () => {
          const found = await client.get(MetricTemplates, { namespace, name });
          if (!found?.spec)
            throw new Fault('NoTemplate', 'not found: create it, or correct templateRef in spec.analysis.metrics of the Canary');
          return found;
        });
        const { provider: spec = { type: '' }, query = '' } = template.spec!;
        const secret = await step(`${at} secret ${spec.secretRef?.name} error`, () => secretOf(template));
        const provider = PROVIDERS[spec.type];
        if (!provider)
          throw new Fault('NoProvider', `${at} provider ${spec.type} error: not known; use one of ${Object.keys(PROVIDERS).join(', ')}`);
        const rendered = await step(`${at} query render error`, async () =>
          renderQuery(query, { ...settings, service: settings.apex, ...filled(metric) }),
        );
        const question = { spec, secret, query: rendered, windowMs: windowMs(metric), now: clock.now() };
        return step(`Metric query failed for ${metric.name}`, () => provider(question, tools), Object.values(secret?.data ?? {}));
      },
    };
  }

  return (metric, settings) => {
    const builtin = builtinMetric(metric.name, settings, windowOf(metric));
    const failed = `Prometheus query failed for ${metric.name}`;
    const ways: Measure[] = [];
    if (builtin)
      ways.push({
        nothing: `Halt advancement no values found for ${settings.provider} metric ${metric.name} probably ${settings.target}.${settings.namespace} is not receiving traffic: no request was counted ${builtin.counted}`,
        read: () => step(failed, () => prometheus(builtin.query, settings, one)),
        requests: async () => Math.round((await step(failed, () => prometheus(builtin.requests, settings, one)))[0] ?? 0),
      });
    if (metric.query)
      ways.push({
        nothing: `Halt advancement no values found for custom metric: ${metric.name}: no values found`,
        read: () => step(failed, () => prometheus(metric.query!, settings, all)),
      });
    if (metric.templateRef) ways.push(templated(metric, settings));
    return ways;
  };
}

const filled = (metric: CanaryMetric): { interval: string; variables: Readonly<Record<string, string>> } => ({
  interval: windowOf(metric),
  variables: metric.templateVariables ?? {},
});

/** Whatever goes wrong in `run` is told as `<what>: <why>`, with none of the `secrets` in it. */
async function step<T>(what: string, run: () => Promise<T>, secrets: readonly string[] = []): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw new Fault('NotMeasured', `${what}: ${hidden(messageOf(cause), secrets)}`, { cause });
  }
}
