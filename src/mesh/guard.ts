import type { AuthorizationPolicy, JwtRule, RequestAuthentication } from '../api/index.ts';
import { memo } from './memo.ts';
import { selects } from './workload.ts';

/** Who may ask what of a workload, and which tokens it looks at. */
export interface Guard {
  /** Of the mesh and the namespace, in order of age. */
  readonly policies: readonly AuthorizationPolicy[];
  readonly requests: readonly RequestAuthentication[];
  readonly jwtRules: readonly JwtRule[];
  /** Equal texts mean equal guards. */
  readonly text: string;
}

interface Selecting {
  readonly metadata?: { readonly namespace?: string };
  readonly spec?: {
    readonly selector?: { matchLabels?: Record<string, string> };
    readonly targetRef?: unknown;
    readonly targetRefs?: unknown[];
  };
}

/** AuthorizationPolicies and RequestAuthentications, the oldest first. Unlike PeerAuthentications, all that fit count, not the oldest. */
export class Guards {
  readonly policies: readonly AuthorizationPolicy[];
  readonly requests: readonly RequestAuthentication[];
  readonly #root: string;

  constructor(policies: readonly AuthorizationPolicy[], requests: readonly RequestAuthentication[], rootNamespace: string) {
    this.policies = policies;
    this.requests = requests;
    this.#root = rootNamespace;
  }

  of(namespace: string, labels: Readonly<Record<string, string>>): Guard {
    const holds = (p: Selecting): boolean =>
      [namespace, this.#root].includes(p.metadata?.namespace ?? '') &&
      // What is attached to a Gateway or a waypoint says nothing of other workloads.
      !p.spec?.targetRef &&
      !p.spec?.targetRefs?.length &&
      selects(p.spec?.selector?.matchLabels, labels);
    const policies = this.policies.filter(holds);
    const requests = this.requests.filter(holds);
    if (!policies.length && !requests.length) return NONE;
    return guardOf(kept(policies), kept(requests));
  }
}

const NONE: Guard = { policies: [], requests: [], jwtRules: [], text: '' };

const EMPTY: readonly never[] = [];
const keptOf = memo((first: object, ...rest: object[]): readonly object[] => [first, ...rest]);

function kept<T extends object>([first, ...rest]: readonly T[]): readonly T[] {
  return first ? (keptOf(first, ...rest) as readonly T[]) : EMPTY;
}

const guardOf = memo((policies: readonly AuthorizationPolicy[], requests: readonly RequestAuthentication[]): Guard => {
  const jwtRules = requests.flatMap((r) => r.spec?.jwtRules ?? []);
  const said = policies.map((p) => [p.metadata?.namespace, p.metadata?.name, p.metadata?.annotations?.[DRY_RUN], p.spec]);
  return { policies, requests, jwtRules, text: JSON.stringify([said, jwtRules]) };
});

/** With `"true"` a policy decides nothing and is only counted. */
export const DRY_RUN = 'istio.io/dry-run';
