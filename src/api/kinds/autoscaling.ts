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
import type { Causes } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { kindSchema } from './schema/builtin.ts';

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>;

export const horizontalPodAutoscalers = define<HorizontalPodAutoscaler>({
  resource: HorizontalPodAutoscalers,
  shortNames: ['hpa'],
  categories: ['all'],
  schema: 'k8s.io.api.autoscaling.v2.HorizontalPodAutoscaler',
  status: true,
  default(o) {
    const spec = o.spec;
    if (!spec) return;
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
  const spec = o.spec;
  if (!spec) return causes.required('spec');
  if (!spec.scaleTargetRef?.kind) causes.required('spec.scaleTargetRef.kind');
  if (!spec.scaleTargetRef?.name) causes.required('spec.scaleTargetRef.name');
  const least = spec.minReplicas ?? 1;
  if (least < 1) causes.invalid('spec.minReplicas', least, 'must be greater than or equal to 1');
  if (spec.maxReplicas === undefined) causes.required('spec.maxReplicas');
  else if (spec.maxReplicas < 1) causes.invalid('spec.maxReplicas', spec.maxReplicas, 'must be greater than 0');
  else if (spec.maxReplicas < least) causes.invalid('spec.maxReplicas', spec.maxReplicas, 'must be greater than or equal to `minReplicas`');
  spec.metrics?.forEach((metric, i) => {
    const at = `spec.metrics[${i}]`;
    const source = SOURCE[metric.type as keyof typeof SOURCE];
    if (!source) causes.unsupported(`${at}.type`, metric.type, Object.keys(SOURCE));
    else if (!metric[source]) causes.required(`${at}.${source}`, `must populate information for the given metric source`);
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

/** Where the old version keeps the metrics it has no field for. */
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
      ? { ...o.metadata, annotations: { ...o.metadata?.annotations, [METRICS_ANNOTATION]: JSON.stringify(rest) } }
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

function parseMetrics(text: string | undefined): MetricSpec[] {
  if (!text) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as MetricSpec[]) : [];
  } catch {
    return [];
  }
}
