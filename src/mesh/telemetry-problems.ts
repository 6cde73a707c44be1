/** What Telemetry objects ask for and do not get. */
import { expressionProblem, type ProviderRef, type Telemetry } from '../api/index.ts';
import { formatProblem } from './log-format.ts';
import { memo } from './memo.ts';
import type { Model } from './model.ts';
import type { Problem } from './problem.ts';
import { PROMETHEUS, type ReportProviders } from './report-providers.ts';
import { isLabel, METRICS, tagProblem } from './telemetry.ts';

type Found = Omit<Problem, 'object'>;

export function telemetryProblems({ telemetries, services, config }: Model): readonly Problem[] {
  return found(telemetries, services, config);
}

const found = memo((telemetries: Model['telemetries'], services: Model['services'], config: Model['config']): readonly Problem[] => {
  const { rootNamespace, reports } = config;
  // Only hosts that logs and spans go to are looked up, so that other services may change.
  const there = [...reports.logs, ...reports.tracers].flatMap((p) => ('host' in p && services.has(p.host) ? [p.host] : []));
  return telemetries.all.flatMap((telemetry) => {
    const wide = (t: Telemetry): boolean => !t.spec?.selector && t.metadata?.namespace === telemetry.metadata?.namespace;
    const first = wide(telemetry) ? telemetries.all.find(wide) : telemetry;
    const named = (part: 'accessLogging' | 'tracing'): boolean =>
      telemetries.all.some(
        (t) =>
          [rootNamespace, telemetry.metadata?.namespace].includes(t.metadata?.namespace) &&
          t.spec?.[part]?.some((e) => e.providers?.length),
      );
    const before = first === telemetry ? undefined : first;
    const at = `${rootNamespace}/istio`;
    return problemsOfOne(telemetry, before, reports, at, there.join(' '), named('accessLogging'), named('tracing'));
  });
});

const problemsOfOne = memo(
  (
    telemetry: Telemetry,
    before: Telemetry | undefined,
    reports: ReportProviders,
    configMap: string,
    hosts: string,
    logsNamed: boolean,
    tracersNamed: boolean,
  ): readonly Problem[] => {
    const { namespace, name = '' } = telemetry.metadata ?? {};
    const named = { logs: logsNamed || reports.defaultLogs.length > 0, tracers: tracersNamed || reports.defaultTracers.length > 0 };
    const found = [...ofPlace(telemetry, before), ...ofSpec(telemetry, reports, configMap, new Set(hosts.split(' ')), named)];
    return found.map((f) => ({ object: { kind: 'Telemetry', namespace, name }, ...f }));
  },
);

function ofPlace({ spec }: Telemetry, before: Telemetry | undefined): Found[] {
  if (spec?.targetRef || spec?.targetRefs?.length)
    return [idle('spec.targetRefs', 'one gateway serves all Gateways, so nothing is told of one alone.', 'Use a selector.')];
  if (!before) return [];
  const message = `Telemetry ${before.metadata?.name}, which is older, holds for the namespace; nothing of this one is read.`;
  return [{ code: 'IST0160', severity: 'error', path: 'spec', message, fix: 'Make one of the two, or give this one a selector.' }];
}

const idle = (path: string, message: string, fix: string): Found => ({ code: 'SLU0010', severity: 'warning', path, message, fix });
const bad = (path: string, message: string, fix: string): Found => ({ code: 'IST0106', severity: 'error', path, message, fix });

