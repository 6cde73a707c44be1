import type { ClusterRole, PolicyRule } from 'kubernetes-types/rbac/v1.js';
import { apiVersionOf, ClusterRoles, labelSelectorOf } from '../../../api/index.ts';
import { settled, type ControllerOptions, type Informers, type Source } from '../../../control/index.ts';
import { equal } from '../../json.ts';

const MANAGER = 'clusterrole-aggregation-controller';
const GATHERING = 'gathering';

/** Fills ClusterRoles that gather the rules of others, such as `edit`, so that charts can add to them by a label. */
export function aggregation(informers: Informers): Pick<ControllerOptions, 'name' | 'sources' | 'reconcile'> {
  const roles = informers.of(ClusterRoles);
  const gathering = roles.index(GATHERING, (role) => (selectorsOf(role).length > 0 ? [GATHERING] : []));

  /** Those that gather the role's rules, and the role itself. */
  const concerned = (role: ClusterRole): string[] => [
    role.metadata?.name ?? '',
    ...gathering(GATHERING).flatMap((other) => (gathers(other, role) ? [other.metadata?.name ?? ''] : [])),
  ];
  const source: Source = {
    synced: roles.synced,
    start: (enqueue) =>
      roles.onChange((change) => {
        for (const name of concerned(change.object)) enqueue(name);
        if (change.type === 'updated') for (const name of concerned(change.old)) enqueue(name);
      }),
  };

  return {
    name: 'clusterrole-aggregation',
    sources: [source],
    async reconcile(name) {
      const role = roles.get({ name });
      if (!role || selectorsOf(role).length === 0) return settled;
      const rules: PolicyRule[] = [];
      const others = roles.list().filter((other) => other.metadata?.name !== name);
      for (const selector of selectorsOf(role)) {
        const { matches } = labelSelectorOf(selector);
        for (const other of others.filter((o) => matches(o.metadata?.labels))) {
          for (const rule of other.rules ?? []) if (!rules.some((r) => equal(r, rule))) rules.push(rule);
        }
      }
      if (equal(role.rules ?? [], rules)) return settled;
      const body = { apiVersion: apiVersionOf(ClusterRoles), kind: ClusterRoles.kind, metadata: { name }, rules };
      await informers.client.patch(ClusterRoles, { name }, { type: 'apply', body }, { fieldManager: MANAGER, force: true });
      return settled;
    },
  };
}

type Selector = NonNullable<NonNullable<ClusterRole['aggregationRule']>['clusterRoleSelectors']>[number];

function selectorsOf(role: ClusterRole): readonly Selector[] {
  return role.aggregationRule?.clusterRoleSelectors ?? [];
}

function gathers(role: ClusterRole, other: ClusterRole): boolean {
  return selectorsOf(role).some((selector) => labelSelectorOf(selector).matches(other.metadata?.labels));
}
