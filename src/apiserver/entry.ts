import { apiVersionOf, type AnyObject, type KindDef, type Served } from '../api/index.ts';
import { deepFreeze } from '../store/index.ts';
import { copy, equal } from './json.ts';
import type { Entry } from './registry.ts';
import { inForm } from './schema/shape.ts';

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

/** What is shown of stored objects, by the version that they are asked for in: made once, as long as the definition is the same. */
const known = new WeakMap<Served, WeakMap<AnyObject, Entry>>();

/** A stored object in the version that was asked for; one of a custom kind as its definition is now, with defaults that came later. */
export function shownAs(served: Served, entry: Entry): Entry {
  if (!served.legacy && !served.def.custom) return entry;
  const shown = known.get(served) ?? new WeakMap<AnyObject, Entry>();
  known.set(served, shown);
  const found = shown.get(entry.object) ?? inVersion(served, entry);
  shown.set(entry.object, found);
  return found;
}

function inVersion(served: Served, entry: Entry): Entry {
  const { def, legacy } = served;
  const apiVersion = apiVersionOf(served);
  // What only a webhook can convert it is asked to, by whoever asks here.
  if (def.conversion && entry.object.apiVersion !== apiVersion) return entry;
  if (legacy?.downgrade) return entryOf({ ...legacy.downgrade(copy(entry.object)), apiVersion });
  if (!def.custom) return entryOf({ ...entry.object, apiVersion });
  const object = inForm(legacy?.schema ?? def.schema, { ...copy(entry.object), apiVersion });
  return equal(object, entry.object) ? entry : entryOf(object);
}
