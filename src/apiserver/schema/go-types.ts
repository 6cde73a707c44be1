import { schemaName, type Schema } from '../../api/index.ts';
import { canonicalQuantity } from '../../base/index.ts';
import { isRecord } from '../json.ts';
import { childOf } from './shape.ts';

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const NOT_A_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const RANGE: Readonly<Record<string, bigint>> = { int32: 2n ** 31n, int64: 2n ** 63n };

/**
 * Holds a value of one of Kubernetes' own kinds to the types of its schema, in place: quantities are written as the real server
 * writes them. Returns what its decoder, which is Go's, would trip over first.
 */
export function decodeTypes(schema: Schema, value: unknown): string | undefined {
  return isRecord(value) ? fields(schema, value, '') : undefined;
}

function fields(schema: Schema, object: Record<string, unknown>, path: string): string | undefined {
  const struct = shortName(schema);
  for (const [field, value] of Object.entries(object)) {
    const child = childOf(schema, field);
    if (!child || value === undefined || value === null) continue;
    const at = path ? `${path}.${field}` : field;
    const put = (next: string): void => void (object[field] = next);
    const wrong = check(child, value, at, (found, type) => mismatch(found, `${struct}.${at}`, type), put);
    if (wrong) return wrong;
  }
  return undefined;
}

type Report = (found: unknown, type: string) => string;

function check(schema: Schema, value: unknown, path: string, report: Report, put: (value: string) => void): string | undefined {
  if (schemaName(schema) === QUANTITY) {
    if (typeof value !== 'string' && typeof value !== 'number') return NOT_A_QUANTITY;
    const written = canonicalQuantity(value);
    if (written === undefined) return NOT_A_QUANTITY;
    if (written !== value) put(written);
    return undefined;
  }
  if (schema['x-kubernetes-int-or-string']) {
    return typeof value === 'string' || Number.isInteger(value) ? undefined : report(value, 'intstr.IntOrString');
  }
  switch (schema.type) {
    case 'array':
      if (!Array.isArray(value)) return report(value, typeName(schema));
      for (let i = 0; i < value.length; i++) {
        const item: unknown = value[i];
        if (item === null || !schema.items) continue;
        const wrong = check(schema.items, item, path, report, (next) => void (value[i] = next));
        if (wrong) return wrong;
      }
      return undefined;
    case 'object':
      if (!isRecord(value)) return report(value, typeName(schema));
      return schema.properties ? fields(schema, value, path) : values(schema, value, path, report);
    case 'string':
      return text(schema, value, report);
    case 'boolean':
      return typeof value === 'boolean' ? undefined : report(value, 'bool');
    case 'integer':
      return integer(value, schema.format ?? 'int64') ? undefined : report(value, schema.format ?? 'int64');
    case 'number':
      return typeof value === 'number' ? undefined : report(value, 'float64');
    default:
      return undefined;
  }
}

/** The values of a map. */
function values(schema: Schema, map: Record<string, unknown>, path: string, report: Report): string | undefined {
  const { additionalProperties: of } = schema;
  if (typeof of !== 'object') return undefined;
  for (const [key, value] of Object.entries(map)) {
    if (value === null) continue;
    const wrong = check(of, value, path, report, (next) => void (map[key] = next));
    if (wrong) return wrong;
  }
  return undefined;
}

function text(schema: Schema, value: unknown, report: Report): string | undefined {
  if (typeof value !== 'string') return report(value, schema.format === 'byte' ? '[]uint8' : 'string');
  if (schema.format === 'byte') return badBase64(value);
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) {
    const layout = schemaName(schema)?.endsWith('MicroTime') ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
    return `parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(value)} as "2006"`;
  }
  return undefined;
}

function badBase64(value: string): string | undefined {
  const bare = value.replace(/[\r\n]/g, '');
  const bad = bare.search(/[^A-Za-z0-9+/=]|=(?!=?$)/);
  if (bad >= 0) return `illegal base64 data at input byte ${bad}`;
  return bare.length % 4 === 0 ? undefined : `illegal base64 data at input byte ${bare.length - (bare.length % 4)}`;
}

function integer(value: unknown, format: string): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  const limit = RANGE[format] ?? RANGE['int64']!;
  return BigInt(value) >= -limit && BigInt(value) < limit;
}

function mismatch(found: unknown, field: string, type: string): string {
  return `json: cannot unmarshal ${jsonType(found, type)} into Go struct field ${field} of type ${type}`;
}

/** Numbers are shown where a number is wanted. */
function jsonType(value: unknown, wanted: string): string {
  if (typeof value === 'number') return /^(int|float)/.test(wanted) ? `number ${value}` : 'number';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? 'array' : typeof value;
}

function typeName(schema: Schema): string {
  if (schema.type === 'array') return `[]${schema.items ? typeName(schema.items) : 'interface {}'}`;
  if (schema.type === 'string') return schema.format === 'byte' ? '[]uint8' : 'string';
  if (schema.type === 'boolean') return 'bool';
  if (schema.type === 'integer') return schema.format ?? 'int64';
  const name = schemaName(schema);
  if (name) return name.split('.').slice(-2).join('.');
  return typeof schema.additionalProperties === 'object'
    ? `map[string]${typeName(schema.additionalProperties)}`
    : 'map[string]interface {}';
}

function shortName(schema: Schema): string {
  return schemaName(schema)?.split('.').at(-1) ?? 'Object';
}
