import type { Schema } from '../../kind.ts';
import { DESCRIPTIONS } from './descriptions.ts';
import {
  ATOMIC,
  ENUMS,
  INLINE,
  KEY_DEFAULTS,
  MAP_LISTS,
  MERGED_ATOMIC,
  PATCH_STRATEGIES,
  RENAMED,
  REQUIRED,
  SETS,
  UNMERGED,
} from './facts.ts';
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
  'k8s.io.apimachinery.pkg.runtime.RawExtension': { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  [`${EXTENSIONS}.JSON`]: { 'x-kubernetes-preserve-unknown-fields': true },
  // The schema of a schema is recursive; it is checked by the kind itself.
  [`${EXTENSIONS}.JSONSchemaProps`]: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
};

const SCALARS: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
};

/** `core.v1.Pod` of `k8s.io.api.core.v1.Pod`. */
function shortName(message: string): string {
  return message.split('.').slice(-3).join('.');
}

/** `io.k8s.api.core.v1.Pod` of `k8s.io.api.core.v1.Pod`, as OpenAPI documents of Kubernetes name it. */
function componentName(message: string): string {
  return message.replace(/^k8s\.io\./, 'io.k8s.').replace('apiextensions_apiserver', 'apiextensions-apiserver');
}

/** How JSON names a field of a message. */
export function jsonName(message: string, field: string): string {
  return RENAMED[`${shortName(message)}.${field}`] ?? field;
}

const built = new Map<string, Schema>();

/** The schema of a message, without `apiVersion` and `kind`. Equal names give the same object. */
export function messageSchema(message: string): Schema {
  const known = SPECIAL[message] ?? built.get(message);
  if (known) return known;
  const short = shortName(message);
  const schema: Schema = { type: 'object', properties: propertiesOf(message) };
  const required = REQUIRED[short];
  if (required) schema.required = required.split(' ');
  if (ATOMIC.has(short)) schema['x-kubernetes-map-type'] = 'atomic';
  const description = DESCRIPTIONS[short];
  if (description) schema.description = description;
  built.set(message, named(componentName(message), schema));
  return schema;
}

function propertiesOf(message: string): Record<string, Schema> {
  const fields = messageFields()[message];
  if (!fields) throw new Error(`no such message: ${message}`);
  const out: Record<string, Schema> = {};
  for (const [field, [, type]] of Object.entries(fields)) {
    const id = `${shortName(message)}.${field}`;
    if (INLINE.has(field) && type.includes('.')) Object.assign(out, messageSchema(type).properties);
    else out[jsonName(message, field)] = fieldSchema(id, type);
  }
  return out;
}

function fieldSchema(id: string, type: string): Schema {
  const description = DESCRIPTIONS[id];
  const beside: Schema = description ? { description } : {};
  const strategy = PATCH_STRATEGIES[id];
  if (strategy) beside['x-kubernetes-patch-strategy'] = strategy;
  if (ATOMIC.has(id)) beside['x-kubernetes-map-type'] = 'atomic';
  if (id in KEY_DEFAULTS) beside.default = KEY_DEFAULTS[id];
  const values = ENUMS[id];
  if (values) beside.enum = values.split(' ');
  if (type.startsWith('repeated '))
    return { type: 'array', items: typeSchema(type.slice('repeated '.length)), ...listFacts(id), ...beside };
  const map = /^map<string,(.*)>$/.exec(type);
  if (map) return { type: 'object', additionalProperties: typeSchema(map[1]!), ...beside };
  return described(typeSchema(type), beside);
}

function typeSchema(type: string): Schema {
  return SCALARS[type] ?? messageSchema(type);
}

function listFacts(id: string): Schema {
  const keys = MAP_LISTS[id]?.split(' ');
  const merge = !UNMERGED.has(id);
  if (keys) {
    return {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': keys,
      ...(merge ? { 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': keys[0]! } : {}),
    };
  }
  if (SETS.has(id)) return { 'x-kubernetes-list-type': 'set', ...(merge ? { 'x-kubernetes-patch-strategy': 'merge' } : {}) };
  const key = MERGED_ATOMIC[id];
  return {
    'x-kubernetes-list-type': 'atomic',
    ...(key ? { 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': key } : {}),
  };
}

/** What every object has beside its own fields. */
export const OBJECT_FIELDS: Readonly<Record<string, Schema>> = {
  apiVersion: { type: 'string', description: 'The group and version of the shape this object is written in, such as apps/v1.' },
  kind: { type: 'string', description: 'The kind of this object, in CamelCase, such as Deployment.' },
};

/** The schema of `metadata`. */
export function objectMetaSchema(): Schema {
  return described(messageSchema(`${META}.ObjectMeta`), { description: 'Name, namespace, labels, annotations, owners.' });
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
