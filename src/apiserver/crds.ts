import type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.js';
import { extendedBy, kindOfCrd, servedStatus, type AnyObject, type KindDef } from '../api/index.ts';
import { messageOf, rfc3339 } from '../base/index.ts';
import type { Core } from './core.ts';
import { storePrefix } from './entry.ts';
import { copy } from './json.ts';
import type { Draft } from './lifecycle.ts';

/** Keeps a definition until its objects are gone. */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

/** The store's prefix of all definitions. */
export const CRD_PREFIX = 'apiextensions.k8s.io/customresourcedefinitions/';

const asCrd = (object: AnyObject | Draft): CustomResourceDefinition => object as unknown as CustomResourceDefinition;

/** What the server writes into a definition, in place: that its kind is served, and that its objects go before it. */
export function prepareCrd(draft: Draft, now: number): void {
  const { metadata } = draft;
  if (!metadata.deletionTimestamp && !metadata.finalizers?.includes(CLEANUP))
    metadata.finalizers = [...(metadata.finalizers ?? []), CLEANUP];
  if (!Array.isArray(draft.spec?.['versions']) || !draft.spec['names']) return; // validation says so
  draft.status = copy({ ...draft.status, ...servedStatus(asCrd(draft), rfc3339(now)) });
}

/** Keeps the catalog in step with the stored definitions. */
export interface CustomKinds {
  /** A definition was written. */
  written(crd: AnyObject): void;
  /** A definition is gone. */
  removed(crd: AnyObject): void;
}

export interface CustomKindsOptions {
  /** Asks for the deletion of one object. */
  readonly remove: (def: KindDef, object: AnyObject) => Promise<unknown>;
  /** Takes a finalizer off a definition. */
  readonly release: (name: string, finalizer: string) => Promise<unknown>;
}

/**
 * Serves what is defined in the store from now on. A definition of a kind that is built in adds to it; when it is deleted, the
 * objects go, as they do with any definition, and the kind is what it was.
 */
export function createCustomKinds({ store, catalog, log }: Core, { remove, release }: CustomKindsOptions): CustomKinds {
  const builtIn = new Map(catalog.all().map((def) => [`${def.resource.group}/${def.resource.plural}`, def]));
  const extended = (own: KindDef, crd: AnyObject): KindDef => (own.definition ? extendedBy(own, asCrd(copy(crd))) : own);
  const clearing = new Set<string>();
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

  const written = (crd: AnyObject): void => {
    const id = idOf(crd);
    const own = builtIn.get(id);
    const def = own ? extended(own, crd) : kindOfCrd(asCrd(copy(crd)));
    if (def) catalog.add(def);
    if (!crd.metadata?.deletionTimestamp || !crd.metadata.finalizers?.includes(CLEANUP) || clearing.has(id)) return;
    clearing.add(id);
    clear(crd)
      .catch((error: unknown) => log.warn('objects of a deleted kind could not be removed', { kind: id, error: messageOf(error) }))
      .finally(() => clearing.delete(id));
  };

  for (const { object } of store.list(CRD_PREFIX).items) written(object);

  return {
    written,
    removed(crd) {
      const own = builtIn.get(idOf(crd));
      if (own) catalog.add(own);
      else catalog.remove(asCrd(crd).spec.group, asCrd(crd).spec.names.plural);
    },
  };
}
