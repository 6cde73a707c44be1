import type { HorizontalPodAutoscaler as V1 } from 'kubernetes-types/autoscaling/v1.js';
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from 'kubernetes-types/autoscaling/v2.js';
import type { AnyObject } from '../object.ts';
import { HorizontalPodAutoscalers } from '../resources.ts';
import { parseQuantity } from '../../base/index.ts';
import { type Causes, follow } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { metricDown, metricUp, oldAutoscalers } from './legacy/autoscaling.ts';
import { pathSegment } from './metadata.ts';
import { kindSchema } from './schema/builtin.ts';

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>;

export const horizontalPodAutoscalers = define<HorizontalPodAutoscaler>({
  resource: HorizontalPodAutoscalers,
  shortNames: ['hpa'],
  categories: ['all'],
  schema: 'k8s.io.api.autoscaling.v2.HorizontalPodAutoscaler',
  status: true,
  default(o) {
    const spec = (o.spec ??= {} as Spec);
    (o as { status?: object }).status ??= { desiredReplicas: 0 };
    spec.minReplicas ??= 1;
    if (!spec.metrics?.length) spec.metrics = [cpuMetric(80)];
    defaultBehavior(spec);
  },
  check,
  columns: [
    nameColumn,
    column('Reference', (o) => `${o.spec?.scaleTargetRef.kind ?? ''}/${o.spec?.scaleTargetRef.name ?? ''}`),
    column('Targets', targets),
    column('MinPods', (o) => String(o.spec?.minReplicas ?? '<unset>')),
    column('MaxPods', (o) => o.spec?.maxReplicas ?? 0, 'integer'),
    column('Replicas', (o) => o.status?.currentReplicas ?? 0, 'integer'),
    ageColumn,
  ],
  legacy: [
    {
      group: 'autoscaling',
      version: 'v1',
      warning: '',
      get schema() {
        return kindSchema('k8s.io.api.autoscaling.v1.HorizontalPodAutoscaler');
      },
      upgrade: (o) => upgrade(o as V1) as unknown as AnyObject,
      downgrade: (o) => downgrade(o as unknown as HorizontalPodAutoscaler) as unknown as AnyObject,
    },
    ...oldAutoscalers,
  ],
});

function cpuMetric(averageUtilization: number): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

function defaultBehavior(spec: Spec): void {
  const { behavior } = spec;
  if (!behavior) return;
  const up = (behavior.scaleUp ??= {});
  up.stabilizationWindowSeconds ??= 0;
  up.selectPolicy ??= 'Max';
  up.policies ??= [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ];
  const down = (behavior.scaleDown ??= {});
  down.selectPolicy ??= 'Max';
  down.policies ??= [{ type: 'Percent', value: 100, periodSeconds: 15 }];
}

/** Which field of a metric its type asks for. */
const SOURCE = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
} as const;

function check(causes: Causes, o: HorizontalPodAutoscaler): void {
  const spec: Partial<Spec> = o.spec ?? {};
  const { maxReplicas: most = 0, minReplicas: least = 1, scaleTargetRef: target, metrics = [], behavior } = spec;
  for (const field of ['kind', 'name'] as const) {
    const value = target?.[field];
    if (!value) causes.required(`spec.scaleTargetRef.${field}`);
    else follow(causes, `spec.scaleTargetRef.${field}`, value, pathSegment);
  }
  checkApiVersion(causes, target?.apiVersion ?? '', target?.kind);
  if (least < 1) {
    causes.invalid('spec.minReplicas', least, 'must be greater than or equal to 1');
    if (!metrics.some((m) => m.type === 'Object' || m.type === 'External')) {
      causes.forbidden('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas');
    }
  }
  if (most < 1) causes.invalid('spec.maxReplicas', most, 'must be greater than 0');
  if (most < least) causes.invalid('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`');
  metrics.forEach((metric, i) => checkMetric(causes, `spec.metrics[${i}]`, metric));
  for (const way of ['scaleUp', 'scaleDown'] as const) if (behavior?.[way]) checkRules(causes, `spec.behavior.${way}`, behavior[way]);
}

