/** What Telemetry objects say of a proxy's logs, metrics and spans: the mesh's, then its namespace's, then its own. */
import {
  expressionProblem,
  type AccessLogging,
  type CustomTag,
  type Metrics,
  type ProviderRef,
  type Telemetry,
  type Tracing,
  type WorkloadMode,
} from '../api/index.ts';
import { formatProblem } from './log-format.ts';
import { interner, memo } from './memo.ts';
import type { LogProvider, Tracer } from './report-providers.ts';
import type { MeshConfig } from './snapshot.ts';
import { selects, type Workload } from './workload.ts';

/** A log, and which requests come into it: all, or those of which an expression holds. */
export interface Logged {
  readonly provider: LogProvider;
  readonly filter?: string;
}

/** What is other than usual of a metric. */
export interface MetricChange {
  readonly disabled?: boolean;
  /** Labels by name: an expression, or null for one that is taken off. */
  readonly tags?: Readonly<Record<string, string | null>>;
}

export interface Traced {
  readonly provider: Tracer;
  /** Percent of the requests. */
  readonly sampling: number;
  readonly tags: Readonly<Record<string, CustomTag>>;
}

/** What one side of a proxy tells, of what goes out or of what comes in, besides the metrics as they are. */
export interface Told {
  readonly logs: readonly Logged[];
  /** By Istio's names, as `REQUEST_COUNT`. */
  readonly metrics: Readonly<Record<string, MetricChange>>;
  readonly tracing?: Traced;
}

/** A workload, and what its proxy tells of it where that is not the usual. Plain data. */
export interface Reporter extends Workload {
  readonly told?: { readonly client: Told; readonly server: Told };
}

/** By Istio's names; others are not counted here. */
export const METRICS = [
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
] as const;

/** The oldest of each place holds: the mesh's, the namespace's, and of those with a selector the one that fits. */
export class Telemetries {
  readonly all: readonly Telemetry[];
  readonly #config: MeshConfig;

  constructor(all: readonly Telemetry[], config: MeshConfig) {
    this.all = all;
    this.#config = config;
  }

  /** From the widest to the narrowest. */
  of(namespace: string, labels: Readonly<Record<string, string>>): readonly Telemetry[] {
    const { rootNamespace } = this.#config;
    const attached = (t: Telemetry): boolean => Boolean(t.spec?.targetRef || t.spec?.targetRefs?.length);
    const isWide = (t: Telemetry): boolean => !Object.keys(t.spec?.selector?.matchLabels ?? {}).length;
    const first = (where: string, fits: (t: Telemetry) => boolean): Telemetry[] => {
      const found = this.all.find((t) => t.metadata?.namespace === where && !attached(t) && fits(t));
      return found ? [found] : [];
    };
    return [
      ...first(rootNamespace, isWide),
      ...(namespace === rootNamespace ? [] : first(namespace, isWide)),
      ...first(namespace, (t) => !isWide(t) && selects(t.spec?.selector?.matchLabels, labels)),
    ];
  }

