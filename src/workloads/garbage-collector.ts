import type { OwnerReference } from 'kubernetes-types/meta/v1.js';
import { isApiError, isKept, keyOf, type Catalog, type KubeObject } from '../api/index.ts';
import { again, settled, type Outcome, type Source } from '../control/index.ts';
import { blocks, FOREGROUND, isWaiting, judge, ORPHAN, type Owner, type OwnerState } from './garbage.ts';
import { ObjectGraph, type Item } from './object-graph.ts';
import type { Controller, World } from './world.ts';

/** The key that looks for new kinds, and how often, in milliseconds. */
const KINDS = 'kinds';
const LOOK_FOR_KINDS = 2000;

/**
 * Deletes what has lost all its owners, lets owners that are deleted in the foreground wait for their dependents, and cuts off the
 * dependents of those that leave orphans.
 */
export function garbageCollector({ informers, client }: World, catalog: Pick<Catalog, 'all' | 'generation'>): Controller {
  /** What was seen before the queue was there. */
  const early = new Set<string>();
  let enqueue = (key: string): void => void early.add(key);
  let seen = -1;

  const graph = new ObjectGraph(informers, (item, change) => {
    const { uid = '', ownerReferences = [], deletionTimestamp } = item.object.metadata ?? {};
    if (change === 'deleted') for (const dependent of graph.dependentsOf(uid)) enqueue(graph.keyOf(dependent));
    else if (ownerReferences.length > 0 || deletionTimestamp) enqueue(graph.keyOf(item));
    for (const reference of ownerReferences) {
      const owner = graph.ownerOf(item.object, reference);
      if (owner?.object.metadata?.deletionTimestamp) enqueue(graph.keyOf(owner));
    }
  });

  /** Nobody owns events, or by events, and there are many. */
  const kinds = () => catalog.all().flatMap((def) => (isKept(def) && def.resource.plural !== 'events' ? [def.resource] : []));
  const source: Source = {
    synced: graph.include(kinds()),
    start(add) {
      enqueue = add;
      for (const key of [KINDS, ...early]) add(key);
      early.clear();
      return () => (enqueue = () => {});
    },
  };

  async function includeKinds(): Promise<Outcome> {
    if (seen !== catalog.generation) {
      seen = catalog.generation;
      // Not waited for: a kind that cannot be listed must not hold up the others.
      void graph.include(kinds());
    }
    return again(LOOK_FOR_KINDS);
  }

  async function stateOf(child: KubeObject, reference: OwnerReference): Promise<OwnerState> {
    const resource = graph.kindOf(reference);
    if (!resource || (resource.namespaced && !child.metadata?.namespace)) return 'unknown';
    const known = graph.ownerOf(child, reference)?.object;
    const namespace = resource.namespaced ? child.metadata?.namespace : undefined;
    // Not to know an owner is no proof: the cache may be behind.
    const owner = known ?? (await client.get(resource, { namespace, name: reference.name }));
    if (owner?.metadata?.uid !== reference.uid) return 'absent';
    return isWaiting(owner) && reference.blockOwnerDeletion ? 'waiting' : 'solid';
  }

  async function collect({ resource, object }: Item): Promise<void> {
    const { uid = '', resourceVersion, ownerReferences = [] } = object.metadata ?? {};
    const owners: Owner[] = [];
    for (const reference of ownerReferences) owners.push({ reference, state: await stateOf(object, reference) });
    const verdict = judge(object, owners, graph.dependentsOf(uid).length > 0);
    if (verdict.type === 'unlink') {
      const left = ownerReferences.filter((o) => !verdict.uids.includes(o.uid));
      const body = { metadata: { uid, resourceVersion, ownerReferences: left } };
      await client.patch(resource, keyOf(object), { type: 'merge', body });
    } else if (verdict.type === 'delete') {
      await client.delete(resource, keyOf(object), { propagationPolicy: verdict.policy, preconditions: { uid } });
    }
  }

  async function letGo(item: Item): Promise<void> {
    const { uid = '', finalizers = [] } = item.object.metadata ?? {};
    const dependents = graph.dependentsOf(uid);
    if (finalizers.includes(ORPHAN)) {
      for (const { resource, object } of dependents) {
        const { resourceVersion, ownerReferences = [] } = object.metadata ?? {};
        const body = { metadata: { resourceVersion, ownerReferences: ownerReferences.filter((o) => o.uid !== uid) } };
        await client.patch(resource, keyOf(object), { type: 'merge', body });
      }
      await dropFinalizer(item, ORPHAN);
    } else if (finalizers.includes(FOREGROUND)) {
      const blocking = dependents.filter((d) => blocks(d.object, uid));
      for (const dependent of blocking) enqueue(graph.keyOf(dependent));
      if (blocking.length === 0) await dropFinalizer(item, FOREGROUND);
    }
  }

  async function dropFinalizer({ resource, object }: Item, finalizer: string): Promise<void> {
    const { uid, resourceVersion, finalizers = [] } = object.metadata ?? {};
    const body = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((f) => f !== finalizer) } };
    try {
      await client.patch(resource, keyOf(object), { type: 'merge', body });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  return {
    name: 'garbage-collector',
    sources: [source],
    concurrency: 5,
    async reconcile(key) {
      if (key === KINDS) return includeKinds();
      const item = graph.find(key);
      if (!item) return settled;
      if (item.object.metadata?.deletionTimestamp) await letGo(item);
      else await collect(item);
      return settled;
    },
  };
}
