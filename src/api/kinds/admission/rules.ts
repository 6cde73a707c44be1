/** What webhooks and policies have in common: which requests they are for. */
import type { MatchCondition, MatchResources } from 'kubernetes-types/admissionregistration/v1.js';
import { type Causes, checkSelector, follow, qualifiedName } from '../check.ts';
import { pathSegment } from '../metadata.ts';
import { checkExpression } from './expressions.ts';

/** Requests that a webhook or a policy is for. */
export interface AdmissionRule {
  readonly operations?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  /** `pods`, `pods/status`, `*`, `pods/*`, `*\/scale`, `*\/*`. */
  readonly resources?: readonly string[];
  scope?: string;
  readonly resourceNames?: readonly string[];
}

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
export const FAILURE_POLICIES = ['Fail', 'Ignore'];
export const MATCH_POLICIES = ['Equivalent', 'Exact'];
const MAX_CONDITIONS = 64;

export function checkRule(causes: Causes, at: string, rule: AdmissionRule): void {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  if (operations.length === 0) causes.required(`${at}.operations`);
  onlyWildcard(causes, `${at}.operations`, operations, 'operations');
  operations.forEach((operation, i) => causes.oneOf(`${at}.operations[${i}]`, operation, OPERATIONS));
  if (apiGroups.length === 0) causes.required(`${at}.apiGroups`);
  onlyWildcard(causes, `${at}.apiGroups`, apiGroups, 'API groups');
  if (apiVersions.length === 0) causes.required(`${at}.apiVersions`);
  onlyWildcard(causes, `${at}.apiVersions`, apiVersions, 'API versions');
  apiVersions.forEach((version, i) => version || causes.required(`${at}.apiVersions[${i}]`));
  checkResources(causes, `${at}.resources`, resources);
  causes.oneOf(`${at}.scope`, scope, SCOPES);
}

function onlyWildcard(causes: Causes, at: string, values: readonly string[], what: string): void {
  if (values.length > 1 && values.includes('*')) causes.invalid(at, values, `if '*' is present, must not specify other ${what}`);
}

function checkResources(causes: Causes, at: string, resources: readonly string[]): void {
  if (resources.length === 0) causes.required(at);
  const seen = new Set<string>();
  resources.forEach((text, i) => {
    if (text === '') return causes.required(`${at}[${i}]`);
    const slash = text.indexOf('/');
    if (slash < 0) return;
    const [all, every] = [`${text.slice(0, slash)}/*`, `*/${text.slice(slash + 1)}`];
    for (const wide of [all, every]) {
      if (seen.has(wide)) causes.invalid(`${at}[${i}]`, text, `if '${wide}' is present, must not specify ${text}`);
    }
    seen.add(text);
  });
  if (resources.length > 1 && resources.includes('*/*')) {
    causes.invalid(at, resources, "if '*/*' is present, must not specify other resources");
  }
  if (resources.includes('*') && resources.some((text) => text !== '*' && text !== '' && !text.includes('/'))) {
    causes.invalid(at, resources, "if '*' is present, must not specify other resources without subresources");
  }
}

export function checkConditions(causes: Causes, at: string, conditions: readonly MatchCondition[] = []): void {
  if (conditions.length > MAX_CONDITIONS) causes.invalid(at, conditions.length, `must have at most ${MAX_CONDITIONS} items`);
  const names = new Set<string>();
  conditions.forEach(({ name, expression }, i) => {
    checkExpression(causes, `${at}[${i}].expression`, expression, 'condition');
    if (!name) return causes.required(`${at}[${i}].name`);
    follow(causes, `${at}[${i}].name`, name, qualifiedName);
    if (names.has(name)) causes.duplicate(`${at}[${i}].name`, name);
    names.add(name);
  });
}

export function checkMatch(causes: Causes, at: string, match: MatchResources): void {
  causes.oneOf(`${at}.matchPolicy`, match.matchPolicy, MATCH_POLICIES);
  checkSelector(causes, `${at}.namespaceSelector`, match.namespaceSelector);
  checkSelector(causes, `${at}.objectSelector`, match.objectSelector);
  for (const field of ['resourceRules', 'excludeResourceRules'] as const) {
    match[field]?.forEach((rule, i) => {
      const names = new Set<string>();
      rule.resourceNames?.forEach((name, j) => {
        follow(causes, `${at}.${field}[${i}].resourceNames[${j}]`, name, pathSegment);
        if (names.has(name)) causes.duplicate(`${at}.${field}[${i}].resourceNames[${j}]`, name);
        names.add(name);
      });
      checkRule(causes, `${at}.${field}[${i}]`, rule);
    });
  }
}

export function defaultRule(rule: AdmissionRule): void {
  rule.scope ??= '*';
}

export function defaultMatch(match: MatchResources): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) defaultRule(rule);
}
