import type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.js';
import {
  definitionStatus,
  extendedBy,
  isEstablished,
  kindOfCrd,
  schemaPlaces,
  type AnyObject,
  type KindDef,
  type Schema,
  type StatusCause,
  type TakenNames,
} from '../api/index.ts';
import { messageOf, rfc3339 } from '../base/index.ts';
import type { Core } from './core.ts';
import { storePrefix } from './entry.ts';
import { copy } from './json.ts';
import type { Draft } from './lifecycle.ts';
import { fillDefaults, prune } from './schema/shape.ts';
import { checkSchema } from './schema/validate.ts';

/** Keeps a definition until its objects are gone. */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

/** How long the deletion of a built-in definition is waited for before it is answered, in milliseconds. */
const RETURN_MS = 2_000;

/** The store's prefix of all definitions. */
export const CRD_PREFIX = 'apiextensions.k8s.io/customresourcedefinitions/';

const asCrd = (object: AnyObject | Draft): CustomResourceDefinition => object as unknown as CustomResourceDefinition;

/** What the server writes into a definition, in place: its status, and that its objects go before it. */
export function prepareCrd({ store, clock }: Core, draft: Draft): void {
  const { metadata } = draft;
  if (!metadata.deletionTimestamp && !metadata.finalizers?.includes(CLEANUP))
    metadata.finalizers = [...(metadata.finalizers ?? []), CLEANUP];
  if (!Array.isArray(draft.spec?.['versions']) || !draft.spec['names']) return; // validation says so
  const others = store.list(CRD_PREFIX).items.map(({ object }) => asCrd(object));
  const status = definitionStatus(asCrd(draft), rfc3339(clock.now()), takenNames(asCrd(draft), others));
  draft.status = copy({ ...draft.status, ...status });
}

/** The names of the other kinds in a definition's group. */
function takenNames({ metadata, spec }: CustomResourceDefinition, others: readonly CustomResourceDefinition[]): TakenNames {
  const accepted = others.flatMap((other) =>
    other.spec.group === spec.group && other.metadata?.name !== metadata?.name && other.status?.acceptedNames
      ? [other.status.acceptedNames]
      : [],
  );
  const all = (...names: (string | undefined)[]): string[] => names.filter((name): name is string => Boolean(name));
  return {
    names: new Set(accepted.flatMap((n) => all(n.plural, n.singular, ...(n.shortNames ?? [])))),
    kinds: new Set(accepted.flatMap((n) => all(n.kind, n.listKind))),
  };
}

/** What is wrong with the defaults that a definition's schemas name: they have to be values of their schemas. */
export function checkDefaults(draft: Draft): StatusCause[] {
  return schemaPlaces(asCrd(draft).spec).flatMap(([at, schema]) => defaultsIn(at, schema));
}

function defaultsIn(at: string, schema: Schema): StatusCause[] {
  if (schema.default !== undefined) {
    const value = copy(schema.default);
    const place = `${at}.default`;
    const shown = `Invalid value: ${JSON.stringify(value)}`;
    if (prune(schema, value).length > 0)
      return [{ reason: 'FieldValueInvalid', field: place, message: `${shown}: must not have unknown fields` }];
    fillDefaults(schema, value);
    return value === null && schema.nullable
      ? []
      : checkSchema(schema, value).map((cause) => ({ ...cause, field: place + (cause.field === '<nil>' ? '' : `.${cause.field}`) }));
  }
  const { properties = {}, items, additionalProperties } = schema;
  return [
    ...Object.entries(properties).flatMap(([name, part]) => defaultsIn(`${at}.properties[${name}]`, part)),
    ...(items ? defaultsIn(`${at}.items`, items) : []),
    ...(typeof additionalProperties === 'object' ? defaultsIn(`${at}.additionalProperties`, additionalProperties) : []),
  ];
}

/** Keeps the catalog in step with the stored definitions. */
export interface CustomKinds {
  /** A definition was written. */
  written(crd: AnyObject): void;
  /** A definition is gone. */
  removed(crd: AnyObject): void;
  /** Aborts when the kind goes, so that nobody watches what is no more. Undefined for kinds that stay. */
  until(def: KindDef): AbortSignal | undefined;
  /** True while the objects of a kind are removed, because its definition is. */
  isClearing(def: KindDef): boolean;
  /** Resolves when a deleted definition of a built-in kind is back, or is not after a moment; at once for all others. */
  returned(crd: AnyObject): Promise<void>;
}

