/**
 * Objects of the wrong shape: a field is missing that their kind requires, or is of another type. The API server lets none in; a file
 * may hold one, or a store that was damaged. Such an object is left out whole.
 */
import { createCatalog, keyOf, type Catalog, type KubeObject, type Resource, type Schema } from '../api/index.ts';
import { joined } from './memo.ts';
import type { Problem } from './problem.ts';
import { snapshotKinds, type Snapshot } from './snapshot.ts';
import { changedKeys, Table } from './table.ts';

type Objects = ReadonlyMap<string, KubeObject>;

/** What is left of a snapshot without them, and what is to be said of each. */
export interface Sound {
  readonly snapshot: Snapshot;
  readonly problems: readonly Problem[];
}

const NONE: readonly Problem[] = [];

let catalog: Catalog | undefined;

function schemaOf({ group, version, kind }: Resource): Schema {
  return (catalog ??= createCatalog()).findKind(group, version, kind)?.def.schema ?? {};
}

/** Looks through one snapshot after another: at each object when it changed. */
export function createScreen(): (snapshot: Snapshot) => Sound {
  const screens = Object.entries<Resource>(snapshotKinds).map(
    ([field, resource]) => [field as keyof typeof snapshotKinds, screenOf(resource.kind, schemaOf(resource))] as const,
  );
  return (snapshot) => {
    const looked = screens.map(([field, screen]) => [field, screen(snapshot[field])] as const);
    const lost = looked.filter(([, { problems }]) => problems.length);
    if (!lost.length) return { snapshot, problems: NONE };
    return {
      snapshot: { ...snapshot, ...Object.fromEntries(lost.map(([field, { objects }]) => [field, objects])) },
      problems: joined(NONE, ...lost.map(([, { problems }]) => problems)),
    };
  };
}

interface Looked {
  readonly objects: Objects;
  readonly problems: readonly Problem[];
}

function screenOf(kind: string, schema: Schema): (objects: Objects) => Looked {
  const bad = new Map<string, readonly Problem[]>();
  let last: Objects = new Map();
  let looked: Looked = { objects: last, problems: NONE };
  return (objects) => {
    if (objects === last) return looked;
    for (const key of changedKeys(last, objects)) {
      const object = objects.get(key);
      const found = object ? problemsOf(kind, object, schema) : NONE;
      if (found.length) bad.set(key, found);
      else bad.delete(key);
    }
    last = objects;
    looked = bad.size
      ? { objects: new Table([...objects].filter(([key]) => !bad.has(key))), problems: [...bad.values()].flat() }
      : { objects, problems: NONE };
    return looked;
  };
}

function problemsOf(kind: string, object: KubeObject, schema: Schema): readonly Problem[] {
  const misshapen = [...(object.metadata?.name ? [] : [{ path: 'metadata.name', is: 'missing' }]), ...misshapenIn(object, schema, '')];
  return misshapen.map(({ path, is }) => ({
    object: { kind, ...keyOf(object) },
    code: 'IST0106',
    severity: 'error',
    path,
    message: `it is ${is}; nothing of the object is in force.`,
    fix: is === 'missing' ? 'Set it.' : 'Correct it.',
  }));
}

interface Misshapen {
  readonly path: string;
  /** `missing`, or what it is not. */
  readonly is: string;
}

const TYPES: Readonly<Record<NonNullable<Schema['type']>, (value: unknown) => boolean>> = {
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  integer: (value) => typeof value === 'number',
};

function misshapenIn(value: unknown, schema: Schema, path: string): Misshapen[] {
  if (schema.type && !TYPES[schema.type](value)) return [{ path, is: `no ${schema.type}` }];
  if (Array.isArray(value)) return schema.items ? value.flatMap((item, i) => misshapenIn(item, schema.items!, `${path}[${i}]`)) : [];
  if (typeof value !== 'object' || value === null) return [];
  const fields = value as Readonly<Record<string, unknown>>;
  const at = (name: string): string => (path ? `${path}.${name}` : name);
  const missing = (schema.required ?? []).filter((name) => fields[name] === undefined || fields[name] === null);
  const more = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return [
    ...missing.map((name) => ({ path: at(name), is: 'missing' })),
    ...Object.entries(fields).flatMap(([name, field]) => {
      const known = schema.properties?.[name] ?? more;
      // What is null is as good as absent.
      return known && field !== undefined && field !== null ? misshapenIn(field, known, at(name)) : [];
    }),
  ];
}