function checkApiVersion(causes: Causes, apiVersion: string, kind: string | undefined): void {
  const field = 'spec.scaleTargetRef.apiVersion';
  const parts = apiVersion.split('/');
  if (parts.length > 2) causes.invalid(field, apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  else if (parts.length < 2 && !(apiVersion === 'v1' && kind === 'ReplicationController')) {
    causes.invalid(field, apiVersion, 'apiVersion must specify API group');
  }
}

const SOURCES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

function checkMetric(causes: Causes, at: string, metric: MetricSpec): void {
  const source = SOURCE[metric.type as keyof typeof SOURCE];
  if (!metric.type) causes.required(`${at}.type`, 'must specify a metric source type');
  if (!source) {
    // The real server says it twice: once for the type, once for the source that goes with it.
    causes.unsupported(`${at}.type`, metric.type ?? '', SOURCES);
    return causes.unsupported(`${at}.type`, metric.type ?? '', SOURCES);
  }
  if (!metric[source]) return causes.required(`${at}.${source}`, 'must populate information for the given metric source');
  for (const other of Object.values(SOURCE)) {
    if (other !== source && metric[other]) causes.forbidden(`${at}.${other}`, 'must populate the given metric source only');
  }
  const { resource, containerResource, pods, object, external } = metric;
  if (resource) checkResourceMetric(causes, `${at}.resource`, resource);
  if (containerResource) {
    checkResourceMetric(causes, `${at}.containerResource`, containerResource);
    if (!containerResource.container) causes.required(`${at}.containerResource.container`, 'must specify a container');
  }
  for (const [name, own] of Object.entries({ pods, object, external })) {
    if (!own) continue;
    if (!own.metric?.name) causes.required(`${at}.${name}.metric.name`, 'must specify a metric name');
    checkTarget(causes, `${at}.${name}.target`, own.target);
  }
  if (pods && pods.target?.averageValue === undefined) {
    causes.required(`${at}.pods.target.averageValue`, 'must specify a positive target averageValue');
  }
  if (object?.target && object.target.value === undefined && object.target.averageValue === undefined) {
    causes.required(`${at}.object.target.averageValue`, 'must set either a target value or averageValue');
  }
  if (external?.target && external.target.value === undefined && external.target.averageValue === undefined) {
    causes.required(`${at}.external.target.averageValue`, 'must set either a target value for metric or a per-pod target');
  }
}

function checkResourceMetric(causes: Causes, at: string, source: { name?: string; target?: MetricTarget }): void {
  if (!source.name) causes.required(`${at}.name`, 'must specify a resource name');
  checkTarget(causes, `${at}.target`, source.target);
  const { averageUtilization: share, averageValue: value } = source.target ?? {};
  if (share === undefined && value === undefined) {
    causes.required(`${at}.target.averageUtilization`, 'must set either a target raw value or a target utilization');
  }
  if (share !== undefined && value !== undefined) {
    causes.forbidden(`${at}.target.averageValue`, 'may not set both a target raw value and a target utilization');
  }
}

function checkTarget(causes: Causes, at: string, target: Partial<MetricTarget> = {}): void {
  if (!target.type) causes.required(`${at}.type`, 'must specify a metric target type');
  else if (!['Utilization', 'Value', 'AverageValue'].includes(target.type)) {
    causes.invalid(`${at}.type`, target.type, 'must be either Utilization, Value, or AverageValue');
  }
  for (const field of ['value', 'averageValue'] as const) {
    const amount = target[field];
    if (amount !== undefined && !((parseQuantity(amount) ?? 0) > 0)) causes.invalid(`${at}.${field}`, String(amount), 'must be positive');
  }
  const share = target.averageUtilization;
  if (share !== undefined && share < 1) causes.invalid(`${at}.averageUtilization`, share, 'must be greater than 0');
}

function checkRules(causes: Causes, at: string, rules: NonNullable<NonNullable<Spec['behavior']>['scaleUp']>): void {
  const limits = (field: string, value: number | undefined, least: number, most: number): void => {
    if (value !== undefined && value < least) {
      causes.invalid(field, value, least ? 'must be greater than zero' : 'must be greater than or equal to zero');
    } else if (value !== undefined && value > most) causes.invalid(field, value, `must be less than or equal to ${most}`);
  };
  limits(`${at}.stabilizationWindowSeconds`, rules.stabilizationWindowSeconds, 0, 3600);
  causes.oneOf(`${at}.selectPolicy`, rules.selectPolicy, ['Disabled', 'Max', 'Min']);
  if (!rules.policies?.length) causes.required(`${at}.policies`, 'must specify at least one Policy');
  rules.policies?.forEach(({ type, value, periodSeconds }, i) => {
    const here = `${at}.policies[${i}]`;
    causes.oneOf(`${here}.type`, type ?? '', ['Percent', 'Pods']);
    limits(`${here}.value`, value ?? 0, 1, Infinity);
    limits(`${here}.periodSeconds`, periodSeconds ?? 0, 1, 1800);
  });
}

/** How many metrics are shown. */
const SHOWN = 2;

function targets(o: HorizontalPodAutoscaler): string {
  const metrics = o.spec?.metrics ?? [];
  if (!metrics.length) return '<none>';
  const shown = metrics.slice(0, SHOWN).map((metric, i) => targetText(metric, o.status?.currentMetrics?.[i]));
  return shown.join(', ') + (metrics.length > SHOWN ? ` + ${metrics.length - SHOWN} more...` : '');
}

function targetText(metric: MetricSpec, status: MetricStatus | undefined): string {
  const source = SOURCE[metric.type as keyof typeof SOURCE];
  const target: MetricTarget | undefined = metric[source]?.target;
  const current: MetricValueStatus | undefined = status?.[source]?.current;
  if (!target) return '<unknown type>';
  const prefix = metric.resource ? `${metric.resource.name}: ` : metric.containerResource ? `${metric.containerResource.name}: ` : '';
  if (target.averageUtilization !== undefined) {
    const now = current?.averageUtilization;
    return `${prefix}${now === undefined ? '<unknown>' : `${now}%`}/${target.averageUtilization}%`;
  }
  if (target.averageValue !== undefined) {
    const averaged = source === 'external' || source === 'object' ? ' (avg)' : '';
    return `${prefix}${current?.averageValue ?? '<unknown>'}/${target.averageValue}${averaged}`;
  }
  return `${prefix}${current?.value ?? '<unknown>'}/${target.value ?? ''}`;
}

/** Where the old version keeps the metrics it has no field for, in the form of its time. */
const METRICS_ANNOTATION = 'autoscaling.alpha.kubernetes.io/metrics';

const isCpu = (m: MetricSpec): boolean =>
  m.type === 'Resource' && m.resource?.name === 'cpu' && m.resource.target.averageUtilization !== undefined;

function downgrade(o: HorizontalPodAutoscaler): V1 {
  const { metrics = [], behavior: _behavior, ...spec } = o.spec ?? ({} as Spec);
  const cpu = metrics.find(isCpu)?.resource?.target.averageUtilization;
  const rest = metrics.filter((m) => !isCpu(m));
  const current = o.status?.currentMetrics?.find((m) => m.resource?.name === 'cpu')?.resource?.current.averageUtilization;
  const { conditions: _conditions, currentMetrics: _metrics, ...status } = o.status ?? { desiredReplicas: 0 };
  return {
    ...o,
    apiVersion: 'autoscaling/v1',
    metadata: rest.length
      ? { ...o.metadata, annotations: { ...o.metadata?.annotations, [METRICS_ANNOTATION]: JSON.stringify(rest.map(metricDown)) } }
      : o.metadata,
    spec: { ...spec, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
    status: { currentReplicas: 0, ...status, ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }) },
  };
}

function upgrade(o: V1): HorizontalPodAutoscaler {
  const { targetCPUUtilizationPercentage: cpu, ...spec } = o.spec ?? ({} as NonNullable<V1['spec']>);
  const { [METRICS_ANNOTATION]: kept, ...annotations } = (o.metadata?.annotations ?? {}) as Record<string, string>;
  const metrics = [...(cpu === undefined ? [] : [cpuMetric(cpu)]), ...parseMetrics(kept)];
  const { currentCPUUtilizationPercentage: current, ...status } = o.status ?? { currentReplicas: 0, desiredReplicas: 0 };
  const currentMetrics: MetricStatus[] =
    current === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }];
  return {
    ...o,
    apiVersion: 'autoscaling/v2',
    metadata: kept === undefined ? o.metadata : { ...o.metadata, annotations },
    spec: { ...spec, ...(metrics.length ? { metrics } : {}) },
    ...(o.status ? { status: { ...status, ...(currentMetrics.length ? { currentMetrics } : {}) } } : {}),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function parseMetrics(text: string | undefined): MetricSpec[] {
  if (!text) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value.filter(isRecord).map(metricUp) as unknown as MetricSpec[]) : [];
  } catch {
    return [];
  }
}
