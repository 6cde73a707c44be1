/** What a CustomResourceDefinition says of a kind, as the API server knows kinds. */
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from 'kubernetes-types/apiextensions/v1.js';
import { parseJsonPath, valuesAt } from './jsonpath.ts';
import type { AnyObject, KubeObject } from './object.ts';
import type { Column, KindDef, LegacyVersion, Schema } from './kind.ts';
import { age, ageColumn, nameColumn } from './kinds/columns.ts';
import { define } from './kinds/define.ts';
import { OBJECT_FIELDS, objectMetaSchema } from './kinds/schema/builtin.ts';

/**
 * The kind that a valid CustomResourceDefinition defines; undefined when no version of it is served. Objects are stored as
 * the storage version; other served versions differ in schema and columns only (conversion `None`).
 * Defaults are those that the schema names: filling them in is the server's, as checking against the schema is.
 */
export function kindOfCrd(crd: CustomResourceDefinition): KindDef | undefined {
  const { group, names, scope, versions } = crd.spec;
  const stored = versions.find((v) => v.storage);
  if (!stored || !versions.some((v) => v.served)) return undefined;
  return define({
    resource: { group, version: stored.name, kind: names.kind, plural: names.plural, namespaced: scope === 'Namespaced' },
    singular: names.singular || names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    schema: () => objectSchema(stored),
    status: stored.subresources?.status !== undefined,
    ...(stored.subresources?.scale ? { scale: stored.subresources.scale } : {}),
    columns: columnsOf(stored),
    legacy: versions.filter((v) => v.served && v !== stored).map((v) => otherVersion(crd, v)),
    selectableFields: selectable(stored),
    custom: true,
  });
}

function otherVersion(crd: CustomResourceDefinition, version: CustomResourceDefinitionVersion): LegacyVersion {
  const { group, names } = crd.spec;
  const warning = version.deprecated ? version.deprecationWarning || `${group}/${version.name} ${names.kind} is deprecated` : '';
  return { group, version: version.name, warning, schema: objectSchema(version), columns: columnsOf(version) };
}

/** The schema of a version with what all objects have. */
function objectSchema(version: CustomResourceDefinitionVersion): Schema {
  const own = (version.schema?.openAPIV3Schema ?? { type: 'object' }) as Schema;
  return { ...own, type: 'object', properties: { ...own.properties, ...OBJECT_FIELDS, metadata: objectMetaSchema() } };
}

function selectable(version: CustomResourceDefinitionVersion): string[] {
  const fields = (version as { selectableFields?: { jsonPath: string }[] }).selectableFields ?? [];
  return fields.map((f) => f.jsonPath.replace(/^\./, ''));
}

function columnsOf(version: CustomResourceDefinitionVersion): Column[] {
  return printerColumns(version.additionalPrinterColumns ?? []);
}

/** The columns of a definition, which has an Age when it names none. */
export function printerColumns<T extends KubeObject = AnyObject>(extra: readonly CustomResourceColumnDefinition[]): Column<T>[] {
  return [nameColumn, ...(extra.length ? extra.map(printerColumn) : [ageColumn])];
}

const TYPES = ['string', 'integer', 'number', 'boolean', 'date'] as const;

function printerColumn({ name, type, format, description, priority, jsonPath }: CustomResourceColumnDefinition): Column<KubeObject> {
  const path = parseJsonPath(jsonPath);
  const known = TYPES.find((t) => t === type) ?? 'string';
  return {
    name,
    type: known,
    ...(format ? { format } : {}),
    ...(description ? { description } : {}),
    priority: priority ? 1 : 0,
    value: (object, now) => {
      const [value] = path ? valuesAt(path, object) : [];
      return cell(known, value, now);
    },
  };
}

function cell(type: Column['type'], value: unknown, now: number): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'date':
      return typeof value === 'string' ? age(value, now) : null;
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'string':
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}

/** The status of a definition whose kind is served; `stamp` is RFC 3339. */
export function servedStatus(crd: CustomResourceDefinition, stamp: string): NonNullable<CustomResourceDefinition['status']> {
  const stored = crd.spec.versions.filter((v) => v.storage).map((v) => v.name);
  const condition = (type: string, reason: string, message: string): object => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: crd.status?.conditions?.find((c) => c.type === type && c.status === 'True')?.lastTransitionTime ?? stamp,
  });
  return {
    acceptedNames: crd.spec.names,
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ] as NonNullable<CustomResourceDefinition['status']>['conditions'],
    storedVersions: [...new Set([...(crd.status?.storedVersions ?? []), ...stored])],
  };
}
