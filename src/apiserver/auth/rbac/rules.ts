/** What rules allow, and whether some rules allow all that others do. Pure. */
import type { PolicyRule } from 'kubernetes-types/rbac/v1.js';
import type { Action, PathAction, ResourceAction } from '../authorizer.ts';

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(value));

export function allows(rule: PolicyRule, action: Action): boolean {
  return action.type === 'resource' ? allowsResource(rule, action) : allowsPath(rule, action);
}

function allowsResource({ verbs, apiGroups, resources, resourceNames }: PolicyRule, action: ResourceAction): boolean {
  const { verb, group, resource, subresource, name } = action;
  return (
    has(verbs, verb) &&
    has(apiGroups, group) &&
    (has(resources, subresource ? `${resource}/${subresource}` : resource) ||
      (subresource !== '' && resources?.includes(`*/${subresource}`) === true)) &&
    (!resourceNames?.length || resourceNames.includes(name))
  );
}

function allowsPath({ verbs, nonResourceURLs }: PolicyRule, { verb, path }: PathAction): boolean {
  return has(verbs, verb) && (nonResourceURLs ?? []).some((url) => coversPath(url, path));
}

function coversPath(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, '')));
}

/** More single permissions than any role needs: a larger one is not taken apart, and counts as not covered. */
const MOST_PARTS = 20_000;

/** Those single permissions of `wanted` that `held` does not hold. */
export function missing(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const rule of wanted) {
    if (held.some((h) => covers(h, rule))) continue;
    if (countParts(rule) > MOST_PARTS) out.push(rule);
    else out.push(...partsOf(rule).filter((part) => !held.some((h) => covers(h, part))));
  }
  return out;
}

function covers(held: PolicyRule, rule: PolicyRule): boolean {
  const all = (of: readonly string[] | undefined, values: readonly string[] = []): boolean => values.every((value) => has(of, value));
  return (
    all(held.verbs, rule.verbs) &&
    all(held.apiGroups, rule.apiGroups) &&
    (rule.resources ?? []).every(
      (r) => has(held.resources, r) || (r.includes('/') && held.resources?.includes(`*/${r.slice(r.indexOf('/') + 1)}`)),
    ) &&
    (rule.nonResourceURLs ?? []).every((path) => held.nonResourceURLs?.some((url) => coversPath(url, path))) &&
    (!held.resourceNames?.length || (!!rule.resourceNames?.length && rule.resourceNames.every((n) => held.resourceNames!.includes(n))))
  );
}

function countParts({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): number {
  return verbs.length * (apiGroups.length * resources.length * Math.max(1, resourceNames.length) + nonResourceURLs.length);
}

function partsOf({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): PolicyRule[] {
  const names = resourceNames.length > 0 ? resourceNames.map((n) => ({ resourceNames: [n] })) : [{}];
  return [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => names.map((named) => ({ verbs: [verb], apiGroups: [group], resources: [resource], ...named }))),
      ),
    ),
    ...nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [url] }))),
  ];
}

/** Rules as messages list them: one line for all verbs on one resource, sorted. */
export function describe(rules: readonly PolicyRule[]): string {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...rest } = rule;
    const one = !rule.nonResourceURLs?.length && rule.apiGroups?.length === 1 && rule.resources?.length === 1;
    const key = one && (rule.resourceNames?.length ?? 0) < 2 ? JSON.stringify(rest) : JSON.stringify(rule);
    const known = merged.get(key);
    merged.set(key, known ? { ...known, verbs: [...known.verbs, ...verbs] } : rule);
  }
  return [...merged.values()].map(lineOf).sort().join('\n');
}

function lineOf({ verbs, apiGroups, resources, nonResourceURLs, resourceNames }: PolicyRule): string {
  const fields = {
    APIGroups: apiGroups,
    Resources: resources,
    NonResourceURLs: nonResourceURLs,
    ResourceNames: resourceNames,
    Verbs: verbs,
  };
  const parts = Object.entries(fields).flatMap(([name, values]) => (values?.length ? [`${name}:${quoted(values)}`] : []));
  return `{${parts.join(', ')}}`;
}

/** A list as Go prints it. */
export function quoted(values: readonly string[]): string {
  return `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;
}
