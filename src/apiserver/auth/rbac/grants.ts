import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, RoleRef, Subject } from 'kubernetes-types/rbac/v1.js';
import type { User } from '../../registry.ts';
import { accountName } from '../identity.ts';
import { CompiledRole } from './role.ts';

/** A role given to a subject, in one namespace or everywhere. */
export interface Grant {
  readonly roleRef: RoleRef;
  /** Where the role is looked for: of a Role, the binding's own namespace. */
  readonly roleKey: string;
  /** `ClusterRoleBinding "x" of ClusterRole "y" to User "z"`. */
  readonly text: string;
}

type Binding = RoleBinding | ClusterRoleBinding;

/** Where a binding's grants are, to take them out again. */
type Entries = readonly (readonly [subject: string, namespace: string])[];

/**
 * Who was given which role. A binding's change costs what the binding is large; to ask about a user costs what the user was given in
 * that namespace and everywhere, however many other bindings there are.
 */
export class Grants {
  /** By `<namespace>/<name>`; the namespace of a ClusterRole is empty. */
  readonly #roles = new Map<string, CompiledRole>();
  /** By subject, then by namespace (empty: everywhere), then by binding. */
  readonly #given = new Map<string, Map<string, Map<string, Grant>>>();
  readonly #entries = new Map<string, Entries>();

  putRole({ metadata, rules }: Role | ClusterRole): void {
    this.#roles.set(keyOf(metadata?.namespace, metadata?.name), new CompiledRole(rules ?? []));
  }

  removeRole({ metadata }: Role | ClusterRole): void {
    this.#roles.delete(keyOf(metadata?.namespace, metadata?.name));
  }

  putBinding(binding: Binding): void {
    this.removeBinding(binding);
    const { metadata, roleRef, subjects = [] } = binding;
    const namespace = metadata?.namespace ?? '';
    const id = keyOf(namespace, metadata?.name);
    const roleKey = keyOf(roleRef.kind === 'Role' ? namespace : '', roleRef.name);
    const what = namespace ? `RoleBinding "${metadata?.name}/${namespace}"` : `ClusterRoleBinding "${metadata?.name}"`;
    const entries: [string, string][] = [];
    for (const subject of subjects) {
      const key = subjectKey(subject, namespace);
      if (key === undefined) continue;
      const scopes = getOrMake(this.#given, key);
      const text = `${what} of ${roleRef.kind} "${roleRef.name}" to ${subjectText(subject, namespace)}`;
      getOrMake(scopes, namespace).set(id, { roleRef, roleKey, text });
      entries.push([key, namespace]);
    }
    this.#entries.set(id, entries);
  }

  removeBinding({ metadata }: Binding): void {
    const id = keyOf(metadata?.namespace, metadata?.name);
    for (const [subject, namespace] of this.#entries.get(id) ?? []) {
      const scopes = this.#given.get(subject);
      const grants = scopes?.get(namespace);
      grants?.delete(id);
      if (grants?.size === 0) scopes!.delete(namespace);
      if (scopes?.size === 0) this.#given.delete(subject);
    }
    this.#entries.delete(id);
  }

  /** What a user was given: everywhere first, then in the namespace, unless it is empty. */
  *of({ name, groups }: User, namespace: string): Generator<Grant> {
    const subjects = [userKey(name), ...groups.map(groupKey)];
    for (const scope of namespace ? ['', namespace] : ['']) {
      for (const subject of subjects) {
        const grants = this.#given.get(subject)?.get(scope);
        if (grants) yield* grants.values();
      }
    }
  }

  /** Undefined: there is no such role. */
  role(key: string): CompiledRole | undefined {
    return this.#roles.get(key);
  }
}

/** Names a role or a binding. */
export function keyOf(namespace: string | undefined, name: string | undefined): string {
  return `${namespace ?? ''}/${name ?? ''}`;
}

const userKey = (name: string): string => `User:${name}`;
const groupKey = (name: string): string => `Group:${name}`;

function subjectKey({ kind, name, namespace }: Subject, home: string): string | undefined {
  if (kind === 'User') return userKey(name);
  if (kind === 'Group') return groupKey(name);
  const at = namespace || home;
  return kind === 'ServiceAccount' && at ? userKey(accountName(at, name)) : undefined;
}

function subjectText({ kind, name, namespace }: Subject, home: string): string {
  return kind === 'ServiceAccount' ? `${kind} "${name}/${namespace || home}"` : `${kind} "${name}"`;
}

function getOrMake<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let found = map.get(key);
  if (!found) map.set(key, (found = new Map()));
  return found;
}
