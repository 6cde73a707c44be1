/** Brings the default roles and bindings about: at the start, and in each namespace as it comes. */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from 'kubernetes-types/rbac/v1.js';
import {
  ClusterRoleBindings,
  ClusterRoles,
  isApiError,
  keyOf,
  RoleBindings,
  Roles,
  type KubeObject,
  type Resource,
} from '../../../api/index.ts';
import type { Client } from '../../../control/index.ts';
import { equal } from '../../json.ts';
import { AUTO_UPDATE, type Defaults } from './defaults.edge.ts';
import { missing } from './rules.ts';

type AnyRole = Role | ClusterRole;
type AnyBinding = RoleBinding | ClusterRoleBinding;

/**
 * Creates those of the defaults that are not there, and gives back what the others have lost: rules, labels, subjects. What users have
 * added stays, and so does all of an object whose annotation says so. `namespace` empty: those without one.
 */
export async function reconcileDefaults(client: Client, { roles, bindings }: Defaults, namespace: string): Promise<void> {
  const here = (o: KubeObject): boolean => (o.metadata?.namespace ?? '') === namespace;
  const [role, binding] = namespace ? [Roles, RoleBindings] : [ClusterRoles, ClusterRoleBindings];
  await Promise.all(
    [
      ...(await pending<AnyRole>(client, role, namespace, roles.filter(here), withRules)),
      ...(await pending<AnyBinding>(client, binding, namespace, bindings.filter(here), withSubjects)),
    ].map((write) => write()),
  );
}

type Write = () => Promise<unknown>;

async function pending<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  namespace: string,
  wanted: readonly T[],
  merge: (there: T, wanted: T) => T | undefined,
): Promise<Write[]> {
  if (wanted.length === 0) return [];
  const { items } = await client.list(resource, namespace ? { namespace } : {});
  const there = new Map(items.map((o) => [o.metadata?.name, o]));
  return wanted.flatMap((want): Write[] => {
    const have = there.get(want.metadata?.name);
    if (!have) return [() => client.create(resource, want).catch(unlessThere)];
    if (have.metadata?.annotations?.[AUTO_UPDATE] === 'false') return [];
    const merged = merge(have, want);
    // A binding to another role cannot be changed into the right one.
    if (!merged) return [() => client.delete(resource, keyOf(have)).then(() => client.create(resource, want))];
    const next = { ...merged, metadata: { ...have.metadata, labels: { ...have.metadata?.labels, ...want.metadata?.labels } } };
    return equal(have, next) ? [] : [() => client.update(resource, next)];
  });
}

function withRules(there: AnyRole, wanted: AnyRole): AnyRole {
  const rule = (wanted as ClusterRole).aggregationRule;
  // The rules of these are gathered by somebody else.
  if (rule) return { ...there, aggregationRule: (there as ClusterRole).aggregationRule ?? rule };
  const lost: PolicyRule[] = missing(there.rules ?? [], wanted.rules ?? []);
  return lost.length === 0 ? there : { ...there, rules: [...(there.rules ?? []), ...lost] };
}

function withSubjects(there: AnyBinding, wanted: AnyBinding): AnyBinding | undefined {
  if (!equal(there.roleRef, wanted.roleRef)) return undefined;
  const same = (a: Subject, b: Subject): boolean => a.kind === b.kind && a.name === b.name && a.namespace === b.namespace;
  const lost = (wanted.subjects ?? []).filter((s) => !there.subjects?.some((t) => same(s, t)));
  return lost.length === 0 ? there : { ...there, subjects: [...(there.subjects ?? []), ...lost] };
}

function unlessThere(error: unknown): void {
  if (!isApiError(error, 'AlreadyExists')) throw error;
}
