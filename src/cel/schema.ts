import { rfc3339Nanos, goDuration } from './functions/times.ts';
import { BOOL, BYTES, DOUBLE, DURATION, INT, listOf, mapOf, STRING, TIMESTAMP, type Type } from './types.ts';
import { Duration, keyed, Struct, Timestamp, type MapKey, type Value } from './value.ts';

/** The part of a structural schema that says what values are. */
export interface SchemaShape {
  readonly type?: string | undefined;
  readonly format?: string | undefined;
  readonly properties?: Readonly<Record<string, SchemaShape>> | undefined;
  readonly additionalProperties?: SchemaShape | boolean | undefined;
  readonly items?: SchemaShape | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly required?: readonly string[] | undefined;
  readonly default?: unknown;
  readonly maxLength?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly maxProperties?: number | undefined;
  readonly 'x-kubernetes-int-or-string'?: boolean | undefined;
  readonly 'x-kubernetes-embedded-resource'?: boolean | undefined;
  readonly 'x-kubernetes-list-type'?: string | undefined;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[] | undefined;
}

/** Largest request, in bytes: what bounds a list or text whose schema names no bound. */
const REQUEST = 3 * 1024 * 1024;

/** Longest character of UTF-8, in bytes: estimates count texts in these. */
const CHARACTER = 4;

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const ESCAPES: Readonly<Record<string, string>> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };

/** The name of a property in expressions; undefined when expressions cannot name it. */
export function escapeName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[a-zA-Z_./-][a-zA-Z0-9_./-]*$/.test(name)) return undefined;
  return name.replace(/__|[./-]/g, (part) => ESCAPES[part]!);
}

/** What expressions see of the envelope of a resource. */
const ENVELOPE: Readonly<Record<string, SchemaShape>> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } },
};

/** One schema is one type, so that values of it can be told to be alike. */
const types = new WeakMap<SchemaShape, { type: Type | undefined; asResource: Type | undefined }>();

/** The type of a schema's values; undefined when expressions cannot see them, since the schema says nothing of them. */
export function typeOfSchema(schema: SchemaShape, resource = false): Type | undefined {
  const key = resource ? 'asResource' : 'type';
  let known = types.get(schema);
  if (!known) types.set(schema, (known = { type: undefined, asResource: undefined }));
  known[key] ??= makeType(schema, resource || schema['x-kubernetes-embedded-resource'] === true);
  return known[key];
}

function makeType(schema: SchemaShape, resource: boolean): Type | undefined {
  if (schema['x-kubernetes-int-or-string']) return { kind: 'dyn', max: REQUEST };
  switch (schema.type) {
    case 'boolean':
      return BOOL;
    case 'integer':
      return INT;
    case 'number':
      return DOUBLE;
    case 'string':
      return textType(schema);
    case 'array': {
      const { items, maxItems } = schema;
      const of = items && typeOfSchema(items);
      return of && listOf(of, maxItems ?? mostValues(items));
    }
    case 'object':
      return objectType(schema, resource);
    default:
      return undefined;
  }
}

function textType({ format, maxLength, enum: allowed }: SchemaShape): Type {
  if (format === 'byte') return { ...BYTES, max: maxLength ?? REQUEST };
  if (format === 'date' || format === 'date-time') return TIMESTAMP;
  if (format === 'duration') return DURATION;
  const longest = allowed?.length ? Math.max(...allowed.map((value) => String(value).length)) : REQUEST;
  return { ...STRING, max: maxLength === undefined ? longest : maxLength * CHARACTER };
}

/** A name in a map. The real server takes names for short, whatever the schema allows. */
const KEY: Type = { ...STRING, max: 1 };

