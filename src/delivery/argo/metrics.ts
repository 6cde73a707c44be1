/** AnalysisTemplates as MetricTemplates, and what uses them as metrics of a Canary. Pure. */
import type { CanaryMetric, KubeObject } from '../../api/index.ts';
import { boundsOf } from './condition.ts';
import { durationMs, intervalText } from './durations.ts';
import { PROVIDERS } from './metric-providers.ts';
import { fields, items, number, text, type Fields, type Notes, type Source } from './source.ts';

/** Templates that a Rollout asks for, and where. */
export interface Asked {
  readonly path: string;
  readonly templates: readonly unknown[];
  readonly args: readonly unknown[];
  readonly dryRun: readonly unknown[];
}

export interface Measured {
  readonly templates: KubeObject[];
  readonly metrics: CanaryMetric[];
  /** Failed measurements at which a release is over; undefined when nothing says so. */
  readonly threshold: number | undefined;
  /** How often the longest is measured, and how far apart; for what has no steps of its own. */
  readonly count: number | undefined;
  readonly intervalMs: number | undefined;
}

interface Context {
  readonly rollout: Source;
  readonly namespace: string | undefined;
  readonly sources: readonly Source[];
  readonly notes: Notes;
}

export function measuresOf(asked: readonly Asked[], context: Context): Measured {
  const { notes, rollout } = context;
  const made = new Map<string, KubeObject>();
  const metrics = new Map<string, CanaryMetric>();
  const thresholds: number[] = [];
  const counts: number[] = [];
  const intervals: number[] = [];
  for (const { path, templates, args, dryRun } of asked) {
    const dry = dryRun.map((d) => text(fields(d)['metricName']) ?? '');
    for (const template of templates.flatMap((t) => templatesNamed(fields(t), path, context))) {
      const values = argsOf(template, args, path, context);
      for (const [i, one] of items(template.spec['metrics']).map(fields).entries()) {
        const name = text(one['name']) ?? `metric-${i}`;
        const at = `spec.metrics[${name}]`;
        if (dry.some((d) => d === name || (d !== '' && d.includes('*')))) {
          notes.add(rollout, `${path}.dryRun`, `${name} is left out: a Canary has no metrics that are measured and do not count`);
          continue;
        }
        const metric = metricOf(one, name, at, template, values, context);
        if (!metric) continue;
        if (!metrics.has(metric.metric.name)) metrics.set(metric.metric.name, metric.metric);
        made.set(metric.template.metadata!.name!, metric.template);
        thresholds.push((number(one['failureLimit']) ?? 0) + 1);
        if (number(one['count']) !== undefined) counts.push(number(one['count'])!);
        const ms = durationMs(one['interval']);
        if (ms !== undefined) intervals.push(ms);
      }
    }
  }
  const threshold = thresholds.length > 0 ? Math.min(...thresholds) : undefined;
  if (new Set(thresholds).size > 1)
    notes.add(rollout, asked[0]!.path, `failureLimit differs by metric; a Canary has one threshold for all: the least, ${threshold}`);
  return {
    templates: [...made.values()],
    metrics: [...metrics.values()],
    threshold,
    count: counts.length > 0 ? Math.max(...counts) : undefined,
    intervalMs: intervals.length > 0 ? Math.max(...intervals) : undefined,
  };
}

/** The template, and those that it is made of. */
function templatesNamed(ref: Fields, path: string, context: Context, depth = 0): Source[] {
  const name = text(ref['templateName']) ?? '';
  const kind = ref['clusterScope'] === true ? 'ClusterAnalysisTemplate' : 'AnalysisTemplate';
  const found = context.sources.find((s) => s.kind === kind && s.name === name);
  if (!found) {
    context.notes.add(
      context.rollout,
      path,
      `${kind} ${name} is not in what was given: add it (kubectl get ${kind.toLowerCase()} ${name} -o yaml), or its metrics are missing`,
    );
    return [];
  }
  if (depth > 8) return [found];
  return [found, ...items(found.spec['templates']).flatMap((t) => templatesNamed(fields(t), path, context, depth + 1))];
}

/** Arguments by name: the Rollout's, else the template's own. */
function argsOf(template: Source, given: readonly unknown[], path: string, { rollout, notes }: Context): Map<string, string> {
  const values = new Map<string, string>();
  for (const [from, at, list] of [
    [template, 'spec.args', items(template.spec['args'])],
    [rollout, `${path}.args`, given],
  ] as const)
    for (const arg of list.map(fields)) {
      const name = text(arg['name']) ?? '';
      const value = text(arg['value']) ?? number(arg['value'])?.toString();
      const source = fields(arg['valueFrom']);
      if (value !== undefined) values.set(name, value);
      else if (source['fieldRef']) {
        const found = fieldOf(rollout, text(fields(source['fieldRef'])['fieldPath']) ?? '');
        if (found === undefined)
          notes.add(
            from,
            at,
            `${name} is read from a field that is not set here: write its value into templateVariables of the Canary's metric`,
          );
        else values.set(name, found);
      } else if (source['podTemplateHashValue'])
        notes.add(
          from,
          at,
          `${name} is the hash of a ReplicaSet: a Canary tells its sides apart by the names of Deployments, TARGET and TARGET-primary; rewrite the query with {{ target }}`,
        );
      else if (source['secretKeyRef'])
        notes.add(from, at, `${name} comes from a Secret: a MetricTemplate takes credentials by spec.provider.secretRef alone`);
    }
  return values;
}

