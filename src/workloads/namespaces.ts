import type { Namespace, NamespaceCondition } from 'kubernetes-types/core/v1.js';
import { isApiError, keyOf, Namespaces, type KubeObject, type Resource } from '../api/index.ts';
import { again, changesOf, isLeaving, settled, updateStatus, withCondition, type Client } from '../control/index.ts';
import type { Controller, World } from './world.ts';

/** The namespaces that are there from the start. */
const FROM_THE_START = ['default', 'kube-node-lease', 'kube-public', 'kube-system', 'istio-system'];

/** While content is left, it is looked at again so often, in milliseconds. */
const LOOK_AGAIN = 1000;

/** What is left of one kind in a namespace that is going. */
export interface Remains {
  readonly resource: Resource;
  readonly count: number;
  /** How many of them hold each finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
}

/** The conditions that tell why a namespace is still there, as `kubectl describe` shows them. */
export function remainsConditions(remains: readonly Remains[]): Pick<NamespaceCondition, 'type' | 'status' | 'reason' | 'message'>[] {
  const kinds = remains.map(({ resource, count }) => `${resource.plural}.${resource.group} has ${count} resource instances`);
  const held = new Map<string, number>();
  for (const { finalizers } of remains) for (const [name, n] of finalizers) held.set(name, (held.get(name) ?? 0) + n);
  const finalizers = [...held].map(([name, n]) => `${name} in ${n} resource instances`);
  return [
    kinds.length > 0
      ? {
          type: 'NamespaceContentRemaining',
          status: 'True',
          reason: 'SomeResourcesRemain',
          message: `Some resources are remaining: ${kinds.join(', ')}`,
        }
      : { type: 'NamespaceContentRemaining', status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' },
    finalizers.length > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}`,
        }
      : {
          type: 'NamespaceFinalizersRemaining',
          status: 'False',
          reason: 'ContentHasNoFinalizers',
          message: 'All content-preserving finalizers finished',
        },
  ];
}

/** Creates the first namespaces; those that are there already stay as they are. */
export async function createFirstNamespaces(client: Client): Promise<void> {
  for (const name of FROM_THE_START) {
    if (await client.get(Namespaces, { name })) continue;
    try {
      await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }
}

/** Empties namespaces that are going, then lets them go. `kinds` names all that is served at the time of the call. */
export function namespaceController({ informers, client, clock }: World, kinds: () => readonly Resource[]): Controller {
  const namespaces = informers.of(Namespaces);

  async function empty(namespace: string): Promise<Remains[]> {
    const remains: Remains[] = [];
    for (const resource of kinds().filter((k) => k.namespaced)) {
      const { items } = await client.list(resource, { namespace });
      let count = 0;
      const finalizers = new Map<string, number>();
      for (const object of items) {
        const rest = object.metadata?.deletionTimestamp ? object : await remove(resource, object);
        if (!rest) continue;
        count++;
        for (const f of rest.metadata?.finalizers ?? []) finalizers.set(f, (finalizers.get(f) ?? 0) + 1);
      }
      if (count > 0) remains.push({ resource, count, finalizers });
    }
    return remains;
  }

  /** The object as it stays for a while, or undefined when it is gone. */
  async function remove(resource: Resource, object: KubeObject): Promise<KubeObject | undefined> {
    const left = await client.delete(resource, keyOf(object), { propagationPolicy: 'Background' });
    return left && isLeaving(left) ? left : undefined;
  }

  return {
    name: 'namespace',
    sources: [changesOf(namespaces)],
    concurrency: 3,
    async reconcile(name) {
      const namespace = namespaces.get({ name });
      if (!namespace?.metadata?.deletionTimestamp) return settled;
      if (!(namespace.spec?.finalizers ?? []).includes('kubernetes')) return settled;
      const remains = await empty(name);
      if (remains.length > 0) {
        const conditions = remainsConditions(remains).reduce<NamespaceCondition[]>(
          (all, c) => withCondition(all, c, clock.now()),
          namespace.status?.conditions ?? [],
        );
        await updateStatus(client, Namespaces, namespace, { ...namespace.status, conditions });
        return again(LOOK_AGAIN);
      }
      await client.update(Namespaces, withoutFinalizer(namespace), { subresource: 'finalize' });
      return settled;
    },
  };
}

function withoutFinalizer(namespace: Namespace): Namespace {
  return { ...namespace, spec: { ...namespace.spec, finalizers: (namespace.spec?.finalizers ?? []).filter((f) => f !== 'kubernetes') } };
}
