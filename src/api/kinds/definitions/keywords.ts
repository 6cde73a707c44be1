import type { Schema } from '../../kind.ts';
import type { Causes } from '../check.ts';

/** How deep schemas may nest. */
const DEPTH_LIMIT = 64;

const isObject = (v: unknown): v is object => v !== null && typeof v === 'object' && !Array.isArray(v);
const isText = (v: unknown): boolean => typeof v === 'string';
const isNumber = (v: unknown): boolean => typeof v === 'number';
const isFlag = (v: unknown): boolean => typeof v === 'boolean';
const listOf = (fits: (v: unknown) => boolean) => (v: unknown) => Array.isArray(v) && v.every(fits);

/** What the keywords of a schema hold: they reach the server as free-form JSON, and everything else relies on them. */
const KEYWORDS: readonly (readonly [fits: (v: unknown) => boolean, what: string, keywords: readonly (keyof Schema)[]])[] = [
  [isText, 'a string', ['type', 'format', 'pattern', 'x-kubernetes-list-type', 'x-kubernetes-map-type']],
  [
    isNumber,
    'a number',
    ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'multipleOf'],
  ],
  [
    isFlag,
    'true or false',
    [
      'nullable',
      'exclusiveMinimum',
      'exclusiveMaximum',
      'x-kubernetes-preserve-unknown-fields',
      'x-kubernetes-int-or-string',
      'x-kubernetes-embedded-resource',
    ],
  ],
  [listOf(isText), 'a list of strings', ['required', 'x-kubernetes-list-map-keys']],
  [Array.isArray, 'a list', ['enum']],
  [listOf(isObject), 'a list of objects', ['allOf', 'anyOf', 'oneOf', 'x-kubernetes-validations']],
  [isObject, 'an object', ['properties', 'items', 'not']],
  [(v) => isObject(v) || isFlag(v), 'an object, true or false', ['additionalProperties']],
];

const RULE_TEXTS = ['rule', 'message', 'messageExpression', 'reason', 'fieldPath'];

/** False when a part of the schema is not of the type that its keyword wants, or nested too deeply. */
export function checkKeywords(causes: Causes, at: string, schema: Schema, depth = 0): boolean {
  if (depth > DEPTH_LIMIT) {
    causes.invalid(at, '', `must not nest deeper than ${DEPTH_LIMIT} levels`);
    return false;
  }
  if (!isObject(schema)) {
    causes.invalid(at, schema, 'must be an object');
    return false;
  }
  const before = causes.list.length;
  for (const [fits, what, keywords] of KEYWORDS)
    for (const keyword of keywords)
      if (schema[keyword] !== undefined && !fits(schema[keyword])) causes.invalid(`${at}.${keyword}`, schema[keyword], `must be ${what}`);
  if (causes.list.length > before) return false;
  schema['x-kubernetes-validations']?.forEach((rule, i) => {
    const raw = rule as unknown as Record<string, unknown>;
    for (const key of RULE_TEXTS)
      if (raw[key] !== undefined && !isText(raw[key]))
        causes.invalid(`${at}.x-kubernetes-validations[${i}].${key}`, raw[key], 'must be a string');
    if (raw['optionalOldSelf'] !== undefined && !isFlag(raw['optionalOldSelf']))
      causes.invalid(`${at}.x-kubernetes-validations[${i}].optionalOldSelf`, raw['optionalOldSelf'], 'must be true or false');
  });
  for (const [path, part] of partsOf(at, schema)) if (!checkKeywords(causes, path, part, depth + 1)) return false;
  return causes.list.length === before;
}

function partsOf(at: string, schema: Schema): (readonly [string, Schema])[] {
  return [
    ...Object.entries(schema.properties ?? {}).map(([name, part]) => [`${at}.properties[${name}]`, part] as const),
    ...(['items', 'not', 'additionalProperties'] as const).flatMap((k) =>
      isObject(schema[k]) ? [[`${at}.${k}`, schema[k]] as const] : [],
    ),
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((k) => (schema[k] ?? []).map((part, i) => [`${at}.${k}[${i}]`, part] as const)),
  ];
}