function objectType(schema: SchemaShape, resource: boolean): Type | undefined {
  if (typeof schema.additionalProperties === 'object') {
    const value = typeOfSchema(schema.additionalProperties);
    return value && mapOf(KEY, value, schema.maxProperties ?? mostValues(schema.additionalProperties));
  }
  const fields = new Map<string, Type>();
  for (const [name, property] of Object.entries(resource ? { ...schema.properties, ...ENVELOPE } : (schema.properties ?? {}))) {
    const type = typeOfSchema(property);
    const escaped = escapeName(name);
    if (!type || !escaped) continue;
    fields.set(escaped, type);
    if (RESERVED.has(name)) fields.set(name, type);
  }
  return { kind: 'object', name: 'object', fields };
}

/** Fewest bytes that a value takes in JSON: what bounds how many fit into a request. */
function leastSize(schema: SchemaShape): number {
  switch (schema.type) {
    case 'boolean':
      return 4;
    case 'string':
      return schema.enum?.length
        ? 2 + Math.min(...schema.enum.map((value) => String(value).length))
        : schema.format === 'date-time'
          ? 22
          : 2;
    case 'object':
      // With its name in quotes, a colon and a comma; a field with a default need not be there.
      return Object.entries(schema.properties ?? {}).reduce(
        (sum, [name, field]) =>
          schema.required?.includes(name) && field.default === undefined ? sum + name.length + 4 + leastSize(field) : sum,
        2,
      );
    case 'array':
      return 2;
    default:
      return 1;
  }
}

/** Most values of a schema that fit into one request. */
export const mostValues = (schema: SchemaShape): number => Math.floor(REQUEST / (leastSize(schema) + 1));

/** The value of JSON that fits a schema. What the schema does not name is not there. */
export function valueOfSchema(schema: SchemaShape, json: unknown, resource = false): Value {
  if (json === null || json === undefined) return null;
  if (schema['x-kubernetes-int-or-string']) return typeof json === 'number' ? BigInt(Math.trunc(json)) : (json as string);
  if (Array.isArray(json)) return listValue(schema, json);
  if (typeof json === 'object') return objectValue(schema, json as Record<string, unknown>, resource);
  if (typeof json === 'number') return schema.type === 'integer' ? BigInt(Math.trunc(json)) : json;
  return typeof json === 'string' ? textValue(schema, json) : (json as boolean);
}

function textValue({ format }: SchemaShape, text: string): Value {
  switch (format) {
    case 'byte':
      return Buffer.from(text, 'base64');
    case 'date':
      return new Timestamp(rfc3339Nanos(`${text}T00:00:00Z`) ?? 0n);
    case 'date-time':
      return new Timestamp(rfc3339Nanos(text) ?? 0n);
    case 'duration':
      return new Duration(goDuration(text) ?? 0n);
    default:
      return text;
  }
}

function listValue({ items = {}, ...schema }: SchemaShape, json: readonly unknown[]): Value {
  const list = json.map((item) => valueOfSchema(items, item));
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return keyed(list, 'set');
    case 'map':
      return keyed(
        list,
        (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => escapeName(key) ?? key),
      );
    default:
      return list;
  }
}

function objectValue(schema: SchemaShape, json: Record<string, unknown>, resource: boolean): Value {
  const { additionalProperties } = schema;
  if (typeof additionalProperties === 'object') {
    const out = new Map<MapKey, Value>();
    for (const [key, value] of Object.entries(json)) out.set(key, valueOfSchema(additionalProperties, value));
    return out;
  }
  const whole = resource || schema['x-kubernetes-embedded-resource'] === true;
  const type = typeOfSchema(schema, resource);
  const properties = whole ? { ...schema.properties, ...ENVELOPE } : (schema.properties ?? {});
  const names = new Map<string | undefined, string>();
  for (const name of Object.keys(properties)) {
    names.set(escapeName(name), name);
    if (RESERVED.has(name)) names.set(name, name);
  }
  return new Struct(type?.kind === 'object' ? type : { kind: 'object', name: 'object', fields: new Map() }, (field) => {
    const name = names.get(field);
    return name === undefined || json[name] === undefined ? undefined : valueOfSchema(properties[name]!, json[name]);
  });
}
