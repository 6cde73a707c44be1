import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ApiError, isEmbedded, jsonName, type MessageFields } from '../../api/index.ts';
import { rfc3339, rfc3339Micro } from '../../base/index.ts';

type Json = Record<string, unknown>;

const MAGIC = 'k8s\0';
const META = 'k8s.io.apimachinery.pkg.apis.meta.v1';

/**
 * Go writes a plain number or boolean even when it is zero, and JSON leaves it out. These are pointers in Go: they are
 * written only when set, and zero means something (`replicas: 0`).
 */
const ZERO_MATTERS: ReadonlySet<string> = new Set(
  (
    'replicas minReplicas partition revisionHistoryLimit progressDeadlineSeconds automountServiceAccountToken enableServiceLinks optional ' +
    'runAsUser runAsGroup runAsNonRoot fsGroup privileged readOnlyRootFilesystem allowPrivilegeEscalation gracePeriodSeconds ' +
    'terminationGracePeriodSeconds activeDeadlineSeconds deletionGracePeriodSeconds ttlSecondsAfterFinished backoffLimit parallelism completions ' +
    'suspend immutable controller blockOwnerDeletion shareProcessNamespace stabilizationWindowSeconds averageUtilization defaultMode mode ' +
    'allocateLoadBalancerNodePorts hostUsers ready serving terminating tolerationSeconds priority leaseDurationSeconds leaseTransitions ' +
    'orphanDependents setHostnameAsFQDN manualSelector started successfulJobsHistoryLimit failedJobsHistoryLimit startingDeadlineSeconds'
  ).split(' '),
);

/** Messages that are something other than an object in JSON. Undefined: left out. */
const SPECIAL: Readonly<Record<string, (raw: Json) => unknown>> = {
  [`${META}.Time`]: (m) => (m['seconds'] === undefined ? undefined : rfc3339(Number(m['seconds']) * 1000)),
  [`${META}.MicroTime`]: (m) =>
    m['seconds'] === undefined ? undefined : rfc3339Micro(Number(m['seconds']) * 1000 + Number(m['nanos'] ?? 0) / 1e6),
  [`${META}.FieldsV1`]: (m) => rawJson(m['Raw']),
  [`${META}.Verbs`]: (m) => m['items'] ?? [],
  'k8s.io.apimachinery.pkg.api.resource.Quantity': (m) => m['string'] ?? '0',
  'k8s.io.apimachinery.pkg.runtime.RawExtension': (m) => rawJson(m['raw']),
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': (m) => (m['type'] ? (m['strVal'] ?? '') : (m['intVal'] ?? 0)),
};

/** True for a body in Kubernetes' protobuf envelope. */
export function isProtobuf(body: Uint8Array): boolean {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(4, body.length)).toString('latin1') === MAGIC;
}

/**
 * The object in Kubernetes' protobuf envelope (`k8s\0`, then `runtime.Unknown` with the type and the bytes of the message),
 * as JSON would have carried it. Throws `ApiError`: BadRequest when the bytes are damaged, UnsupportedMediaType for a kind
 * that has no protobuf form (custom resources).
 */
