import { RE2JS } from 're2js';
import type { Schema, StatusCause } from '../../api/index.ts';
import { equal, fieldPath, isRecord } from '../json.ts';
import { oldField, oldItems } from './correlate.ts';
import { hasFormat } from './formats.ts';
import { childOf } from './shape.ts';

/** More causes than these help nobody. */
const LIMIT = 50;

/** What of a value does not fit its schema's types: what a typed decoder would trip over. */
export function checkTypes(schema: Schema, value: unknown, path = ''): StatusCause[] {
  const out: StatusCause[] = [];
  walkTypes(schema, value, path, out);
  return out;
}

/**
 * What of a value does not satisfy its schema, types included, as Kubernetes phrases it for custom resources. Parts that are as they
 * were in `old` are not looked at: they keep what was wrong before the schema became stricter.
 */
export function checkSchema(schema: Schema, value: unknown, path = '', old?: unknown): StatusCause[] {
  const out: StatusCause[] = [];
  walk(schema, value, path, out, old);
  return out;
}

function walkTypes(schema: Schema, value: unknown, path: string, out: StatusCause[]): void {
  if (out.length >= LIMIT) return;
  const wrong = typeProblem(schema, value, path);
  if (wrong) out.push(wrong);
  else if (Array.isArray(value)) value.forEach((item, i) => schema.items && walkTypes(schema.items, item, `${path}[${i}]`, out));
  else if (isRecord(value)) {
    for (const [field, part] of Object.entries(value)) {
      const child = childOf(schema, field);
      if (child) walkTypes(child, part, fieldPath(path, field), out);
    }
  }
}

function walk(schema: Schema, value: unknown, path: string, out: StatusCause[], old?: unknown): void {
  if (out.length >= LIMIT || (old !== undefined && equal(old, value))) return;
  const wrong = typeProblem(schema, value, path);
  if (wrong) {
    out.push(wrong);
    return checkCombined(schema, value, path, out);
  }
  if (value === null) return;
  const bad = (detail: string): void => void out.push(invalid(path, value, `${path} in body ${detail}`));

  if (schema.enum && !schema.enum.some((allowed) => equal(allowed, value))) {
    const supported = schema.enum.map((v) => JSON.stringify(v)).join(', ');
    out.push({
      reason: 'FieldValueNotSupported',
      field: path,
      message: `Unsupported value: ${shown(value)}: supported values: ${supported}`,
    });
  }
  if (typeof value === 'string') checkString(schema, value, path, bad, out);
  else if (typeof value === 'number') checkNumber(schema, value, bad);
  else if (Array.isArray(value)) checkArray(schema, value, path, out, old);
  else if (isRecord(value)) checkObject(schema, value, path, bad, out, old);
  checkCombined(schema, value, path, out, old);
}

function checkString(schema: Schema, value: string, path: string, bad: (detail: string) => void, out: StatusCause[]): void {
  const length = Array.from(value).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    out.push({ reason: 'FieldValueTooLong', field: path, message: `Too long: may not be more than ${schema.maxLength} bytes` });
  }
  if (schema.minLength !== undefined && length < schema.minLength) bad(`should be at least ${schema.minLength} chars long`);
  if (schema.pattern !== undefined && !compiled(schema.pattern)?.matcher(value).find()) bad(`should match '${schema.pattern}'`);
  if (schema.format !== undefined && !hasFormat(schema.format, value)) bad(`must be of type ${schema.format}: ${shown(value)}`);
}

