import { ApiError, type AnyObject } from '../api/index.ts';
import { StoreError } from '../store/index.ts';
import type { Gate } from './admission/gate.ts';
import type { Core } from './core.ts';
import { prepareCrd } from './crds.ts';
import { entryOf, shownAs, storeKey } from './entry.ts';
import { conflict, forbidden, MODIFIED, notFound, storeRefusal } from './errors.ts';
import { equal } from './json.ts';
import { beginDeletion, isCrds, isFinished, isNamespaces, type Draft } from './lifecycle.ts';
import type { Reads } from './reads.ts';
import type { Deleted, DeleteQuery, EntryList, ListQuery, Target } from './registry.ts';

const ATTEMPTS = 20;
/** How many of a collection are deleted at once: they share commits, and others get their turn between them. */
const TOGETHER = 64;
const POLICIES: ReadonlySet<string> = new Set(['Background', 'Foreground', 'Orphan']);

/** Namespaces that the cluster cannot do without. */
const LASTING: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

export interface Deletes {
  delete(target: Target, query: DeleteQuery): Promise<Deleted>;
  /** Deletes what a list with the same options holds, a page when it has a limit, and returns that list. */
  deleteCollection(target: Target, list: ListQuery, query: DeleteQuery): Promise<EntryList>;
}

export function createDeletes(core: Core, gate: Gate, reads: Pick<Reads, 'list'>): Deletes {
  const { store, clock } = core;

  const remove = async (target: Target, query: DeleteQuery): Promise<Deleted> => {
    const { served, namespace, name = '', user } = target;
    const { def } = served;
    if (query.propagationPolicy !== undefined && !POLICIES.has(query.propagationPolicy)) {
      throw new ApiError(
        'Invalid',
        `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(query.propagationPolicy)}: supported values: "Background", "Foreground", "Orphan"`,
      );
    }
    if (isNamespaces(def) && LASTING.has(name)) throw forbidden(def, name, 'this namespace may not be deleted');
    const key = storeKey(def, namespace, name);
    for (let attempt = 1; ; attempt++) {
      const stored = store.get(key);
      if (!stored) throw notFound(def, name);
      const current = stored.object;
      check(target, current, query);
      const dryRun = query.dryRun ?? false;
      const warnings: string[] = [];
      const request = {
        operation: 'DELETE',
        def,
        served,
        namespace,
        name,
        subresource: undefined,
        object: current,
        oldObject: current,
        user,
        dryRun,
        query,
        warn: (text: string) => warnings.push(text),
      } as const;
      await gate.mutate(request, () => {});
      await gate.validate(request);
      const release = gate.hold(request);
      const next = beginDeletion(def, current, query, clock.now()) as AnyObject;
      if (isCrds(def)) prepareCrd(core, next as Draft);
      const gone = isFinished(def, next);
      try {
        if (dryRun) return { ...shownAs(served, entryOf(next)), gone, warnings };
        if (gone) return { ...shownAs(served, await store.delete(key, stored.revision, next)), gone, warnings };
        if (equal(current, next)) return { ...shownAs(served, stored), gone, warnings };
        return { ...shownAs(served, await store.update(key, next, stored.revision)), gone, warnings };
      } catch (error) {
        if (!(error instanceof StoreError) || (error.code !== 'conflict' && error.code !== 'missing')) throw storeRefusal(error);
        if (attempt === ATTEMPTS) throw conflict(def, name, MODIFIED);
      } finally {
        release();
      }
    }
  };

  return {
    delete: remove,

    async deleteCollection(target, list, query) {
      const listed = reads.list(target, list);
      for (let from = 0; from < listed.items.length; from += TOGETHER) {
        const some = listed.items.slice(from, from + TOGETHER).map(({ object }) => object.metadata!);
        await Promise.all(some.map(({ name, namespace }) => unlessGone(remove({ ...target, name, namespace }, query))));
      }
      return listed;
    },
  };
}

/** Nothing, when somebody else was faster. */
async function unlessGone(deletion: Promise<Deleted>): Promise<Deleted | undefined> {
  try {
    return await deletion;
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

function check({ served }: Target, { metadata }: AnyObject, { preconditions }: DeleteQuery): void {
  const name = metadata?.name ?? '';
  if (preconditions?.uid && preconditions.uid !== metadata?.uid) {
    throw conflict(
      served.def,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${metadata?.uid}`,
    );
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== metadata?.resourceVersion) {
    throw conflict(
      served.def,
      name,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${metadata?.resourceVersion}`,
    );
  }
}