export interface CustomKindsOptions {
  /** Asks for the deletion of one object. */
  readonly remove: (def: KindDef, object: AnyObject) => Promise<unknown>;
  /** Takes a finalizer off a definition. */
  readonly release: (name: string, finalizer: string) => Promise<unknown>;
  /** Has a definition looked at again: a name that it waits for may be free. */
  readonly again: (name: string) => Promise<unknown>;
}

/**
 * Serves what is defined in the store from now on. A definition of a kind that is built in adds to it; when it is deleted, the
 * objects go, as they do with any definition, and the kind is what it was.
 */
export function createCustomKinds({ store, catalog, clock, log }: Core, { remove, release, again }: CustomKindsOptions): CustomKinds {
  const builtIn = new Map(catalog.all().map((def) => [`${def.resource.group}/${def.resource.plural}`, def]));
  const extended = (own: KindDef, crd: AnyObject): KindDef => (own.definition ? extendedBy(own, asCrd(copy(crd))) : own);
  const clearing = new Map<string, Promise<void>>();
  const ends = new Map<string, AbortController>();
  /** What each served kind was made of. */
  const serving = new Map<string, string>();
  const idOf = (crd: AnyObject): string => `${asCrd(crd).spec.group}/${asCrd(crd).spec.names.plural}`;

  /** Deletes the objects of a kind, waits until the last is gone, and lets the definition go. */
  const clear = async (crd: AnyObject): Promise<void> => {
    const name = crd.metadata?.name ?? '';
    const { group, names } = asCrd(crd).spec;
    const own = builtIn.get(idOf(crd));
    const served = catalog.all().find(({ resource }) => resource.group === group && resource.plural === names.plural);
    const def = own && !own.definition ? undefined : served;
    if (def) {
      const prefix = storePrefix(def, undefined);
      const changes = store.watch(prefix, store.revision);
      try {
        for (const { object } of store.list(prefix).items) await remove(def, object);
        const left = (): number => store.list(prefix).items.length;
        if (left() > 0) for await (const change of changes) if (change.type === 'delete' && left() === 0) break;
      } finally {
        changes.stop();
      }
    }
    await release(name, CLEANUP);
  };

  /** Serves a kind no more. */
  const withdraw = (crd: AnyObject): void => {
    const { group, names } = asCrd(crd).spec;
    catalog.remove(group, names.plural);
    ends.get(idOf(crd))?.abort();
    ends.delete(idOf(crd));
    serving.delete(idOf(crd));
  };

  const written = (crd: AnyObject): void => {
    const id = idOf(crd);
    const own = builtIn.get(id);
    if (own) catalog.add(extended(own, crd));
    else {
      const said = JSON.stringify([asCrd(crd).spec, asCrd(crd).status?.acceptedNames]);
      const def = isEstablished(asCrd(crd)) ? kindOfCrd(asCrd(copy(crd))) : undefined;
      if (def && serving.get(id) === said) {
        // Only its status is new.
      } else if (def) {
        serving.set(id, said);
        catalog.add(def);
        if (!ends.has(id)) ends.set(id, new AbortController());
      } else withdraw(crd);
    }
    if (!crd.metadata?.deletionTimestamp || !crd.metadata.finalizers?.includes(CLEANUP) || clearing.has(id)) return;
    const cleared = clear(crd)
      .catch((error: unknown) => log.warn('objects of a deleted kind could not be removed', { kind: id, error: messageOf(error) }))
      .finally(() => clearing.delete(id));
    clearing.set(id, cleared);
  };

  for (const { object } of store.list(CRD_PREFIX).items) written(object);

  return {
    written,
    removed(crd) {
      const own = builtIn.get(idOf(crd));
      if (own) catalog.add(own);
      else withdraw(crd);
      const { group } = asCrd(crd).spec;
      for (const { object } of store.list(CRD_PREFIX).items) {
        const waits = asCrd(object).status?.conditions?.some((c) => c.type === 'NamesAccepted' && c.status === 'False');
        if (waits && asCrd(object).spec.group === group)
          again(object.metadata?.name ?? '').catch((error: unknown) =>
            log.warn('a definition could not be given its names', { definition: object.metadata?.name ?? '', error: messageOf(error) }),
          );
      }
    },
    until: ({ resource }) => ends.get(`${resource.group}/${resource.plural}`)?.signal,
    async returned(crd) {
      const cleared = clearing.get(idOf(crd));
      if (!cleared || !builtIn.has(idOf(crd))) return;
      const { promise: moment, resolve } = Promise.withResolvers<void>();
      const timer = clock.after(RETURN_MS, resolve);
      await Promise.race([cleared, moment]);
      timer.cancel();
    },
    isClearing: ({ resource }) => clearing.has(`${resource.group}/${resource.plural}`),
  };
}
