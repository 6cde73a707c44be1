import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from 'kubernetes-types/rbac/v1.js';
import type { Column } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from '../resources.ts';
import { canonicalJson } from '../../base/index.ts';
import { checkSelector, dnsSubdomain, follow, type Causes } from './check.ts';
import { ageColumn, column, nameColumn, wide } from './columns.ts';
import { define } from './define.ts';
import { oldRbac } from './legacy/others.ts';
import { pathSegment } from './metadata.ts';

const GROUP = 'rbac.authorization.k8s.io';

const createdColumn: Column<KubeObject> = column('Created At', (o) => o.metadata?.creationTimestamp ?? null, 'date');

function checkRules(causes: Causes, o: Role | ClusterRole, clusterWide: boolean): void {
  o.rules?.forEach((rule, i) => {
    const at = `rules[${i}]`;
    if (!rule.verbs?.length) causes.required(`${at}.verbs`, 'verbs must contain at least one value');
    if (rule.nonResourceURLs?.length) {
      if (!clusterWide) causes.invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs');
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length)
        causes.invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs');
      return;
    }
    if (!rule.apiGroups?.length) causes.required(`${at}.apiGroups`, 'resource rules must supply at least one api group');
    if (!rule.resources?.length) causes.required(`${at}.resources`, 'resource rules must supply at least one resource');
  });
}

export const roles = define<Role>({
  resource: Roles,
  schema: 'k8s.io.api.rbac.v1.Role',
  legacy: oldRbac('Role'),
  nameRule: pathSegment,
  check: (causes, o) => checkRules(causes, o, false),
  columns: [nameColumn, createdColumn],
});

export const clusterRoles = define<ClusterRole>({
  resource: ClusterRoles,
  schema: 'k8s.io.api.rbac.v1.ClusterRole',
  legacy: oldRbac('ClusterRole'),
  nameRule: pathSegment,
  check(causes, o) {
    checkRules(causes, o, true);
    if (!o.aggregationRule) return;
    const at = 'aggregationRule.clusterRoleSelectors';
    const selectors = o.aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0) causes.required(at, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
    selectors.forEach((selector, i) => checkSelector(causes, `${at}[${i}]`, selector));
  },
  columns: [nameColumn, createdColumn],
});

type Binding = RoleBinding | ClusterRoleBinding;

function defaultBinding(o: Binding): void {
  if (o.roleRef) o.roleRef.apiGroup ||= GROUP;
  for (const subject of o.subjects ?? []) {
    if (subject.kind === 'ServiceAccount') continue;
    subject.apiGroup ||= GROUP;
  }
}

function checkBinding(causes: Causes, o: Binding, old: Binding | undefined, roleKinds: readonly string[]): void {
  const { apiGroup, kind = '', name } = (o.roleRef ?? { apiGroup: GROUP }) as Partial<Binding['roleRef']>;
  if (apiGroup !== GROUP) causes.unsupported('roleRef.apiGroup', apiGroup, [GROUP]);
  if (!roleKinds.includes(kind)) causes.unsupported('roleRef.kind', kind, roleKinds);
  if (!name) causes.required('roleRef.name');
  else follow(causes, 'roleRef.name', name, pathSegment);
  if (old && canonicalJson(old.roleRef) !== canonicalJson(o.roleRef)) {
    // The names are those of the server's own structs, which is how clients have come to see them.
    causes.invalid('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef');
  }
  o.subjects?.forEach((subject, i) => checkSubject(causes, `subjects[${i}]`, subject, o.metadata?.namespace));
}

function checkSubject(causes: Causes, at: string, { kind, apiGroup, name, namespace }: Subject, home: string | undefined): void {
  if (!name) causes.required(`${at}.name`);
  if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== GROUP) causes.unsupported(`${at}.apiGroup`, apiGroup, [GROUP]);
  } else if (kind === 'ServiceAccount') {
    if (name) follow(causes, `${at}.name`, name, dnsSubdomain);
    if (apiGroup) causes.unsupported(`${at}.apiGroup`, apiGroup, ['']);
    if (!home && !namespace) causes.required(`${at}.namespace`);
  } else causes.unsupported(`${at}.kind`, kind, ['ServiceAccount', 'User', 'Group']);
}

function subjectsOf(o: Binding, kind: string): string {
  return (o.subjects ?? [])
    .filter((s) => s.kind === kind)
    .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? o.metadata?.namespace ?? ''}/${s.name}` : s.name))
    .join(', ');
}

const bindingColumns: Column<Binding>[] = [
  nameColumn,
  column('Role', (o: Binding) => `${o.roleRef.kind}/${o.roleRef.name}`),
  ageColumn,
  wide('Users', (o: Binding) => subjectsOf(o, 'User')),
  wide('Groups', (o: Binding) => subjectsOf(o, 'Group')),
  wide('ServiceAccounts', (o: Binding) => subjectsOf(o, 'ServiceAccount')),
];

export const roleBindings = define<RoleBinding>({
  resource: RoleBindings,
  schema: 'k8s.io.api.rbac.v1.RoleBinding',
  legacy: oldRbac('RoleBinding'),
  nameRule: pathSegment,
  default: defaultBinding,
  check: (causes, o, old) => checkBinding(causes, o, old, ['Role', 'ClusterRole']),
  columns: bindingColumns,
});

export const clusterRoleBindings = define<ClusterRoleBinding>({
  resource: ClusterRoleBindings,
  schema: 'k8s.io.api.rbac.v1.ClusterRoleBinding',
  legacy: oldRbac('ClusterRoleBinding'),
  nameRule: pathSegment,
  default: defaultBinding,
  check: (causes, o, old) => checkBinding(causes, o, old, ['ClusterRole']),
  columns: bindingColumns,
});
