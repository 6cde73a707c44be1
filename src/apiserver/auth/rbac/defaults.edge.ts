/** The roles and bindings that clients expect to find, as Kubernetes 1.35 comes with them. */
import { readFileSync } from 'node:fs';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from 'kubernetes-types/rbac/v1.js';

const API_VERSION = 'rbac.authorization.k8s.io/v1';
const GROUP = 'rbac.authorization.k8s.io';

/** What marks an object as one of these; without the annotation (`false`) it is left alone. */
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

/** Lists are words with a space between them; the core group is the empty word. */
type RuleRow = Record<'verbs' | 'apiGroups' | 'resources' | 'resourceNames' | 'nonResourceURLs', string | undefined>;

interface RoleRow {
  readonly labels?: Record<string, string>;
  /** Labels of the roles whose rules it gathers. */
  readonly aggregate?: readonly Record<string, string>[];
  readonly rules?: readonly RuleRow[];
}

interface BindingRow {
  /** `ClusterRole view`. */
  readonly role: string;
  /** `ServiceAccount kube-system/token-cleaner`. */
  readonly subjects: readonly string[];
}

export interface Defaults {
  readonly roles: readonly (Role | ClusterRole)[];
  readonly bindings: readonly (RoleBinding | ClusterRoleBinding)[];
}

export function readDefaults(): Defaults {
  const file = new URL('../../../../data/kubernetes-default-roles.json', import.meta.url);
  const table = JSON.parse(readFileSync(file, 'utf8')) as Record<'ClusterRole' | 'Role', Record<string, RoleRow>> &
    Record<'ClusterRoleBinding' | 'RoleBinding', Record<string, BindingRow>>;
  const all = <Row, T>(kinds: Record<string, Record<string, Row>>, make: (kind: string, key: string, row: Row) => T): T[] =>
    Object.entries(kinds).flatMap(([kind, rows]) => Object.entries(rows).map(([key, row]) => make(kind, key, row)));
  const { ClusterRole, Role, ClusterRoleBinding, RoleBinding } = table;
  return {
    roles: all({ ClusterRole, Role }, roleOf),
    bindings: all({ ClusterRoleBinding, RoleBinding }, bindingOf),
  };
}

function head(kind: string, key: string, labels?: Record<string, string>): Pick<ClusterRole, 'metadata'> {
  const metadata = { ...named(key), labels: { ...LABELS, ...labels }, annotations: { [AUTO_UPDATE]: 'true' } };
  return { apiVersion: API_VERSION, kind, metadata } as Pick<ClusterRole, 'metadata'>;
}

function roleOf(kind: string, key: string, { labels, aggregate, rules }: RoleRow): Role | ClusterRole {
  return {
    ...head(kind, key, labels),
    ...(aggregate ? { aggregationRule: { clusterRoleSelectors: aggregate.map((matchLabels) => ({ matchLabels })) } } : {}),
    ...(rules ? { rules: rules.map(ruleOf) } : {}),
  };
}

function ruleOf(row: RuleRow): PolicyRule {
  return Object.fromEntries(Object.entries(row).map(([field, words]) => [field, words!.split(' ')])) as unknown as PolicyRule;
}

function bindingOf(kind: string, key: string, { role, subjects }: BindingRow): RoleBinding | ClusterRoleBinding {
  const [roleKind = '', roleName = ''] = role.split(' ');
  const roleRef = { apiGroup: GROUP, kind: roleKind, name: roleName };
  return { ...head(kind, key), roleRef, ...(subjects.length > 0 ? { subjects: subjects.map(subjectOf) } : {}) };
}

function subjectOf(text: string): Subject {
  const [kind = '', key = ''] = text.split(' ');
  return kind === 'ServiceAccount' ? { kind, ...named(key) } : { kind, apiGroup: GROUP, name: key };
}

function named(key: string): { name: string; namespace?: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { name: key.slice(slash + 1), namespace: key.slice(0, slash) };
}
