import type { Schema } from '../kind.ts';
import type { KubeObject, Resource } from '../object.ts';
import { column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { OBJECT_FIELDS, objectMetaSchema } from './schema/builtin.ts';

/** Amounts by resource, as quantities: `cpu` in billionths of a core (`1500000n`), `memory` in KiB (`2048Ki`). */
export interface ResourceUsage {
  readonly cpu: string;
  readonly memory: string;
}

interface Measured extends KubeObject {
  /** The end of the time that `window` (`15s`) is long. */
  readonly timestamp: string;
  readonly window: string;
}

/** What a node uses. */
export interface NodeMetrics extends Measured {
  readonly usage: ResourceUsage;
}

/** What the containers of a pod use. */
export interface PodMetrics extends Measured {
  readonly containers: readonly { readonly name: string; readonly usage: ResourceUsage }[];
}

const GROUP = { group: 'metrics.k8s.io', version: 'v1beta1' };
export const NodeMetricsResource: Resource<NodeMetrics> = { ...GROUP, kind: 'NodeMetrics', plural: 'nodes', namespaced: false };
export const PodMetricsResource: Resource<PodMetrics> = { ...GROUP, kind: 'PodMetrics', plural: 'pods', namespaced: true };

const VERBS = ['get', 'list'];
const text: Schema = { type: 'string' };
const usage: Schema = { type: 'object', additionalProperties: text };

function schemaOf(properties: Record<string, Schema>): Schema {
  return {
    type: 'object',
    properties: {
      ...OBJECT_FIELDS,
      metadata: objectMetaSchema(),
      timestamp: { type: 'string', format: 'date-time' },
      window: text,
      ...properties,
    },
  };
}

/** `CPU`, `Memory` and `Window`, as metrics servers print them. */
function columnsOf<T extends Measured>(usages: (object: T) => readonly ResourceUsage[]) {
  const sum = (object: T, resource: keyof ResourceUsage): number => usages(object).reduce((n, u) => n + Number.parseInt(u[resource]), 0);
  return [
    nameColumn,
    column<T>('Cpu', (o) => `${sum(o, 'cpu')}n`),
    column<T>('Memory', (o) => `${sum(o, 'memory')}Ki`),
    column<T>('Window', (o) => o.window),
  ];
}

export const nodeMetrics = define<NodeMetrics>({
  resource: NodeMetricsResource,
  singular: '',
  schema: () => schemaOf({ usage }),
  verbs: VERBS,
  columns: columnsOf((o) => [o.usage]),
});

export const podMetrics = define<PodMetrics>({
  resource: PodMetricsResource,
  singular: '',
  schema: () =>
    schemaOf({ containers: { type: 'array', items: { type: 'object', required: ['name', 'usage'], properties: { name: text, usage } } } }),
  verbs: VERBS,
  columns: columnsOf((o) => o.containers.map((c) => c.usage)),
});
