/** The checks of a schema beyond its being structural: keywords that are not supported, list types, rules with their cost. */
import { mostValues } from '../../../cel/index.ts';
import type { Schema } from '../../kind.ts';
import { isBroken, rulesOf } from '../../rules.ts';
import type { Causes } from '../check.ts';
import { checkFieldPath, checkRuleTexts, goRule } from './rule-texts.ts';

/** Most that one rule, and all of a schema, may be estimated to cost. */
const RULE_LIMIT = 10_000_000;
const SCHEMA_LIMIT = 100_000_000;
/** Our estimates are near the real ones, not equal: what is close to the limit is let through. The meter stops what is too much. */
const SLACK = 1.5;

/** What a part of a schema inherits from those around it. */
interface Place {
  readonly root: boolean;
  /** Within `metadata`, `kind` and `apiVersion`. */
  readonly envelope: boolean;
  /** Why defaults are forbidden; absent where they are not. */
  readonly noDefaults?: string;
  /** The outermost part around it whose old and new values cannot be told to belong together. */
  readonly uncorrelated?: string;
  /** Most values of this part in one object; undefined where a list around it has no bound. */
  readonly count: number | undefined;
  /** False inside of `allOf` and its like, where rules mean nothing. */
  readonly rules: boolean;
}

interface Costs {
  total: number;
  readonly expensive: { path: string; cost: number }[];
}

