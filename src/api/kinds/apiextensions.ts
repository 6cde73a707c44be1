import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from 'kubernetes-types/apiextensions/v1.js';
import { RE2JS } from 're2js';
import { parseJsonPath } from '../jsonpath.ts';
import type { Schema } from '../kind.ts';
import { CustomResourceDefinitions } from '../resources.ts';
import { type Causes, dns1035, dnsSubdomain, follow } from './check.ts';
import { column, nameColumn } from './columns.ts';
import { define } from './define.ts';

export const customResourceDefinitions = define<CustomResourceDefinition>({
  resource: CustomResourceDefinitions,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  schema: 'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  status: true,
  default(o) {
    const names = o.spec?.names;
    if (!names) return;
    names.singular ||= names.kind?.toLowerCase();
    names.listKind ||= names.kind && `${names.kind}List`;
    o.spec.conversion ??= { strategy: 'None' };
  },
  check,
  columns: [nameColumn, column('Created At', (o) => o.metadata?.creationTimestamp ?? null, 'date')],
});

function check(causes: Causes, o: CustomResourceDefinition, old: CustomResourceDefinition | undefined): void {
  const spec = o.spec;
  if (!spec) return causes.required('spec');
  const { group, names, scope, versions = [] } = spec as Partial<typeof spec>;
  if (!group) causes.required('spec.group');
  else follow(causes, 'spec.group', group, dnsSubdomain);
  causes.oneOf('spec.scope', scope ?? '', ['Cluster', 'Namespaced']);
  if (!names?.plural) causes.required('spec.names.plural');
  else {
    follow(causes, 'spec.names.plural', names.plural, dns1035);
    const name = `${names.plural}.${group}`;
    if (o.metadata?.name && o.metadata.name !== name) {
      causes.invalid('metadata.name', o.metadata.name, `must be spec.names.plural+"."+spec.group, that is ${name}`);
    }
  }
  if (!names?.kind) causes.required('spec.names.kind');
  else follow(causes, 'spec.names.kind', names.kind.toLowerCase(), dns1035);
  names?.shortNames?.forEach((short, i) => follow(causes, `spec.names.shortNames[${i}]`, short, dns1035));
  if (spec.conversion && spec.conversion.strategy !== 'None') {
    causes.unsupported('spec.conversion.strategy', spec.conversion.strategy, ['None']);
  }
  checkVersions(causes, versions);
  if (!old) return;
  causes.immutable('spec.group', group, old.spec.group);
  causes.immutable('spec.scope', scope, old.spec.scope);
  causes.immutable('spec.names.plural', names?.plural, old.spec.names.plural);
  causes.immutable('spec.names.kind', names?.kind, old.spec.names.kind);
}

function checkVersions(causes: Causes, versions: readonly CustomResourceDefinitionVersion[]): void {
  if (!versions.length) return causes.required('spec.versions', 'must have at least one version');
  const stored = versions.filter((v) => v.storage).map((v) => v.name);
  if (stored.length !== 1) causes.invalid('spec.versions', stored, 'must have exactly one version marked as storage version');
  const names = new Set<string>();
  versions.forEach((version, i) => {
    const at = `spec.versions[${i}]`;
    if (!version.name) causes.required(`${at}.name`);
    else follow(causes, `${at}.name`, version.name, dns1035);
    if (names.has(version.name)) causes.duplicate(`${at}.name`, version.name);
    names.add(version.name);
    const schema = version.schema?.openAPIV3Schema as Schema | undefined;
    if (!schema) causes.required(`${at}.schema.openAPIV3Schema`, 'schemas are required');
    else {
      if (schema.type !== 'object') causes.invalid(`${at}.schema.openAPIV3Schema.type`, schema.type ?? '', 'must be object at the root');
      checkSchema(causes, `${at}.schema.openAPIV3Schema`, schema, 0);
    }
    checkColumns(causes, at, version);
    const scale = version.subresources?.scale;
    if (!scale) return;
    checkPath(causes, `${at}.subresources.scale.specReplicasPath`, scale.specReplicasPath, '.spec.');
    checkPath(causes, `${at}.subresources.scale.statusReplicasPath`, scale.statusReplicasPath, '.status.');
  });
}

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];

