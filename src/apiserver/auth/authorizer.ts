import type { PolicyRule } from 'kubernetes-types/rbac/v1.js';
import type { User } from '../registry.ts';

/** What somebody wants to do: to objects, or to a path that is about none. */
export type Action = ResourceAction | PathAction;

export interface ResourceAction {
  readonly type: 'resource';
  readonly verb: string;
  readonly group: string;
  /** The plural in the URL. */
  readonly resource: string;
  /** These are empty when there is none. */
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PathAction {
  readonly type: 'path';
  readonly verb: string;
  readonly path: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why, for people; may be empty. */
  readonly reason: string;
}

/** Says who may do what. */
export interface Authorizer {
  authorize(user: User, action: Action): Decision;
  /** All that a user may do in a namespace, and everywhere. */
  rulesOf(user: User, namespace: string): { readonly rules: readonly PolicyRule[]; readonly problems: readonly string[] };
}
