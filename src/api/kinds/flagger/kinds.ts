import { parseDuration } from '../../../base/index.ts';
import type { KubeObject, Resource } from '../../object.ts';
import { Canaries } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { checkPort } from '../check.ts';
import { column, nameColumn, wide } from '../columns.ts';
import { define } from '../define.ts';
import { checkDuration, checkStringMatch } from '../istio/checks.ts';
import { checkTrafficPolicy } from '../istio/destination-rule.ts';
import { alertProviderSchema, canarySchema, metricTemplateSchema } from './schema.ts';
import type { Canary, CanaryAnalysis, CanaryService } from './types.ts';

const shared = { categories: ['all'], status: true, custom: true } as const;

export const canaries = define<Canary>({
  ...shared,
  resource: Canaries,
  schema: canarySchema,
  check: checkCanary,
  columns: [
    nameColumn,
    column('Status', (o) => o.status?.phase ?? null),
    column('Weight', (o) => o.status?.canaryWeight ?? null),
    wide('Suspended', (o) => o.spec?.suspend ?? null, 'boolean'),
    wide('FailedChecks', (o) => o.status?.failedChecks ?? null),
    wide('Interval', (o) => o.spec?.analysis?.interval ?? null),
    wide('Mirror', (o) => o.spec?.analysis?.mirror ?? null, 'boolean'),
    wide('StepWeight', (o) => o.spec?.analysis?.stepWeight ?? null),
    wide('StepWeights', (o) => (o.spec?.analysis?.stepWeights ? JSON.stringify(o.spec.analysis.stepWeights) : null)),
    wide('MaxWeight', (o) => o.spec?.analysis?.maxWeight ?? null),
    column('LastTransitionTime', (o) => o.status?.lastTransitionTime ?? null),
  ],
});

function checkCanary(causes: Causes, o: Canary): void {
  const spec = o.spec;
  if (!spec) return;
  causes.nonNegative('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds);
  if (spec.service) checkService(causes, spec.service);
  if (spec.analysis) checkAnalysis(causes, 'spec.analysis', spec.analysis);
}

function checkService(causes: Causes, service: CanaryService): void {
  if (service.port !== undefined) checkPort(causes, 'spec.service.port', service.port);
  checkDuration(causes, 'spec.service.timeout', service.timeout, true);
  checkDuration(causes, 'spec.service.retries.perTryTimeout', service.retries?.perTryTimeout, true);
  checkTrafficPolicy(causes, 'spec.service.trafficPolicy', service.trafficPolicy);
  service.match?.forEach((match, i) => checkStringMatch(causes, `spec.service.match[${i}].uri`, match.uri));
  if (service.delegation && (service.hosts?.length || service.gateways?.length)) {
    causes.forbidden('spec.service.delegation', 'hosts and gateways must be empty with delegation');
  }
}

/** Minutes or seconds; Flagger's own pattern, which takes `1m30s` and not `1h`. */
const INTERVAL = /^[0-9]+(m|s)/;

function checkInterval(causes: Causes, field: string, text: string | undefined): void {
  if (text === undefined) return;
  if (!INTERVAL.test(text)) return causes.invalid(field, text, "should match '^[0-9]+(m|s)', such as 30s, 1m or 500ms");
  if (!((parseDuration(text) ?? 0) > 0)) causes.invalid(field, text, 'not a duration; write a number and a unit, such as 30s or 1m');
}

function checkAnalysis(causes: Causes, at: string, analysis: CanaryAnalysis): void {
  const ways = (['iterations', 'stepWeight', 'stepWeights'] as const).filter((way) => analysis[way] !== undefined);
  if (ways.length !== 1) {
    const found = ways.length ? `both ${ways.join(' and ')} are set` : 'none is set';
    causes.invalid(at, ways, `exactly one of iterations, stepWeight and stepWeights must be set; ${found}`);
  }
  checkInterval(causes, `${at}.interval`, analysis.interval);
  const whole = ['threshold', 'maxWeight', 'stepWeight', 'stepWeightPromotion', 'iterations', 'mirrorWeight'] as const;
  for (const field of whole) {
    const value = analysis[field];
    if (value !== undefined && !Number.isInteger(value)) causes.invalid(`${at}.${field}`, value, 'must be a whole number');
    causes.nonNegative(`${at}.${field}`, value);
  }
  analysis.stepWeights?.forEach((weight, i) => {
    if (!(Number.isInteger(weight) && weight >= 0))
      causes.invalid(`${at}.stepWeights[${i}]`, weight, 'must be a whole number of at least 0');
  });
  analysis.metrics?.forEach((metric, i) => {
    checkInterval(causes, `${at}.metrics[${i}].interval`, metric.interval);
    const range = metric.thresholdRange;
    if (range?.min !== undefined && range.max !== undefined && range.min > range.max) {
      causes.invalid(`${at}.metrics[${i}].thresholdRange`, range, 'min must not be greater than max');
    }
  });
  analysis.webhooks?.forEach((webhook, i) => {
    if (!URL.canParse(webhook.url)) causes.invalid(`${at}.webhooks[${i}].url`, webhook.url, 'not a URL');
    checkInterval(causes, `${at}.webhooks[${i}].timeout`, webhook.timeout);
  });
  analysis.match?.forEach((match, i) => {
    for (const field of ['headers', 'queryParams'] as const) {
      for (const [name, value] of Object.entries(match[field] ?? {}))
        checkStringMatch(causes, `${at}.match[${i}].${field}[${name}]`, value);
    }
  });
  const cookies = analysis.sessionAffinity;
  if (cookies && cookies.cookieName === cookies.primaryCookieName) {
    causes.invalid(`${at}.sessionAffinity.primaryCookieName`, cookies.primaryCookieName, 'must differ from cookieName');
  }
}

function resource<T extends KubeObject>(kind: string): Resource<T> {
  return { group: 'flagger.app', version: 'v1beta1', kind, plural: `${kind.toLowerCase()}s`, namespaced: true };
}

interface MetricTemplate extends KubeObject {
  spec?: { provider?: { type?: string }; query?: string };
}

export const metricTemplates = define<MetricTemplate>({
  ...shared,
  resource: resource('MetricTemplate'),
  schema: metricTemplateSchema,
  columns: [nameColumn, column('Provider', (o) => o.spec?.provider?.type ?? null)],
});

interface AlertProvider extends KubeObject {
  spec?: { type?: string; address?: string; secretRef?: { name?: string } };
}

export const alertProviders = define<AlertProvider>({
  ...shared,
  resource: resource('AlertProvider'),
  schema: alertProviderSchema,
  check(causes, o) {
    const { address, secretRef } = o.spec ?? {};
    if (!address === !secretRef) causes.invalid('spec', o.spec ?? {}, 'exactly one of address and secretRef must be set');
  },
  columns: [nameColumn, column('Type', (o) => o.spec?.type ?? null)],
});
