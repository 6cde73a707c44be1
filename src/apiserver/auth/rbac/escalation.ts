/** Nobody gives, or gets, more than they have: what RBAC's own kinds are held to when they are written. */
import type { ClusterRole, PolicyRule, RoleRef } from 'kubernetes-types/rbac/v1.js';
import { isKept, type AnyObject, type KindDef } from '../../../api/index.ts';
import type { Admission } from '../../admission/admission.ts';
import { forbidden, notFound } from '../../errors.ts';
import { equal } from '../../json.ts';
import type { User } from '../../registry.ts';
import type { Authorizer } from '../authorizer.ts';
import { MASTERS } from '../identity.ts';
import { keyOf, type Grants } from './grants.ts';
import { EVERYTHING } from './rbac.ts';
import { describe, missing, quoted } from './rules.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Refuses roles, and bindings to roles, that hold what the writer does not hold, unless they may `escalate` or `bind`. */
export function escalationCheck(grants: Grants, authorizer: Authorizer): Admission {
  const may = (user: User, verb: string, resource: string, namespace: string, name: string): boolean =>
    authorizer.authorize(user, { type: 'resource', verb, group: GROUP, resource, subresource: '', namespace, name }).allowed;

  /** Why the user may not give the rules away in the namespace; undefined: they may. */
  const refusal = (user: User, namespace: string, rules: readonly PolicyRule[]): string | undefined => {
    const { rules: held, problems } = authorizer.rulesOf(user, namespace);
    const lacking = missing(held, rules);
    if (lacking.length === 0) return undefined;
    const who = `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)})`;
    const more = problems.length > 0 ? `; resolution errors: [${problems.join(', ')}]` : '';
    return `${who} is attempting to grant RBAC permissions not currently held:\n${describe(lacking)}${more}`;
  };

  const checkRole = (def: KindDef, user: User, namespace: string, name: string, role: AnyObject, old: AnyObject | undefined): void => {
    if (may(user, 'escalate', def.resource.plural, namespace, name)) return;
    const why = refusal(user, namespace, (role['rules'] as PolicyRule[] | undefined) ?? []);
    if (why) throw forbidden(def, name, why);
    if ([role, old].some(aggregates) && refusal(user, namespace, EVERYTHING))
      throw forbidden(def, name, 'must have cluster-admin privileges to use the aggregationRule');
  };

  const checkBinding = (def: KindDef, user: User, namespace: string, name: string, { roleRef }: AnyObject): void => {
    const { kind, name: role } = roleRef as RoleRef;
    const plural = `${kind.toLowerCase()}s`;
    if (may(user, 'bind', plural, namespace, role)) return;
    const found = grants.role(keyOf(kind === 'Role' ? namespace : '', role));
    // So says the real server, too, as if it were the binding that is missing.
    if (!found) throw notFound(def, role);
    const why = refusal(user, namespace, found.rules);
    if (why) throw forbidden(def, name, why);
  };

  return {
    validate({ operation, def, namespace = '', name, object, oldObject, user }) {
      const { group, plural } = def.resource;
      if (group !== GROUP || !isKept(def) || operation === 'DELETE' || user.groups.includes(MASTERS)) return;
      if (oldObject && equal(withoutMetadata(oldObject), withoutMetadata(object))) return;
      if (plural.endsWith('roles')) checkRole(def, user, namespace, name, object, oldObject);
      else checkBinding(def, user, namespace, name, object);
    },
  };
}

function aggregates(role: AnyObject | undefined): boolean {
  return ((role as ClusterRole | undefined)?.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0;
}

/** Whoever may update may still say who owns it, and let it go: a collector could not work otherwise. */
function withoutMetadata(object: AnyObject): AnyObject {
  const { metadata, ...rest } = object;
  return { ...rest, labels: metadata?.labels, annotations: metadata?.annotations };
}