/** `there`: whether somebody names providers that an entry without some is about. */
function ofSpec(
  { spec }: Telemetry,
  reports: ReportProviders,
  configMap: string,
  hosts: ReadonlySet<string>,
  there: { readonly logs: boolean; readonly tracers: boolean },
): Found[] {
  const { accessLogging = [], metrics = [], tracing = [] } = spec ?? {};
  const named = (path: string, refs: readonly ProviderRef[] = [], known: readonly { name: string }[]): Found[] =>
    refs.flatMap(({ name }, i): Found[] => {
      const at = `${path}.providers[${i}].name`;
      const provider = known.find((p) => p.name === name) as
        | ReportProviders['logs'][number]
        | ReportProviders['tracers'][number]
        | undefined;
      const missing = (message: string, fix: string): Found[] => [{ code: 'IST0101', severity: 'error', path: at, message, fix }];
      if (!provider) return missing(`there is no provider ${name} for it.`, `Declare it in extensionProviders of ConfigMap ${configMap}.`);
      if ('host' in provider && !hosts.has(provider.host))
        return missing(`there is no service ${provider.host}, to which it would go.`, `Create it, or correct ConfigMap ${configMap}.`);
      const format = 'to' in provider ? formatProblem(provider) : undefined;
      return format ? [bad(at, `its format cannot be used: ${format}; nothing is logged.`, `Correct ConfigMap ${configMap}.`)] : [];
    });
  const nowhere = (path: string, what: string, known: boolean): Found[] =>
    known
      ? []
      : [
          {
            code: 'IST0157',
            severity: 'warning',
            path,
            message: `it names no provider, and there is no default one, so ${what} go nowhere.`,
            fix: 'Set providers.',
          },
        ];
  return [
    ...accessLogging.flatMap(({ providers, disabled, filter }, i): Found[] => {
      const path = `spec.accessLogging[${i}]`;
      const problem = filter?.expression === undefined ? undefined : expressionProblem(filter.expression);
      return [
        ...named(path, providers, reports.logs),
        ...(disabled ? [] : nowhere(path, 'logs', there.logs)),
        ...(problem ? [bad(`${path}.filter.expression`, `${problem}. Nothing is logged.`, 'Correct the expression.')] : []),
      ];
    }),
    ...metrics.flatMap((m, i) => ofMetrics(`spec.metrics[${i}]`, m)),
    ...tracing.flatMap((t, i): Found[] => {
      const path = `spec.tracing[${i}]`;
      const idly = (['useRequestIdForTraceSampling', 'enableIstioTags', 'disableContextPropagation'] as const).filter(
        (k) => t[k] !== undefined,
      );
      return [
        ...named(path, t.providers, reports.tracers),
        ...(t.disableSpanReporting ? [] : nowhere(path, 'spans', there.tracers)),
        ...idly.map((key) => idle(`${path}.${key}`, 'it has no effect.', 'Leave it out.')),
        ...Object.entries(t.customTags ?? {}).flatMap(([name, tag]) =>
          tag?.formatter
            ? [idle(`${path}.customTags.${name}.formatter`, 'it has no effect.', 'Use a literal, a header or the environment.')]
            : [],
        ),
      ];
    }),
  ];
}

function ofMetrics(
  path: string,
  { providers = [], overrides = [], reportingInterval }: NonNullable<Telemetry['spec']['metrics']>[number],
): Found[] {
  return [
    ...providers.flatMap(({ name }, i): Found[] =>
      name === PROMETHEUS
        ? []
        : [idle(`${path}.providers[${i}].name`, 'metrics are there for Prometheus alone.', `Use ${PROMETHEUS}, or leave it out.`)],
    ),
    ...(reportingInterval === undefined
      ? []
      : [idle(`${path}.reportingInterval`, 'bytes are counted as connections end.', 'Leave it out.')]),
    ...overrides.flatMap(({ match, tagOverrides = {} }, i): Found[] => {
      const at = `${path}.overrides[${i}]`;
      const { metric, customMetric } = match ?? {};
      const counted = metric === undefined || metric === 'ALL_METRICS' || (METRICS as readonly string[]).includes(metric);
      return [
        ...(customMetric ? [idle(`${at}.match.customMetric`, 'proxies have no metrics but those of Istio.', 'Use metric.')] : []),
        ...(counted ? [] : [idle(`${at}.match.metric`, `proxies do not count ${metric}.`, `Use ${METRICS.join(', ')}.`)]),
        ...Object.entries(tagOverrides).flatMap(([name, tag]): Found[] => {
          const problem = !isLabel(name) ? `"${name}" is no name of a label` : tag?.value ? tagProblem(tag.value) : undefined;
          return problem ? [bad(`${at}.tagOverrides.${name}`, `${problem}. The label stays as it is.`, 'Correct it.')] : [];
        }),
      ];
    }),
  ];
}
