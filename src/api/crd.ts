/** What a CustomResourceDefinition says of a kind, as the API server knows kinds. */
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from 'kubernetes-types/apiextensions/v1.js';
import { parseJsonPath, valuesAt } from './jsonpath.ts';
import type { AnyObject, KubeObject } from './object.ts';
import type { Column, KindDef, LegacyVersion, Parts, Schema } from './kind.ts';
import { age, ageColumn, nameColumn } from './kinds/columns.ts';
import { define } from './kinds/define.ts';
import { OBJECT_FIELDS, objectMetaSchema } from './kinds/schema/builtin.ts';

/**
 * The kind that a valid CustomResourceDefinition defines; undefined when no version of it is served. Objects are stored as
 * the storage version; other served versions differ in schema and columns only, unless a webhook converts (`conversion`).
 * Defaults are those that the schema names: filling them in is the server's, as checking against the schema is.
 */
export function kindOfCrd(crd: CustomResourceDefinition): KindDef | undefined {
  const { group, scope, versions } = crd.spec;
  const accepted = crd.status?.acceptedNames;
  const names = isEstablished(crd) && accepted?.kind ? accepted : crd.spec.names;
  const stored = versions.find((v) => v.storage);
  if (!stored || !versions.some((v) => v.served)) return undefined;
  const { strategy, webhook } = crd.spec.conversion ?? {};
  return define({
    resource: { group, version: stored.name, kind: names.kind, plural: names.plural, namespaced: scope === 'Namespaced' },
    singular: names.singular || names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    schema: () => objectSchema(stored),
    ...partsIn(stored),
    columns: columnsOf(stored),
    legacy: versions.filter((v) => v.served && v !== stored).map((v) => otherVersion(crd, v)),
    selectableFields: selectable(stored),
    custom: true,
    ...(strategy === 'Webhook' && webhook ? { conversion: webhook } : {}),
  });
}

function otherVersion(crd: CustomResourceDefinition, version: CustomResourceDefinitionVersion): LegacyVersion {
  const { group, names } = crd.spec;
  const warning = version.deprecated ? version.deprecationWarning || `${group}/${version.name} ${names.kind} is deprecated` : '';
  return { group, version: version.name, warning, schema: objectSchema(version), columns: columnsOf(version), parts: partsIn(version) };
}

function partsIn({ subresources }: CustomResourceDefinitionVersion): Parts {
  return { status: subresources?.status !== undefined, ...(subresources?.scale ? { scale: subresources.scale } : {}) };
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

/** Names that other kinds of a group already have: those that URLs and commands know, and those of types. */
export interface TakenNames {
  readonly names: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

const NONE_TAKEN: TakenNames = { names: new Set(), kinds: new Set() };

type Status = NonNullable<CustomResourceDefinition['status']>;
type Names = NonNullable<Status['acceptedNames']>;

/** Conditions that follow from the rest of a definition. */
const OWN_CONDITIONS: ReadonlySet<string> = new Set(['NamesAccepted', 'Established', 'Terminating']);

/** A kind is served when its definition says so. */
export const isEstablished = (crd: CustomResourceDefinition): boolean =>
  crd.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True') ?? false;

/**
 * The status of a definition: which of its names it gets, whether its kind is served, versions in which objects may be stored.
 * `stamp` is RFC 3339. Once established, a kind stays so, under the names that it has.
 */
export function definitionStatus(crd: CustomResourceDefinition, stamp: string, taken: TakenNames = NONE_TAKEN): Status {
  const { accepted, conflict } = acceptNames(crd, taken);
  const established = !conflict || isEstablished(crd);
  const condition = (type: string, holds: boolean, reason: string, message: string): object => {
    const status = holds ? 'True' : 'False';
    const before = crd.status?.conditions?.find((c) => c.type === type && c.status === status);
    return { type, status, reason, message, lastTransitionTime: before?.lastTransitionTime ?? stamp };
  };
  const rest = (crd.status?.conditions ?? []).filter((c) => !OWN_CONDITIONS.has(c.type));
  const stored = crd.spec.versions.filter((v) => v.storage).map((v) => v.name);
  return {
    acceptedNames: accepted,
    conditions: [
      conflict
        ? condition('NamesAccepted', false, conflict.reason, conflict.message)
        : condition('NamesAccepted', true, 'NoConflicts', 'no conflicts found'),
      established
        ? condition('Established', true, 'InitialNamesAccepted', 'the initial names have been accepted')
        : condition('Established', false, 'NotAccepted', 'not all names are accepted'),
      ...(crd.metadata?.deletionTimestamp
        ? [condition('Terminating', true, 'InstanceDeletionInProgress', 'CustomResource deletion is in progress')]
        : []),
      ...rest,
    ] as Status['conditions'],
    storedVersions: [...new Set([...(crd.status?.storedVersions ?? []), ...stored])],
  };
}

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

/** The names that are free; for one that is not, what the definition had before. */
function acceptNames(crd: CustomResourceDefinition, { names, kinds }: TakenNames): { accepted: Names; conflict: Conflict | undefined } {
  const wanted = crd.spec.names;
  const had = crd.status?.acceptedNames;
  const accepted: { -readonly [K in keyof Names]?: unknown } = { ...wanted };
  let conflict: Conflict | undefined;
  const claim = (field: keyof Names, what: string, used: ReadonlySet<string>): void => {
    const name = wanted[field];
    const clash = (Array.isArray(name) ? name : [name]).find((n) => n && used.has(n));
    if (!clash) return;
    conflict = { reason: `${what}Conflict`, message: `${JSON.stringify(clash)} is already in use` };
    if (had?.[field]) accepted[field] = had[field];
    else delete accepted[field];
  };
  claim('plural', 'Plural', names);
  claim('singular', 'Singular', names);
  claim('shortNames', 'ShortNames', names);
  claim('kind', 'Kind', kinds);
  claim('listKind', 'ListKind', kinds);
  return { accepted: accepted as Names, conflict };
}
