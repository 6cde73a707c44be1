import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1.js';
import type { AnyObject } from '../../../api/index.ts';
import { messageOf, type Log } from '../../../base/index.ts';
import { StoreError, type Store, type Stored } from '../../../store/index.ts';
import { Grants } from './grants.ts';

interface Kind {
  readonly plural: string;
  put(object: AnyObject): void;
  remove(object: AnyObject): void;
}

/** Grants that are those of the store, from now until it closes: what is there is read at once, and every change thereafter. */
export function followGrants(store: Store<AnyObject>, log: Log): Grants {
  const grants = new Grants();
  const binding = (plural: string): Kind => ({
    plural,
    put: (o) => grants.putBinding(o as unknown as RoleBinding | ClusterRoleBinding),
    remove: (o) => grants.removeBinding(o as unknown as RoleBinding | ClusterRoleBinding),
  });
  const role = (plural: string): Kind => ({
    plural,
    put: (o) => grants.putRole(o as unknown as Role | ClusterRole),
    remove: (o) => grants.removeRole(o as unknown as Role | ClusterRole),
  });
  for (const kind of [role('roles'), role('clusterroles'), binding('rolebindings'), binding('clusterrolebindings')]) {
    follow(store, kind).catch((error) => log.error('roles and bindings are no longer followed', { error: messageOf(error) }));
  }
  return grants;
}

async function follow(store: Store<AnyObject>, kind: Kind): Promise<void> {
  const prefix = `rbac.authorization.k8s.io/${kind.plural}/`;
  /** What is in the grants now, by its key in the store. */
  const known = new Map<string, AnyObject>();
  const remove = (key: string): void => {
    const object = known.get(key);
    if (object) kind.remove(object);
    known.delete(key);
  };
  const put = ({ key, object }: Stored<AnyObject>): void => {
    kind.put(object);
    known.set(key, object);
  };
  for (;;) {
    const { items, revision } = store.list(prefix);
    const there = new Set(items.map(({ key }) => key));
    for (const key of known.keys()) if (!there.has(key)) remove(key);
    for (const item of items) put(item);
    try {
      for await (const event of store.watch(prefix, revision)) {
        if (event.type === 'put') put(event.current);
        else if (event.type === 'delete') remove(event.current.key);
      }
      return;
    } catch (error) {
      // Too many changes at once: the list says where they led to.
      if (!(error instanceof StoreError && error.code === 'slow')) throw error;
    }
  }
}
