/** The checks of a definition's versions. */
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from 'kubernetes-types/apiextensions/v1.js';
import { parseJsonPath } from '../../jsonpath.ts';
import type { Schema } from '../../kind.ts';
import { asGo, type Causes, dns1035, follow } from '../check.ts';
import { checkKeywords } from './keywords.ts';
import { checkOpenApi } from './open-api.ts';
import { checkStructural } from './structural.ts';

type Spec = CustomResourceDefinition['spec'];

/** A version with what newer servers know. */
export type Version = CustomResourceDefinitionVersion & { readonly selectableFields?: readonly { readonly jsonPath: string }[] };

const VERSION = {
  Name: '',
  Served: false,
  Storage: false,
  Deprecated: false,
  DeprecationWarning: null,
  Schema: null,
  Subresources: null,
  AdditionalPrinterColumns: null,
  SelectableFields: null,
};

export function checkVersions(causes: Causes, spec: Partial<Spec>): void {
  const versions = (spec.versions ?? []) as Version[];
  const names = new Set<string>();
  let stored = 0;
  versions.forEach((version, i) => {
    const at = `spec.versions[${i}]`;
    follow(causes, `${at}.name`, version.name, dns1035);
    // The first one goes by the name it had when there was but one.
    if (i === 0 && version.name) follow(causes, 'spec.version', version.name, dns1035);
    if (version.storage) stored++;
    names.add(version.name);
    if (version.deprecationWarning !== undefined) checkWarning(causes, at, version);
  });
  if (names.size < versions.length) {
    causes.invalid(
      'spec.versions',
      versions.map((v) => v.name),
      'must contain unique version names',
    );
  }
  if (stored !== 1) {
    const shown = spec.versions?.map((version) => asGo({ ...version, schema: null, subresources: null }, VERSION)) ?? null;
    causes.invalid('spec.versions', shown, 'must have exactly one version marked as storage version');
    if (stored === 0) causes.invalid('status.storedVersions', null, 'must have at least one stored version');
  }
  const columnsAt = placeOf(versions, (v) => v.additionalPrinterColumns, 'additionalPrinterColumns', 'spec.additionalPrinterColumns');
  const subresourcesAt = placeOf(versions, (v) => v.subresources, 'subresources', 'spec.subresources');
  const fieldsAt = placeOf(versions, (v) => v.selectableFields, 'selectableFields', 'spec.selectableFields');
  for (const [at, schema] of schemaPlaces(spec)) checkVersionSchema(causes, at, schema);
  versions.forEach((version, i) => {
    const schema = version.schema?.openAPIV3Schema as Schema | undefined;
    if (!schema) causes.required(`spec.versions[${i}].schema.openAPIV3Schema`);
    const columns = columnsAt(i);
    if (columns) checkColumns(causes, columns, version);
    const subresources = subresourcesAt(i);
    if (subresources) checkScale(causes, `${subresources}.scale`, version.subresources?.scale);
    const fields = fieldsAt(i);
    if (fields && schema) checkSelectable(causes, fields, version.selectableFields ?? [], schema);
  });
}

/** Where messages say that a part of each version is. What all versions share the real server holds, and names, only once. */
function placeOf(
  versions: readonly Version[],
  part: (version: Version) => unknown,
  own: string,
  shared: string,
): (i: number) => string | undefined {
  const alike = versions.every((version) => JSON.stringify(part(version)) === JSON.stringify(part(versions[0]!)));
  return (i) => (alike ? (i === 0 ? shared : undefined) : `spec.versions[${i}].${own}`);
}

/** Each schema of a definition, with where messages say that it is. */
export function schemaPlaces({ versions = [] }: Partial<Spec>): (readonly [at: string, schema: Schema])[] {
  const at = placeOf(versions, (v) => v.schema, 'schema.openAPIV3Schema', 'spec.validation.openAPIV3Schema');
  return versions.flatMap((version, i) => {
    const place = at(i);
    const schema = version.schema?.openAPIV3Schema as Schema | undefined;
    return place && schema ? [[place, schema] as const] : [];
  });
}

function checkVersionSchema(causes: Causes, at: string, schema: Schema): void {
  if (!checkKeywords(causes, at, schema)) return;
  const before = causes.list.length;
  checkStructural(causes, at, schema);
  checkOpenApi(causes, at, schema, causes.list.length === before);
}