export function decodeProtobuf(body: Uint8Array, table: MessageFields): Json {
  if (!isProtobuf(body))
    throw new ApiError('BadRequest', 'the body is not in the Kubernetes protobuf envelope: it must begin with "k8s\\0"');
  try {
    const envelope = readMessage(body.subarray(4), 'k8s.io.apimachinery.pkg.runtime.Unknown', table, 0);
    const type = (envelope['typeMeta'] ?? {}) as { apiVersion?: string; kind?: string };
    const { apiVersion = '', kind = '' } = type;
    const message = messageName(apiVersion, kind, table);
    if (!message) {
      throw new ApiError('UnsupportedMediaType', `"${kind}" of "${apiVersion}" has no protobuf form here: send it as application/json`);
    }
    const raw = typeof envelope['raw'] === 'string' ? Buffer.from(envelope['raw'], 'base64') : new Uint8Array(0);
    return { apiVersion, kind, ...readMessage(raw, message, table, 0) };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('BadRequest', `the protobuf body cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The message of a kind; options such as DeleteOptions are sent in the version of the group they are meant for. */
function messageName(apiVersion: string, kind: string, table: MessageFields): string | undefined {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const packageOf = group === '' ? 'core' : group.split('.')[0]!;
  const known = (name: string): string | undefined => (Object.hasOwn(table, name) ? name : undefined);
  return (
    known(`k8s.io.api.${packageOf}.${version}.${kind}`) ??
    (group === 'apiextensions.k8s.io' ? known(`k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.${version}.${kind}`) : undefined) ??
    (kind.endsWith('Options') ? known(`${META}.${kind}`) : undefined)
  );
}

interface Field {
  readonly name: string;
  readonly type: string;
  readonly shape: 'one' | 'repeated' | 'map';
}

const fieldsByNumber = new WeakMap<object, Map<number, Field>>();

function fieldsOf(message: string, table: MessageFields): Map<number, Field> {
  const definition = table[message];
  if (!definition) throw new Error(`no fields are known of ${message}`);
  let fields = fieldsByNumber.get(definition);
  if (!fields) {
    fields = new Map();
    for (const [field, [number, type]] of Object.entries(definition)) {
      const name = jsonName(field);
      const map = /^map<string,(.+)>$/.exec(type);
      const repeated = /^repeated (.+)$/.exec(type);
      fields.set(
        number,
        map
          ? { name, type: map[1]!, shape: 'map' }
          : repeated
            ? { name, type: repeated[1]!, shape: 'repeated' }
            : { name, type, shape: 'one' },
      );
    }
    fieldsByNumber.set(definition, fields);
  }
  return fields;
}

const MAX_DEPTH = 64;

function readMessage(bytes: Uint8Array, message: string, table: MessageFields, depth: number): Json {
  if (depth > MAX_DEPTH) throw new Error(`messages are nested deeper than ${MAX_DEPTH}`);
  const fields = fieldsOf(message, table);
  const reader = new BinaryReader(bytes);
  const out: Json = {};
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields.get(number);
    if (!field) {
      reader.skip(wire);
    } else if (field.shape === 'map') {
      const map = (out[field.name] ??= {}) as Json;
      const [key, value] = readEntry(reader.bytes(), field.type, table, depth);
      Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
    } else if (field.shape === 'repeated') {
      const list = (out[field.name] ??= []) as unknown[];
      if (wire === WireType.LengthDelimited && PACKABLE.has(field.type)) {
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) list.push(readScalar(reader, field.type));
      } else {
        list.push(readValue(reader, field.type, table, depth));
      }
    } else {
      const value = readValue(reader, field.type, table, depth);
      if (isEmbedded(field.name, field.type)) Object.assign(out, value);
      else if (isSet(field.name, value)) out[field.name] = value;
    }
  }
  return out;
}

function isSet(name: string, value: unknown): boolean {
  return value !== undefined && value !== '' && ((value !== 0 && value !== false) || ZERO_MATTERS.has(name) || name === 'intVal');
}

function readEntry(bytes: Uint8Array, type: string, table: MessageFields, depth: number): [string, unknown] {
  const reader = new BinaryReader(bytes);
  let key = '';
  let value: unknown = '';
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) key = reader.string();
    else if (number === 2) value = readValue(reader, type, table, depth);
    else reader.skip(wire);
  }
  return [key, value];
}

function readValue(reader: BinaryReader, type: string, table: MessageFields, depth: number): unknown {
  if (!type.includes('.')) return readScalar(reader, type);
  const object = readMessage(reader.bytes(), type, table, depth + 1);
  if (type.endsWith('.ExtraValue')) return object['items'] ?? [];
  if (type.includes('.apiextensions.')) return schemaValue(type, object);
  const special = SPECIAL[type];
  return special ? special(object) : object;
}

const PACKABLE: ReadonlySet<string> = new Set(['int32', 'int64', 'bool', 'double']);

function readScalar(reader: BinaryReader, type: string): unknown {
  switch (type) {
    case 'string':
      return reader.string();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return Number(reader.int64());
    case 'double':
      return reader.double();
    default:
      throw new Error(`the type ${type} is not known`);
  }
}

function rawJson(base64: unknown): unknown {
  return typeof base64 === 'string' && base64 !== '' ? (JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as unknown) : undefined;
}

/** The JSON form of the unions in a CustomResourceDefinition's schema. */
function schemaValue(type: string, m: Json): unknown {
  switch (type.slice(type.lastIndexOf('.') + 1)) {
    case 'JSON':
      return rawJson(m['raw']);
    case 'JSONSchemaPropsOrBool':
      return m['schema'] ?? m['allows'] ?? false;
    case 'JSONSchemaPropsOrArray':
      return m['jSONSchemas'] ?? m['schema'];
    case 'JSONSchemaPropsOrStringArray':
      return m['schema'] ?? m['property'] ?? [];
    case 'JSONSchemaProps':
      return Object.fromEntries(Object.entries(m).map(([name, value]) => [schemaKeyword(name), value]));
    default:
      return m;
  }
}

function schemaKeyword(name: string): string {
  if (name === 'ref' || name === 'schema') return `$${name}`;
  return name.startsWith('xKubernetes') ? name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`) : name;
}