/** Checks a schema of a whole object. Rules are compiled when `rules`: where the schema is structural. */
export function checkOpenApi(causes: Causes, at: string, schema: Schema, rules: boolean): void {
  if (schema.nullable) causes.forbidden(`${at}.nullable`, 'nullable cannot be true at the root');
  const costs: Costs = { total: 0, expensive: [] };
  checkPart(causes, at, schema, { root: true, envelope: false, count: 1, rules }, costs);
  if (costs.total <= SCHEMA_LIMIT * SLACK) return;
  for (const { path } of costs.expensive.sort((a, b) => b.cost - a.cost).slice(0, 4)) {
    causes.forbidden(path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema');
  }
  causes.forbidden(
    at,
    overBudget('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', costs.total, SCHEMA_LIMIT),
  );
}

function overBudget(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  return `${what} exceeds budget by factor of ${factor > 100 ? 'more than 100x' : `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const UNSUPPORTED = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];

function checkPart(causes: Causes, at: string, schema: Schema, place: Place, costs: Costs): void {
  const before = causes.list.length;
  const { type, properties, items, additionalProperties } = schema;
  const raw = schema as Record<string, unknown>;
  if (raw['type'] === 'null') causes.forbidden(`${at}.type`, 'type cannot be set to null, use nullable as an alternative');
  else if (type !== undefined && !TYPES.includes(type)) causes.unsupported(`${at}.type`, type, TYPES);
  if (schema.default !== undefined && place.noDefaults) causes.forbidden(`${at}.default`, `must not be set ${place.noDefaults}`);
  for (const keyword of UNSUPPORTED) if (raw[keyword] !== undefined) causes.forbidden(`${at}.${keyword}`, `${keyword} is not supported`);
  if (place.envelope && schema['x-kubernetes-embedded-resource'])
    causes.forbidden(`${at}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta');
  if (raw['uniqueItems'] === true)
    causes.forbidden(`${at}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  if (properties && additionalProperties !== undefined && additionalProperties !== true && Object.keys(properties).length > 0)
    causes.forbidden(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive');
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    causes.invalid(`${at}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined');
  checkCollections(causes, at, schema);

  const inner = { ...place, root: false };
  if (typeof additionalProperties === 'object') {
    const bound = times(place.count, schema.maxProperties);
    const meta = place.envelope ? { noDefaults: 'inside additionalProperties applying to object metadata' } : {};
    checkPart(causes, `${at}.additionalProperties`, additionalProperties, { ...inner, ...meta, count: bound }, costs);
  }
  const atomic = schema['x-kubernetes-map-type'] === 'atomic' ? { uncorrelated: place.uncorrelated ?? at } : {};
  for (const [name, field] of Object.entries(properties ?? {})) {
    const envelope = (place.root || schema['x-kubernetes-embedded-resource'] === true) && ENVELOPE.has(name);
    const meta = envelope ? { envelope, ...(place.root ? { noDefaults: `in top-level ${name}` } : {}) } : {};
    checkPart(causes, `${at}.properties[${name}]`, field, { ...inner, ...atomic, ...meta }, costs);
  }
  for (const junctor of ['allOf', 'oneOf', 'anyOf'] as const) {
    schema[junctor]?.forEach((part, i) => checkPart(causes, `${at}.${junctor}[${i}]`, part, { ...inner, rules: false }, costs));
  }
  if (schema.not) checkPart(causes, `${at}.not`, schema.not, { ...inner, rules: false }, costs);
  if (items) {
    const list = schema['x-kubernetes-list-type'] === 'map' ? {} : { uncorrelated: place.uncorrelated ?? at };
    checkPart(causes, `${at}.items`, items, { ...inner, ...list, count: times(place.count, schema.maxItems) }, costs);
  }
  checkRuleTexts(causes, at, schema);
  // Where the schema is wrong, here or further inside, what is said of its rules would only confuse.
  if (place.rules && causes.list.length === before) checkRules(causes, at, schema, place, costs);
}

const ENVELOPE: ReadonlySet<string> = new Set(['metadata', 'kind', 'apiVersion']);
const times = (count: number | undefined, bound: number | undefined): number | undefined =>
  count === undefined || bound === undefined ? undefined : count * bound;

function checkRules(causes: Causes, at: string, schema: Schema, place: Place, costs: Costs): void {
  const count = place.count ?? mostValues(schema);
  const charge = (path: string, what: string, each: number): void => {
    const cost = each * count;
    costs.total += cost;
    costs.expensive.push({ path, cost });
    if (cost > RULE_LIMIT * SLACK) causes.forbidden(path, overBudget(what, cost, RULE_LIMIT));
  };
  rulesOf(schema, place.root).forEach((compiled, i) => {
    const here = `${at}.x-kubernetes-validations[${i}]`;
    const { rule } = compiled;
    if (rule.fieldPath) checkFieldPath(causes, `${here}.fieldPath`, rule.fieldPath, schema);
    if (isBroken(compiled))
      return causes.add('FieldValueInvalid', `${here}.${compiled.part}`, `Invalid value: ${goRule(rule)}: ${compiled.detail}`);
    charge(`${here}.rule`, 'estimated rule cost', compiled.program.cost);
    if (compiled.message) charge(`${here}.messageExpression`, 'estimated messageExpression cost', compiled.message.cost);
    if (compiled.transition && place.uncorrelated) {
      causes.invalid(
        `${here}.rule`,
        rule.rule,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`,
      );
    }
    if (!compiled.transition && rule.optionalOldSelf !== undefined) {
      causes.invalid(`${here}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule');
    }
  });
}

/** List and map types. */
function checkCollections(causes: Causes, at: string, schema: Schema): void {
  const { type, items } = schema;
  const mapType = schema['x-kubernetes-map-type'];
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const mustBe = (wanted: string, extension: string): void => {
    const detail = `must be ${wanted} if ${extension} is specified`;
    if (type) causes.invalid(`${at}.type`, type, detail);
    else causes.required(`${at}.type`, detail);
  };
  if (mapType && type !== 'object') mustBe('object', 'x-kubernetes-map-type');
  causes.oneOf(`${at}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']);
  if (listType && type !== 'array') mustBe('array', 'x-kubernetes-list-type');
  else if (listType === 'set' && items) checkSetItems(causes, at, items);
  causes.oneOf(`${at}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']);
  if (keys.length > 0 && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    if (listType) causes.invalid(`${at}.x-kubernetes-list-type`, listType, detail);
    else causes.required(`${at}.x-kubernetes-list-type`, detail);
  }
  if (items?.nullable && (listType === 'set' || listType === 'map'))
    causes.forbidden(`${at}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`);
  if (listType === 'map') checkMapList(causes, at, items, keys);
}

function checkSetItems(causes: Causes, at: string, items: Schema): void {
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items['x-kubernetes-list-type'];
  const mapType = items['x-kubernetes-map-type'];
  if (items.type === 'array' && listType && listType !== 'atomic') causes.invalid(`${at}.items.x-kubernetes-list-type`, listType, detail);
  if (items.type === 'object' && mapType !== 'atomic') causes.invalid(`${at}.items.x-kubernetes-map-type`, mapType ?? null, detail);
}

function checkMapList(causes: Causes, at: string, items: Schema | undefined, keys: readonly string[]): void {
  if (keys.length === 0) causes.required(`${at}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map');
  if (!items) return causes.required(`${at}.items`, 'must have a schema if x-kubernetes-list-type is map');
  if (items.type !== 'object')
    return causes.invalid(`${at}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map");
  const seen = new Set<string>();
  for (const key of keys) {
    const field = items.properties?.[key];
    const here = `${at}.items.properties[${key}]`;
    if (!field) causes.invalid(`${at}.x-kubernetes-list-map-keys`, keys, 'entries must all be names of item properties');
    else {
      if (field.type === 'array' || field.type === 'object')
        causes.invalid(`${here}.type`, field.type, "must be a scalar type if parent array's x-kubernetes-list-type is map");
      if (!items.required?.includes(key) && field.default === undefined)
        causes.required(
          `${here}.default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        );
      if (field.nullable) causes.forbidden(`${here}.nullable`, 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable');
    }
    if (seen.has(key)) causes.invalid(`${at}.x-kubernetes-list-map-keys`, keys, 'must not contain duplicate entries');
    seen.add(key);
  }
}
