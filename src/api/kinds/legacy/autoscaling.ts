/** The beta versions of HorizontalPodAutoscaler. In the first, targets of metrics stood flat beside their names. */
import type { MetricSpec, MetricTarget } from 'kubernetes-types/autoscaling/v2.js';
import type { LegacyVersion, Schema } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import { kindSchema } from '../schema/builtin.ts';
import { oldVersion, withSpec } from './version.ts';

type Fields = Record<string, unknown>;
const V2 = 'autoscaling/v2 HorizontalPodAutoscaler';

/** The fields that are set. */
function some(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function target(value: unknown, averageValue: unknown, averageUtilization?: unknown): Fields {
  const type = averageUtilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
  return some({ type, value, averageValue, averageUtilization });
}

/** A metric of the form with flat targets as it is now. */
export function metricUp(metric: Fields): Fields {
  const source = (name: string): Fields => (metric[name] ?? {}) as Fields;
  switch (metric['type']) {
    case 'Resource':
    case 'ContainerResource': {
      const field = metric['type'] === 'Resource' ? 'resource' : 'containerResource';
      const { targetAverageUtilization: share, targetAverageValue: value, ...rest } = source(field);
      return { ...metric, [field]: { ...rest, target: target(undefined, value, share) } };
    }
    case 'Pods': {
      const { metricName: name, selector, targetAverageValue: value } = source('pods');
      return { ...metric, pods: { metric: some({ name, selector }), target: target(undefined, value) } };
    }
    case 'Object': {
      const { metricName: name, selector, target: describedObject, targetValue, averageValue } = source('object');
      const value = averageValue === undefined ? targetValue : undefined;
      return { ...metric, object: { describedObject, metric: some({ name, selector }), target: target(value, averageValue) } };
    }
    case 'External': {
      const { metricName: name, metricSelector: selector, targetValue, targetAverageValue } = source('external');
      return { ...metric, external: { metric: some({ name, selector }), target: target(targetValue, targetAverageValue) } };
    }
    default:
      return metric;
  }
}

/** A metric in the form with flat targets. */
export function metricDown(metric: MetricSpec): Fields {
  const { resource, containerResource, pods, object, external, ...rest } = metric;
  const flat = ({ target: t, ...own }: { target: MetricTarget }): Fields =>
    some({ ...own, targetAverageUtilization: t.averageUtilization, targetAverageValue: t.averageValue });
  return some({
    ...rest,
    resource: resource && flat(resource),
    containerResource: containerResource && flat(containerResource),
    pods: pods && some({ metricName: pods.metric.name, selector: pods.metric.selector, targetAverageValue: pods.target.averageValue }),
    object:
      object &&
      some({
        target: object.describedObject,
        metricName: object.metric.name,
        selector: object.metric.selector,
        targetValue: object.target.value ?? '0',
        averageValue: object.target.averageValue,
      }),
    external:
      external &&
      some({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  });
}

function metrics(o: AnyObject, change: (metric: never) => Fields): AnyObject {
  return withSpec(o, (spec) =>
    Array.isArray(spec['metrics']) ? { ...spec, metrics: spec['metrics'].map((m) => change(m as never)) } : spec,
  );
}

/** As the stored version's, but for the metrics, which may hold anything. */
function schema(): Schema {
  const whole = kindSchema('k8s.io.api.autoscaling.v2.HorizontalPodAutoscaler');
  const anything: Schema = { type: 'array', items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const part = (name: string, field: string): Schema => {
    const of = whole.properties![name]!;
    return { ...of, properties: { ...of.properties, [field]: anything } };
  };
  const properties = { ...whole.properties, spec: part('spec', 'metrics'), status: part('status', 'currentMetrics') };
  return { ...whole, properties };
}

export const oldAutoscalers: readonly LegacyVersion[] = [
  oldVersion({ of: 'autoscaling/v2beta2', kind: 'HorizontalPodAutoscaler', until: [23, 26], use: V2 }),
  oldVersion({
    of: 'autoscaling/v2beta1',
    kind: 'HorizontalPodAutoscaler',
    until: [22, 25],
    use: V2,
    schema,
    upgrade: (o) => metrics(o, metricUp),
    downgrade: (o) => metrics(o, metricDown),
  }),
];
