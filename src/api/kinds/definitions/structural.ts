/** The checks that make a schema structural: every field says its type once, and nothing inside of `allOf` and its like adds fields. */
import type { Schema } from '../../kind.ts';
import { isPattern } from '../../pattern.ts';
import type { Causes } from '../check.ts';

const AT_LEVEL = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
} as const;

type Level = keyof typeof AT_LEVEL;

/** Adds what keeps the schema at `at`, of a whole object, from being structural. */
export function checkStructural(causes: Causes, at: string, schema: Schema): void {
  checkInvariants(causes, at, schema, 'root');
  checkCompleteness(causes, at, schema);
}

function checkInvariants(causes: Causes, at: string, schema: Schema, level: Level): void {
  const { type, items, properties = {}, additionalProperties } = schema;
  if (type === 'array' && !items) causes.required(`${at}.items`, 'must be specified');
  if (items) checkInvariants(causes, `${at}.items`, items, 'item');
  for (const [name, field] of Object.entries(properties)) checkInvariants(causes, `${at}.properties[${name}]`, field, 'field');
  if (additionalProperties !== undefined && level === 'root')
    causes.forbidden(`${at}.additionalProperties`, 'must not be used at the root');
  if (typeof additionalProperties === 'object') checkInvariants(causes, `${at}.additionalProperties`, additionalProperties, 'field');
  checkExtensions(causes, at, schema);
  checkValidation(causes, at, schema, schema);

  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  if (embedded && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    if (type) causes.invalid(`${at}.type`, type, detail);
    else causes.required(`${at}.type`, detail);
  } else if (!type && !schema['x-kubernetes-int-or-string'] && !schema['x-kubernetes-preserve-unknown-fields']) {
    causes.required(`${at}.type`, AT_LEVEL[level]);
  }
  if (embedded && additionalProperties !== undefined) {
    causes.forbidden(`${at}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set');
  }
  if (level === 'root' && type && type !== 'object') causes.invalid(`${at}.type`, type, 'must be object at the root');
  if (level === 'root' || embedded) checkEnvelope(causes, at, properties, level);
  if (embedded && !schema['x-kubernetes-preserve-unknown-fields'] && Object.keys(properties).length === 0) {
    causes.required(
      `${at}.properties`,
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    );
  }
}

function checkExtensions(causes: Causes, at: string, schema: Schema): void {
  if (!schema['x-kubernetes-int-or-string']) return;
  for (const extension of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const) {
    if (schema[extension]) causes.invalid(`${at}.${extension}`, true, 'must be false if x-kubernetes-int-or-string is true');
  }
}

/** What every object has needs no schema, and may not be given another one. */
function checkEnvelope(causes: Causes, at: string, properties: Readonly<Record<string, Schema>>, level: Level): void {
  for (const name of ['kind', 'apiVersion']) {
    const field = properties[name];
    if (field && field.type !== 'string') causes.invalid(`${at}.properties[${name}].type`, field.type ?? '', 'must be string');
  }
  const { metadata } = properties;
  if (!metadata) return;
  if (metadata.type !== 'object') causes.invalid(`${at}.properties[metadata].type`, metadata.type ?? '', 'must be object');
  if (level !== 'root') return;
  const fields = Object.keys(metadata.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  if (fields.length > 0 || Object.keys(metadata).some((keyword) => !OF_METADATA.has(keyword))) {
    causes.forbidden(
      `${at}.properties[metadata]`,
      'must not specify anything other than name and generateName, but metadata is implicitly specified',
    );
  }
}

const OF_METADATA: ReadonlySet<string> = new Set(['type', 'description', 'default', 'properties']);

const INT_OR_STRING = JSON.stringify([{ type: 'integer' }, { type: 'string' }]);

/** The form that says of an `x-kubernetes-int-or-string` field what it is may name types. */
const isIntOrString = (parts: readonly Schema[] | undefined): boolean => JSON.stringify(parts) === INT_OR_STRING;

/** Checks what is inside of `allOf` and its like; `owner` is the field that they speak of. */
function checkValidation(causes: Causes, at: string, schema: Schema, owner: Schema, depth = 0): void {
  if (schema.pattern !== undefined) {
    const wrong = isPattern(schema.pattern);
    if (wrong !== true) causes.invalid(`${at}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${wrong}`);
  }
  const free = owner['x-kubernetes-int-or-string'] === true;
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    if (junctor === 'anyOf' && free && isIntOrString(schema.anyOf) && depth < 2) continue;
    schema[junctor]?.forEach((part, i) => checkNested(causes, `${at}.${junctor}[${i}]`, part, owner, depth + 1));
  }
  if (schema.not) checkNested(causes, `${at}.not`, schema.not, owner, depth + 1);
}

const FORBIDDEN: readonly (readonly [keyof Schema | 'title', string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
];

function checkNested(causes: Causes, at: string, schema: Schema, owner: Schema, depth: number): void {
  checkValidation(causes, at, schema, owner, depth);
  if (schema.items) checkNested(causes, `${at}.items`, schema.items, {}, depth);
  for (const [name, field] of Object.entries(schema.properties ?? {})) checkNested(causes, `${at}.properties[${name}]`, field, {}, depth);
  for (const [keyword, detail] of FORBIDDEN) {
    const value = (schema as Record<string, unknown>)[keyword];
    if (value !== undefined && value !== false && value !== '') causes.forbidden(`${at}.${keyword}`, detail);
  }
  if (schema.properties?.['metadata']) causes.forbidden(`${at}.properties[metadata]`, 'must not be specified in a nested context');
}

/** Fields that `allOf` and its like speak of must be there outside of them. */
function checkCompleteness(causes: Causes, at: string, schema: Schema): void {
  for (const [path, part] of junctionsOf(at, schema)) checkMentioned(causes, at, schema, path, part);
  if (schema.items) checkCompleteness(causes, `${at}.items`, schema.items);
  for (const [name, field] of Object.entries(schema.properties ?? {})) checkCompleteness(causes, `${at}.properties[${name}]`, field);
  if (typeof schema.additionalProperties === 'object') checkCompleteness(causes, `${at}.additionalProperties`, schema.additionalProperties);
}

function junctionsOf(at: string, schema: Schema): (readonly [string, Schema])[] {
  return [
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((j) => (schema[j] ?? []).map((part, i) => [`${at}.${j}[${i}]`, part] as const)),
    ...(schema.not ? [[`${at}.not`, schema.not] as const] : []),
  ];
}

function checkMentioned(causes: Causes, at: string, schema: Schema, path: string, part: Schema): void {
  for (const [name, field] of Object.entries(part.properties ?? {})) {
    const here = schema.properties?.[name];
    const other = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    if (here) checkMentioned(causes, `${at}.properties[${name}]`, here, `${path}.properties[${name}]`, field);
    else if (other) checkMentioned(causes, `${at}.additionalProperties`, other, `${path}.properties[${name}]`, field);
    else causes.required(`${at}.properties[${name}]`, `because it is defined in ${path}.properties[${name}]`);
  }
  if (part.items) {
    if (schema.items) checkMentioned(causes, `${at}.items`, schema.items, `${path}.items`, part.items);
    else causes.required(`${at}.items`, `because it is defined in ${path}.items`);
  }
  for (const [inner, nested] of junctionsOf(path, part)) checkMentioned(causes, at, schema, inner, nested);
}