function checkColumns(causes: Causes, at: string, version: CustomResourceDefinitionVersion): void {
  version.additionalPrinterColumns?.forEach((c, i) => {
    const here = `${at}.additionalPrinterColumns[${i}]`;
    if (!c.name) causes.required(`${here}.name`);
    causes.oneOf(`${here}.type`, c.type ?? '', COLUMN_TYPES);
    if (!c.jsonPath) causes.required(`${here}.JSONPath`);
    else if (!parseJsonPath(c.jsonPath)) causes.invalid(`${here}.JSONPath`, c.jsonPath, 'is an invalid path');
  });
}

function checkPath(causes: Causes, field: string, path: string | undefined, root: string): void {
  if (!path) causes.required(field);
  else if (!path.startsWith(root) || !parseJsonPath(path)) causes.invalid(field, path, `should be a json path under ${root.slice(0, -1)}`);
}

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
  [isNumber, 'a number', ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems']],
  [
    isFlag,
    'true or false',
    ['nullable', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-int-or-string', 'x-kubernetes-embedded-resource'],
  ],
  [listOf(isText), 'a list of strings', ['required', 'x-kubernetes-list-map-keys']],
  [Array.isArray, 'a list', ['enum']],
  [listOf(isObject), 'a list of objects', ['allOf', 'anyOf', 'oneOf', 'x-kubernetes-validations']],
  [isObject, 'an object', ['properties', 'items', 'not']],
  [(v) => isObject(v) || isFlag(v), 'an object, true or false', ['additionalProperties']],
];

/** False when a part of the schema is not of the type that its keyword wants. */
function checkKeywords(causes: Causes, at: string, schema: Schema): boolean {
  const before = causes.list.length;
  if (!isObject(schema)) causes.invalid(at, schema, 'must be an object');
  else
    for (const [fits, what, keywords] of KEYWORDS)
      for (const keyword of keywords)
        if (schema[keyword] !== undefined && !fits(schema[keyword])) causes.invalid(`${at}.${keyword}`, schema[keyword], `must be ${what}`);
  return causes.list.length === before;
}

/** A structural schema: every field says its type, or that it does not care. Inside of `allOf` and its like none need be said. */
function checkSchema(causes: Causes, at: string, schema: Schema, depth: number, structural = true): void {
  if (depth > DEPTH_LIMIT) return causes.invalid(at, '', `must not nest deeper than ${DEPTH_LIMIT} levels`);
  if (!checkKeywords(causes, at, schema)) return;
  const inside = (keyword: string, part: Schema, itsOwn = structural): void =>
    checkSchema(causes, `${at}.${keyword}`, part, depth + 1, itsOwn);
  if (structural && !schema.type && !schema['x-kubernetes-int-or-string'] && !schema['x-kubernetes-preserve-unknown-fields']) {
    causes.required(`${at}.type`, 'must not be empty for specified object fields');
  }
  if (schema.pattern !== undefined) {
    try {
      RE2JS.compile(schema.pattern);
    } catch (error) {
      causes.invalid(
        `${at}.pattern`,
        schema.pattern,
        `must be a valid regular expression, but isn't: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  if (structural && schema.type === 'array' && !schema.items) causes.required(`${at}.items`, 'must be specified');
  if (schema.items) inside('items', schema.items);
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    inside(`properties[${name}]`, field, structural && !(depth === 0 && name === 'metadata'));
  }
  if (schema.properties && schema.additionalProperties) {
    causes.forbidden(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive');
  }
  if (typeof schema.additionalProperties === 'object') inside('additionalProperties', schema.additionalProperties);
  for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const) {
    schema[keyword]?.forEach((part, i) => inside(`${keyword}[${i}]`, part, false));
  }
  if (schema.not) inside('not', schema.not, false);
}
