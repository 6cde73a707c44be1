import { apiVersionOf, type AnyObject, type KindDef, type Served } from '../api/index.ts';
import { deepFreeze } from '../store/index.ts';
import { copy } from './json.ts';
import type { Entry } from './registry.ts';

/** Where an object is in the store. */
export function storeKey({ resource }: KindDef, namespace: string | undefined, name: string): string {
  return `${resource.group}/${resource.plural}/${resource.namespaced ? namespace : ''}/${name}`;
}

/** What the keys of a kind's objects begin with, in one namespace or in all. */
export function storePrefix({ resource }: KindDef, namespace: string | undefined): string {
  const all = `${resource.group}/${resource.plural}/`;
  return resource.namespaced && namespace ? `${all}${namespace}/` : all;
}

/** An object that is not in the store, made ready to be given out. */
export function entryOf(object: AnyObject): Entry {
  return { object: deepFreeze(object), bytes: Buffer.from(JSON.stringify(object)) };
}

/** A stored object in the version that was asked for. */
export function shownAs(served: Served, entry: Entry): Entry {
  if (!served.legacy) return entry;
  const object = served.legacy.downgrade ? served.legacy.downgrade(copy(entry.object)) : { ...entry.object };
  return entryOf({ ...object, apiVersion: apiVersionOf(served) });
}
