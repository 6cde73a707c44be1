import { parseDuration } from '../../../base/index.ts';
import type { AnyObject } from '../../object.ts';
import { AlertProviders, Canaries, MetricTemplates } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { checkPort } from '../check.ts';
import { defineCustom, shows } from '../custom.ts';
import { checkDuration, checkStringMatch } from '../istio/checks.ts';
import { checkTrafficPolicy } from '../istio/destination-rule.ts';
import { istioShapes } from '../istio/shared.ts';
import { shapesIn } from '../schema/shapes.edge.ts';
import { canaryParts } from './request.ts';
import type { AlertProvider, Canary, CanaryAnalysis, CanaryService, MetricTemplate } from './types.ts';

const shared = {
  categories: ['all'],
  shapes: shapesIn('app.flagger', new URL('./flagger.shapes', import.meta.url), istioShapes),
  annotations: { 'helm.sh/resource-policy': 'keep' },
} as const;

const OLD = 'flagger.app/v1alpha3 is deprecated; use flagger.app/v1beta1, where spec.canaryAnalysis is spec.analysis';

export const canaries = defineCustom<Canary>({
  ...shared,
  resource: Canaries,
  versions: [
    {
      version: 'v1alpha3',
      shape: 'CanaryV1alpha3',
      warning: OLD,
      upgrade: renamed('canaryAnalysis', 'analysis'),
      downgrade: renamed('analysis', 'canaryAnalysis'),
    },
  ],
  subresources: canaryParts,
  check: checkCanary,
  columns: [
    shows('Status', '.status.phase'),
    shows('Weight', '.status.canaryWeight'),
    shows('Suspended', '.spec.suspend', { type: 'boolean', priority: 1 }),
    shows('FailedChecks', '.status.failedChecks', { priority: 1 }),
    shows('Interval', '.spec.analysis.interval', { priority: 1 }),
    shows('Mirror', '.spec.analysis.mirror', { type: 'boolean', priority: 1 }),
    shows('StepWeight', '.spec.analysis.stepWeight', { priority: 1 }),
    shows('StepWeights', '.spec.analysis.stepWeights', { priority: 1 }),
    shows('MaxWeight', '.spec.analysis.maxWeight', { priority: 1 }),
    shows('LastTransitionTime', '.status.lastTransitionTime'),
  ],
});

/** Moves a field of `spec` to another name; where both are there, the new one stays. */
function renamed(from: string, to: string): (object: AnyObject) => AnyObject {
  return (object) => {
    const { [from]: value, ...rest } = (object['spec'] ?? {}) as Record<string, unknown>;
    return value === undefined ? object : { ...object, spec: { [to]: value, ...rest } };
  };
}

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
  const rule = 'exactly one of iterations, stepWeight and stepWeights must be set';
  if (!ways.length) causes.required(`${at}.stepWeight`, `${rule}; none is set`);
  else if (ways.length > 1) causes.forbidden(`${at}.${ways[1]}`, `${rule}; both ${ways.join(' and ')} are set`);
  if (analysis.interval === undefined) causes.required(`${at}.interval`);
  if (analysis.threshold === undefined) causes.required(`${at}.threshold`);
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
  for (const field of ['alpha', 'promoteAlpha'] as const) {
    const value = analysis.judge?.[field];
    if (value !== undefined && !(value > 0 && value < 1))
      causes.invalid(`${at}.judge.${field}`, value, 'must be between 0 and 1, such as 0.01');
  }
  const margin = analysis.judge?.margin;
  if (margin !== undefined && !(margin > 1)) causes.invalid(`${at}.judge.margin`, margin, 'must be greater than 1, such as 2');
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

const old = [{ version: 'v1alpha3', warning: 'flagger.app/v1alpha3 is deprecated; use flagger.app/v1beta1' }];

export const metricTemplates = defineCustom<MetricTemplate>({
  ...shared,
  resource: MetricTemplates,
  versions: old,
  columns: [shows('Provider', '.spec.provider.type')],
});

export const alertProviders = defineCustom<AlertProvider>({
  ...shared,
  resource: AlertProviders,
  versions: old,
  check(causes, o) {
    const { address, secretRef } = o.spec ?? {};
    if (address && secretRef) causes.forbidden('spec.secretRef', 'only one of address and secretRef may be set');
    if (!address && !secretRef) causes.required('spec.address', 'address or secretRef must be set');
  },
  columns: [shows('Type', '.spec.type')],
});
