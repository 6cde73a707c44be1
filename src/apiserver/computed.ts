import { ApiError, isKept, type AnyObject, type KindDef } from '../api/index.ts';
import { entryOf } from './entry.ts';
import { notFound } from './errors.ts';
import type { Entry, EntryList, SelectQuery, Target } from './registry.ts';
import { selectionOf } from './select.ts';

/** Works out the objects of a kind in a namespace, or in all. */
export type Compute = (namespace: string | undefined) => Promise<readonly AnyObject[]>;

/** Kinds whose objects are not kept but worked out when they are asked for, by `<group>/<plural>`. */
export type Computed = ReadonlyMap<string, Compute>;

export interface ComputedReads {
  get(target: Target): Promise<Entry>;
  list(target: Target, query: SelectQuery): Promise<EntryList>;
}

/** Reads of a kind that is worked out; undefined: it is not. Throws ServiceUnavailable when nobody works it out here. */
export function computedReads(computed: Computed, def: KindDef): ComputedReads | undefined {
  if (isKept(def) || !def.verbs?.includes('list')) return undefined;
  const compute = computed.get(`${def.resource.group}/${def.resource.plural}`);
  if (!compute) throw new ApiError('ServiceUnavailable', 'the server is currently unable to handle the request');
  return {
    async get({ namespace, name = '' }) {
      const found = (await compute(namespace)).find((o) => o.metadata?.name === name);
      if (!found) throw notFound(def, name);
      return entryOf(found);
    },
    async list({ served, namespace }, query) {
      const { matches } = selectionOf(served, query);
      return { items: (await compute(namespace)).filter(matches).map(entryOf), resourceVersion: '' };
    },
  };
}