function checkNumber(schema: Schema, value: number, bad: (detail: string) => void): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    bad(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    bad(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  if (multipleOf && !Number.isInteger(value / multipleOf)) bad(`should be a multiple of ${multipleOf}`);
}

function checkArray(schema: Schema, value: readonly unknown[], path: string, out: StatusCause[], old: unknown): void {
  if (schema.minItems !== undefined && value.length < schema.minItems)
    out.push(invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`));
  if (schema.maxItems !== undefined && value.length > schema.maxItems) out.push(tooMany(path, value.length, schema.maxItems));
  const { items } = schema;
  const before = oldItems(schema, old);
  if (items) value.forEach((item, i) => walk(items, item, `${path}[${i}]`, out, before(item)));
  checkUnique(schema, value, path, out);
}

/** Items of a set, and the keys of items in a map list, stand for themselves once. */
function checkUnique(schema: Schema, value: readonly unknown[], path: string, out: StatusCause[]): void {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Set<string>();
  value.forEach((item, i) => {
    const key =
      type === 'set'
        ? item
        : Object.fromEntries(keys.map((k) => [k, isRecord(item) ? (item[k] ?? schema.items?.properties?.[k]?.default) : undefined]));
    const text = JSON.stringify(key);
    if (seen.has(text)) out.push({ reason: 'FieldValueDuplicate', field: `${path}[${i}]`, message: `Duplicate value: ${shown(key)}` });
    seen.add(text);
  });
}

const tooMany = (field: string, count: number, limit: number): StatusCause => ({
  reason: 'FieldValueTooMany',
  field,
  message: `Too many: ${count}: must have at most ${limit} items`,
});

function checkObject(
  schema: Schema,
  value: Record<string, unknown>,
  path: string,
  bad: (detail: string) => void,
  out: StatusCause[],
  old: unknown,
): void {
  const count = Object.keys(value).length;
  if (schema.minProperties !== undefined && count < schema.minProperties) bad(`should have at least ${schema.minProperties} properties`);
  if (schema.maxProperties !== undefined && count > schema.maxProperties) out.push(tooMany(path, count, schema.maxProperties));
  for (const field of schema.required ?? []) {
    if (value[field] === undefined) out.push({ reason: 'FieldValueRequired', field: fieldPath(path, field), message: 'Required value' });
  }
  for (const [field, part] of Object.entries(value)) {
    const child = childOf(schema, field);
    if (child && part !== undefined) walk(child, part, fieldPath(path, field), out, oldField(schema, old, field));
  }
}

function checkCombined(schema: Schema, value: unknown, path: string, out: StatusCause[], old?: unknown): void {
  const say = (what: string): void =>
    void out.push({ reason: 'FieldValueInvalid', field: '<nil>', message: `Invalid value: "": ${JSON.stringify(path)} must ${what}` });
  const tried = (parts: readonly Schema[]): StatusCause[][] => parts.map((part) => checkSchema(part, value, path));
  const fitting = (results: readonly StatusCause[][]): number => results.filter((wrong) => wrong.length === 0).length;
  // Of several that do not fit, what is wrong with the one that comes nearest is told as well.
  const nearest = (results: readonly StatusCause[][]): StatusCause[] => [...results].sort((a, b) => a.length - b.length)[0] ?? [];

  const { allOf = [], anyOf, oneOf, not } = schema;
  const before = out.length;
  for (const part of allOf) walk(part, value, path, out, old);
  if (out.length > before) say(`validate all the schemas (allOf)${fitting(tried(allOf)) === 0 ? '. None validated' : ''}`);
  if (anyOf) {
    const results = tried(anyOf);
    if (fitting(results) === 0) {
      say('validate at least one schema (anyOf)');
      out.push(...nearest(results));
    }
  }
  if (oneOf) {
    const results = tried(oneOf);
    const count = fitting(results);
    if (count !== 1) say(`validate one and only one schema (oneOf). Found ${count === 0 ? 'none valid' : `${count} valid alternatives`}`);
    if (count === 0) out.push(...nearest(results));
  }
  if (not && checkSchema(not, value, path).length === 0) say('not validate the schema (not)');
}

function typeProblem(schema: Schema, value: unknown, path: string): StatusCause | undefined {
  if (value === undefined) return undefined;
  const found = typeOf(value);
  const wanted = schema['x-kubernetes-int-or-string'] ? 'integer or string' : schema.type;
  if (wanted === undefined) return undefined;
  if (found === 'null' && schema.nullable) return undefined;
  const fits =
    wanted === 'integer or string'
      ? found === 'integer' || found === 'string'
      : wanted === found || (wanted === 'number' && found === 'integer');
  if (fits) return undefined;
  return {
    reason: 'FieldValueTypeInvalid',
    field: path || '<nil>',
    message: `Invalid value: ${JSON.stringify(found)}: ${path} in body must be of type ${wanted}: ${JSON.stringify(found)}`,
  };
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function invalid(field: string, value: unknown, detail: string): StatusCause {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${shown(value)}: ${detail}` };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

const patterns = new Map<string, RE2JS | undefined>();

/** A pattern in linear-time syntax, as it comes from users; undefined, so that nothing matches, when it cannot be read. */
function compiled(pattern: string): RE2JS | undefined {
  if (patterns.has(pattern)) return patterns.get(pattern);
  let found: RE2JS | undefined;
  try {
    found = RE2JS.compile(pattern);
  } catch {
    found = undefined;
  }
  if (patterns.size > 1000) patterns.clear();
  patterns.set(pattern, found);
  return found;
}