/** Longest warning, in characters. */
const WARNING_LIMIT = 256;

function checkWarning(causes: Causes, at: string, { deprecated, deprecationWarning = '' }: Version): void {
  if (!deprecated) causes.invalid(`${at}.deprecationWarning`, deprecationWarning, 'can only be set for deprecated versions');
  if (deprecationWarning.length === 0) causes.invalid(`${at}.deprecationWarning`, '', 'must not be empty');
  else if (deprecationWarning.length > WARNING_LIMIT) causes.tooLong(`${at}.deprecationWarning`, WARNING_LIMIT);
  // eslint-disable-next-line no-control-regex -- what no header may hold
  else if (/[\x00-\x1f\x7f]/.test(deprecationWarning))
    causes.invalid(
      `${at}.deprecationWarning`,
      deprecationWarning,
      'must only contain printable UTF-8 characters; non-printable characters found',
    );
}

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];

function checkColumns(causes: Causes, at: string, version: Version): void {
  version.additionalPrinterColumns?.forEach((column, i) => {
    const here = `${at}[${i}]`;
    if (!column.name) causes.required(`${here}.name`);
    if (!column.type) causes.required(`${here}.type`, `must be one of ${COLUMN_TYPES.join(',')}`);
    else if (!COLUMN_TYPES.includes(column.type)) causes.invalid(`${here}.type`, column.type, `must be one of ${COLUMN_TYPES.join(',')}`);
    if (!column.jsonPath) causes.required(`${here}.JSONPath`);
    else if (!column.jsonPath.startsWith('.'))
      causes.invalid(`${here}.JSONPath`, column.jsonPath, 'must be a simple json path starting with .');
    else if (!parseJsonPath(column.jsonPath)) causes.invalid(`${here}.JSONPath`, column.jsonPath, 'is an invalid path');
  });
}

type Scale = NonNullable<NonNullable<CustomResourceDefinitionVersion['subresources']>['scale']>;

function checkScale(causes: Causes, at: string, scale: Scale | undefined): void {
  if (!scale) return;
  const under = (field: keyof Scale, roots: readonly string[], where: string): void => {
    const path = scale[field];
    if (!path) return field === 'labelSelectorPath' ? undefined : causes.required(`${at}.${field}`);
    if (!path.startsWith('.')) return causes.invalid(`${at}.${field}`, path, 'must be a simple json path starting with .');
    if (!roots.some((root) => path.startsWith(root))) causes.invalid(`${at}.${field}`, path, `should be a json path under ${where}`);
  };
  under('specReplicasPath', ['.spec.'], '.spec');
  under('statusReplicasPath', ['.status.'], '.status');
  under('labelSelectorPath', ['.spec.', '.status.'], 'either .spec or .status');
}

/** Most fields that a version may offer to selectors. */
const SELECTABLE_LIMIT = 8;

function checkSelectable(causes: Causes, at: string, fields: readonly { jsonPath: string }[], schema: Schema): void {
  if (fields.length > SELECTABLE_LIMIT) {
    causes.add('FieldValueTooMany', at, `Too many: ${fields.length}: must have at most ${SELECTABLE_LIMIT} items`);
  }
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const here = `${at}[${i}].jsonPath`;
    if (!jsonPath) return causes.required(here);
    if (seen.has(jsonPath)) causes.duplicate(here, jsonPath);
    seen.add(jsonPath);
    const steps = /^(?:\.[^.[\]]+)+$/.test(jsonPath) ? jsonPath.slice(1).split('.') : undefined;
    if (!steps) return causes.invalid(here, jsonPath, 'is an invalid path: array notation is not allowed');
    if (steps[0] === 'metadata' || jsonPath === '.apiVersion' || jsonPath === '.kind') {
      return causes.invalid(here, jsonPath, 'must not point to fields in metadata');
    }
    let found: Schema | undefined = schema;
    for (const step of steps) found = found?.properties?.[step];
    if (!found) return causes.invalid(here, jsonPath, 'is an invalid path: does not refer to a valid field');
    if (!SELECTABLE.has(found.type ?? '')) {
      causes.invalid(
        here,
        jsonPath,
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      );
    }
  });
}

const SELECTABLE: ReadonlySet<string> = new Set(['string', 'boolean', 'integer']);