  /** Undefined for the usual. */
  told(namespace: string, labels: Readonly<Record<string, string>>): Reporter['told'] {
    return toldBy(this.#config, ...this.of(namespace, labels));
  }
}

const intern = interner<NonNullable<Reporter['told']>>();

const toldBy = memo((config: MeshConfig, ...levels: Telemetry[]): Reporter['told'] => {
  const [client, server] = (['CLIENT', 'SERVER'] as const).map((side) => toldOf(config, levels, side)) as [Told, Told];
  const usual = [client, server].every((t) => !t.logs.length && !Object.keys(t.metrics).length && !t.tracing);
  return usual ? undefined : intern({ client, server });
});

type Side = 'CLIENT' | 'SERVER';

function toldOf(config: MeshConfig, levels: readonly Telemetry[], side: Side): Told {
  const of = <T extends { match?: { mode?: WorkloadMode } }>(part: (t: Telemetry) => readonly T[] | undefined): readonly T[][] =>
    levels.map((t) => (part(t) ?? []).filter((e) => concerns(e.match?.mode, side))).filter((entries) => entries.length);
  const tracing = tracingOf(config, of((t) => t.spec?.tracing).flat());
  return {
    logs: logsOf(
      config,
      of((t) => t.spec?.accessLogging),
    ),
    metrics: metricsOf(
      levels.flatMap((t) => t.spec?.metrics ?? []),
      side,
    ),
    ...(tracing ? { tracing } : {}),
  };
}

const concerns = (mode: WorkloadMode = 'CLIENT_AND_SERVER', side: Side): boolean => mode === 'CLIENT_AND_SERVER' || mode === side;
const namesOf = (providers: readonly ProviderRef[] = []): string[] => providers.map((p) => p.name);

/** Providers that a level names take the place of those before; an entry that names none is about these. */
function logsOf({ reports }: MeshConfig, levels: readonly (readonly AccessLogging[])[]): Logged[] {
  let names = reports.defaultLogs;
  const said = new Map<string, AccessLogging>();
  for (const level of levels) {
    const before = names;
    const named = level.flatMap((e) => namesOf(e.providers));
    if (named.length) names = [...new Set(named)];
    for (const entry of level) for (const name of entry.providers?.length ? namesOf(entry.providers) : before) said.set(name, entry);
  }
  return names.flatMap((name): Logged[] => {
    const provider = reports.logs.find((p) => p.name === name);
    const { disabled, filter } = said.get(name) ?? {};
    if (!provider || disabled || formatProblem(provider)) return [];
    if (filter?.expression === undefined) return [{ provider }];
    // A log of everything is not what was asked for.
    return expressionProblem(filter.expression) ? [] : [{ provider, filter: filter.expression }];
  });
}

function metricsOf(all: readonly Metrics[], side: Side): Told['metrics'] {
  const changes: Record<string, MetricChange> = {};
  for (const { match, disabled, tagOverrides = {} } of all.flatMap((m) => m.overrides ?? [])) {
    if (!concerns(match?.mode, side) || match?.customMetric) continue;
    const tags = Object.entries(tagOverrides).flatMap(([name, tag]): [string, string | null][] => {
      if (!isLabel(name)) return [];
      if (tag?.operation === 'REMOVE') return [[name, null]];
      return tag?.value && !tagProblem(tag.value) ? [[name, tag.value]] : [];
    });
    const { metric = 'ALL_METRICS' } = match ?? {};
    for (const name of metric === 'ALL_METRICS' ? METRICS : METRICS.filter((m) => m === metric)) {
      const before = changes[name] ?? {};
      changes[name] = {
        ...before,
        ...(disabled === undefined ? {} : { disabled }),
        ...(tags.length ? { tags: { ...before.tags, ...Object.fromEntries(tags) } } : {}),
      };
    }
  }
  return changes;
}

/** Names of labels, as Prometheus takes them. */
export const isLabel = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name);

/** Why an expression cannot be the value of a label; undefined when it can. */
export function tagProblem(expression: string): string | undefined {
  // It stands in a text between `%CEL(` and `)%`.
  return expression.includes(')%') || expression.includes('):') || /[\r\n]/.test(expression)
    ? 'it may have no ")%", "):" or line break in it'
    : expressionProblem(expression);
}

function tracingOf({ reports }: MeshConfig, all: readonly Tracing[]): Traced | undefined {
  let names = reports.defaultTracers;
  let sampling: number | undefined;
  let tags: Readonly<Record<string, CustomTag>> = {};
  let silent = false;
  for (const { providers, randomSamplingPercentage, customTags, disableSpanReporting } of all) {
    if (providers?.length) names = namesOf(providers);
    if (randomSamplingPercentage !== undefined) sampling = randomSamplingPercentage;
    if (customTags && Object.keys(customTags).length) tags = customTags;
    if (disableSpanReporting !== undefined) silent = disableSpanReporting;
  }
  const provider = reports.tracers.find((t) => names.includes(t.name));
  return provider && !silent ? { provider, sampling: Math.min(100, Math.max(0, sampling ?? reports.sampling)), tags } : undefined;
}