/** `metadata.labels['region']` and the like. */
function fieldOf(rollout: Source, path: string): string | undefined {
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (map && key) return text(fields(rollout.metadata[map])[key]);
  return path === 'metadata.name' ? rollout.name : path === 'metadata.namespace' ? rollout.namespace : undefined;
}

const variableOf = (arg: string): string => arg.replaceAll(/\W/g, '_');
const ARG = /\{\{\s*args\.([\w-]+)\s*\}\}/g;
/** What there is no word for in a Canary's metric, and why. */
const UNKNOWN: Readonly<Record<string, string>> = {
  initialDelay: 'measured from the first step on',
  inconclusiveLimit: 'what has no value is waited for while its window fills, and then fails (field inconclusive of the metric)',
  consecutiveErrorLimit: 'what cannot be asked is inconclusive, not an error that counts',
  consecutiveSuccessLimit: 'the analysis lasts as long as its steps do',
};

function metricOf(
  one: Fields,
  name: string,
  at: string,
  template: Source,
  values: ReadonlyMap<string, string>,
  { namespace, notes, rollout }: Context,
): { metric: CanaryMetric; template: KubeObject } | undefined {
  const [provider = '', config] = Object.entries(fields(one['provider']))[0] ?? [];
  const made = PROVIDERS[provider]?.(fields(config));
  if (!made || 'why' in made) {
    notes.add(
      template,
      `${at}.provider.${provider}`,
      made?.why ?? `${provider || 'nothing'} is not a provider that is known here: the metric is left out`,
    );
    return undefined;
  }
  for (const note of made.notes ?? []) notes.add(template, `${at}.provider.${provider}`, note);
  for (const [field, why] of Object.entries(UNKNOWN))
    if (one[field] !== undefined) notes.add(template, `${at}.${field}`, `left out: ${why}`);
  const range = rangeOf(one, at, template, notes);
  const used = [...new Set([...made.query.matchAll(ARG)].map((m) => m[1]!))];
  const query = made.query.replaceAll(ARG, (_, arg: string) => `{{ variables.${variableOf(arg)} }}`);
  const unset = used.filter((arg) => !values.has(arg));
  if (unset.length > 0)
    notes.add(
      template,
      at,
      `the query uses ${unset.join(', ')}, of which no value is known: write ${unset.map(variableOf).join(', ')} into templateVariables of the Canary's metric`,
    );
  const variables = Object.fromEntries(used.map((arg) => [variableOf(arg), values.get(arg) ?? '']));
  const object = [template.name, ...(template.name === name ? [] : [name])]
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-');
  const intervalMs = durationMs(one['interval']);
  return {
    metric: {
      name,
      templateRef: { name: object },
      interval: intervalText(intervalMs ?? 60_000),
      ...(range ? { thresholdRange: range.range } : {}),
      ...(range?.lenient ? { inconclusive: 'wait' as const } : {}),
      ...(used.length > 0 ? { templateVariables: variables } : {}),
    },
    template: {
      apiVersion: 'flagger.app/v1beta1',
      kind: 'MetricTemplate',
      metadata: { name: object, ...((namespace ?? rollout.namespace) ? { namespace: namespace ?? rollout.namespace } : {}) },
      spec: { provider: made.provider, query },
    } as KubeObject,
  };
}

function rangeOf(one: Fields, at: string, template: Source, notes: Notes) {
  const success = text(one['successCondition']);
  const failure = text(one['failureCondition']);
  const field = success ? 'successCondition' : 'failureCondition';
  const condition = success ?? failure;
  if (condition === undefined) {
    notes.add(
      template,
      at,
      "it has neither successCondition nor failureCondition: any value passes; set thresholdRange of the Canary's metric",
    );
    return undefined;
  }
  if (success && failure)
    notes.add(
      template,
      `${at}.failureCondition`,
      'left out: what is outside of the range of successCondition fails, there is nothing between',
    );
  const bounds = boundsOf(condition, !success);
  if (!bounds) {
    notes.add(
      template,
      `${at}.${field}`,
      `"${condition}" is no range of one number: let the query give one, and set thresholdRange of the Canary's metric; until then any value passes`,
    );
    return undefined;
  }
  if (bounds.strict) notes.add(template, `${at}.${field}`, `"${condition}" leaves the bound out; thresholdRange takes it in`);
  if (bounds.lenient)
    notes.add(template, `${at}.${field}`, `"${condition}" takes no value for success; a Canary waits for one (inconclusive: wait)`);
  return bounds;
}
