import type { PolicyRule } from 'kubernetes-types/rbac/v1.js';
import type { Action } from '../authorizer.ts';
import { allows } from './rules.ts';

/** The rules of a role, found by what is asked for, so that a large role is no slower than a small one. */
export class CompiledRole {
  readonly rules: readonly PolicyRule[];
  #byResource: Map<string, PolicyRule[]> | undefined;
  /** Rules with a wildcard for groups or resources. */
  #wide: PolicyRule[] = [];
  #paths: PolicyRule[] = [];

  constructor(rules: readonly PolicyRule[]) {
    this.rules = rules;
  }

  allows(action: Action): boolean {
    const byResource = this.#byResource ?? this.#compile();
    if (action.type === 'path') return this.#paths.some((rule) => allows(rule, action));
    const { group, resource, subresource } = action;
    const named = byResource.get(`${group}/${resource}${subresource ? `/${subresource}` : ''}`) ?? [];
    return named.some((rule) => allows(rule, action)) || this.#wide.some((rule) => allows(rule, action));
  }

  #compile(): Map<string, PolicyRule[]> {
    const byResource = (this.#byResource = new Map<string, PolicyRule[]>());
    for (const rule of this.rules) {
      const { apiGroups = [], resources = [], nonResourceURLs = [] } = rule;
      if (nonResourceURLs.length > 0) this.#paths.push(rule);
      if (apiGroups.includes('*') || resources.some((r) => r.startsWith('*'))) this.#wide.push(rule);
      else {
        for (const group of apiGroups) {
          for (const resource of resources) {
            const key = `${group}/${resource}`;
            const known = byResource.get(key);
            if (known) known.push(rule);
            else byResource.set(key, [rule]);
          }
        }
      }
    }
    return byResource;
  }
}
