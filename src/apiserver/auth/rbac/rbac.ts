import type { Authorizer } from '../authorizer.ts';
import { MASTERS } from '../identity.ts';
import type { Grant, Grants } from './grants.ts';

/** All that there is to hold. */
export const EVERYTHING = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Allows what roles allow that were given to the user or their groups; all to those in `system:masters`. */
export function rbacAuthorizer(grants: Grants): Authorizer {
  return {
    authorize(user, action) {
      if (user.groups.includes(MASTERS)) return { allowed: true, reason: '' };
      const lost: string[] = [];
      for (const grant of grants.of(user, action.type === 'resource' ? action.namespace : '')) {
        const role = grants.role(grant.roleKey);
        if (!role) lost.push(problem(grant));
        else if (role.allows(action)) return { allowed: true, reason: `RBAC: allowed by ${grant.text}` };
      }
      const [only] = lost;
      return { allowed: false, reason: lost.length === 0 ? '' : `RBAC: ${lost.length === 1 ? only : `[${lost.join(', ')}]`}` };
    },

    rulesOf(user, namespace) {
      const masters = user.groups.includes(MASTERS);
      const found = [...grants.of(user, namespace)].map((grant) => ({ grant, role: grants.role(grant.roleKey) }));
      return {
        rules: [...(masters ? EVERYTHING : []), ...found.flatMap(({ role }) => role?.rules ?? [])],
        problems: found.flatMap(({ grant, role }) => (role ? [] : [problem(grant)])),
      };
    },
  };
}

function problem({ roleRef }: Grant): string {
  return `${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io "${roleRef.name}" not found`;
}
