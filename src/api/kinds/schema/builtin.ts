import type { Schema } from '../../kind.ts';
import { factsOf, type FieldFacts, isEmbedded, jsonName, shortName } from './facts.ts';
import { messageFields } from './fields.edge.ts';
import { described, named } from './names.ts';

const META = 'k8s.io.apimachinery.pkg.apis.meta.v1';
const EXTENSIONS = 'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1';

/** Messages that are not objects in JSON. */
const SPECIAL: Readonly<Record<string, Schema>> = {
  [`${META}.Time`]: named('io.k8s.apimachinery.pkg.apis.meta.v1.Time', { type: 'string', format: 'date-time', nullable: true }),
  [`${META}.MicroTime`]: named('io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime', { type: 'string', format: 'date-time', nullable: true }),
  [`${META}.FieldsV1`]: named('io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1', {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  }),
  'k8s.io.apimachinery.pkg.api.resource.Quantity': named('io.k8s.apimachinery.pkg.api.resource.Quantity', {
    oneOf: [{ type: 'string' }, { type: 'number' }],
  }),
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': named('io.k8s.apimachinery.pkg.util.intstr.IntOrString', {
    'x-kubernetes-int-or-string': true,
  }),
  ...Object.fromEntries(
    ['authentication', 'authorization', 'certificates'].map((group) => [
      `k8s.io.api.${group}.v1.ExtraValue`,
      { type: 'array', items: { type: 'string' } } satisfies Schema,
    ]),
  ),
  'k8s.io.apimachinery.pkg.runtime.RawExtension': named('io.k8s.apimachinery.pkg.runtime.RawExtension', {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  }),
  [`${EXTENSIONS}.JSON`]: { 'x-kubernetes-preserve-unknown-fields': true },
  // The schema of a schema is recursive; it is checked by the kind itself.
  [`${EXTENSIONS}.JSONSchemaProps`]: named('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps', {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  }),
};

const SCALARS: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
};

/** `io.k8s.api.core.v1.Pod` of `k8s.io.api.core.v1.Pod`, as OpenAPI documents of Kubernetes name it. */
function componentName(message: string): string {
  return message
    .replace(/^k8s\.io\./, 'io.k8s.')
    .replace('apiextensions_apiserver', 'apiextensions-apiserver')
    .replace('kube_aggregator', 'kube-aggregator');
}

/** Messages that name their own version and kind even inside other objects. */
const WHOLE: ReadonlySet<string> = new Set(['core.v1.PersistentVolumeClaim', 'meta.v1.DeleteOptions']);

/** What every object has beside its own fields. */
export const OBJECT_FIELDS: Readonly<Record<string, Schema>> = { apiVersion: { type: 'string' }, kind: { type: 'string' } };

const built = new Map<string, Schema>();

/** The schema of a message; most have no `apiVersion` and `kind`. Equal names give the same object. */
export function messageSchema(message: string): Schema {
  const known = SPECIAL[message] ?? built.get(message);
  if (known) return known;
  const short = shortName(message);
  const { required, map } = factsOf(short);
  const properties = { ...(WHOLE.has(short) ? OBJECT_FIELDS : {}), ...propertiesOf(message, short) };
  const schema: Schema = { type: 'object', properties };
  if (required) schema.required = [...required];
  if (map) schema['x-kubernetes-map-type'] = map;
  built.set(message, named(componentName(message), schema));
  return schema;
}

/** The fields of a message as `owner` has them: itself, or the message it is spread into. */
function propertiesOf(message: string, owner: string): Record<string, Schema> {
  const fields = messageFields()[message];
  if (!fields) throw new Error(`no such message: ${message}`);
  const facts = factsOf(owner).fields ?? {};
  const out: Record<string, Schema> = {};
  for (const [field, [, type]] of Object.entries(fields)) {
    if (isEmbedded(field, type)) Object.assign(out, propertiesOf(type, owner));
    else {
      const name = jsonName(field);
      out[name] = fieldSchema(type, facts[name] ?? {});
    }
  }
  return out;
}

function fieldSchema(type: string, facts: FieldFacts): Schema {
  const beside: Schema = {};
  if (facts.patch) beside['x-kubernetes-patch-strategy'] = facts.patch;
  if (facts.key) beside['x-kubernetes-patch-merge-key'] = facts.key;
  if (facts.map) beside['x-kubernetes-map-type'] = facts.map;
  if (facts.default !== undefined) beside.default = facts.default;
  const values: Schema = facts.enum ? { enum: [...facts.enum] } : {};
  if (type.startsWith('repeated ')) {
    const items = described(typeSchema(type.slice('repeated '.length)), values);
    const keys: Schema = facts.keys ? { 'x-kubernetes-list-map-keys': [...facts.keys] } : {};
    return { type: 'array', items, 'x-kubernetes-list-type': facts.list ?? 'atomic', ...keys, ...beside };
  }
  const map = /^map<string,(.*)>$/.exec(type);
  if (map) return { type: 'object', additionalProperties: described(typeSchema(map[1]!), values), ...beside };
  return described(typeSchema(type), { ...beside, ...values });
}

function typeSchema(type: string): Schema {
  return SCALARS[type] ?? messageSchema(type);
}

/** The schema of `metadata`. */
export function objectMetaSchema(): Schema {
  return messageSchema(`${META}.ObjectMeta`);
}

/** The schema of a whole object of one of Kubernetes' own kinds, by the message's full name. */
export function kindSchema(message: string): Schema {
  const id = `${message}#kind`;
  const known = built.get(id);
  if (known) return known;
  const { properties, ...rest } = messageSchema(message);
  const schema = named(componentName(message), { ...rest, properties: { ...OBJECT_FIELDS, ...properties } });
  built.set(id, schema);
  return schema;
}
