import type { AuthorizationPolicy, JwtRule, PolicyTarget, RequestAuthentication } from '../api/index.ts';
import { authorizerNamed, type Authorizer } from './authorizer.ts';
import { keySourceOf, withKeys, type KeySets } from './key-source.ts';
import { memo } from './memo.ts';
import { GATEWAY_GROUP } from './reference-grant.ts';
import type { MeshConfig } from './snapshot.ts';
import { selects } from './workload.ts';

/** Who may ask what of a workload, and which tokens it looks at. */
export interface Guard {
  /** Of the mesh and the namespace, in order of age. */
  readonly policies: readonly AuthorizationPolicy[];
  readonly requests: readonly RequestAuthentication[];
  readonly jwtRules: readonly JwtRule[];
  /** Whom policies with the action CUSTOM ask: the first one that they name; a filter cannot ask two. */
  readonly authorizer?: Authorizer;
  /** Equal texts mean equal guards. */
  readonly text: string;
}

interface Selecting {
  readonly metadata?: { readonly namespace?: string };
  readonly spec?: {
    readonly selector?: { matchLabels?: Record<string, string> };
    readonly targetRef?: PolicyTarget;
    readonly targetRefs?: PolicyTarget[];
  };
}

const targetsOf = ({ spec }: Selecting): readonly PolicyTarget[] => [
  ...(spec?.targetRef ? [spec.targetRef] : []),
  ...(spec?.targetRefs ?? []),
];

/** Whether the object is for what it names, in place of workloads. */
export const isAttached = (o: Selecting): boolean => targetsOf(o).length > 0;

/** The Gateways of the Gateway API that it is attached to, as `namespace/name`: those of its own namespace. */
export function attachedTo(o: Selecting): readonly string[] {
  return targetsOf(o).flatMap(({ group, kind, name }) =>
    group === GATEWAY_GROUP && kind === 'Gateway' && name ? [`${o.metadata?.namespace}/${name}`] : [],
  );
}

/** AuthorizationPolicies and RequestAuthentications, the oldest first. Unlike PeerAuthentications, all that fit count, not the oldest. */
export class Guards {
  readonly policies: readonly AuthorizationPolicy[];
  readonly requests: readonly RequestAuthentication[];
  readonly #config: MeshConfig;
  readonly keySets: KeySets;

  constructor(policies: readonly AuthorizationPolicy[], requests: readonly RequestAuthentication[], config: MeshConfig, keySets: KeySets) {
    this.policies = policies;
    this.requests = requests;
    this.#config = config;
    this.keySets = keySets;
  }

  of(namespace: string, labels: Readonly<Record<string, string>>): Guard {
    // What is attached to a Gateway or a waypoint says nothing of other workloads.
    return this.#that(
      (p) =>
        [namespace, this.#config.rootNamespace].includes(p.metadata?.namespace ?? '') &&
        !isAttached(p) &&
        selects(p.spec?.selector?.matchLabels, labels),
    );
  }

  /** What is attached to one Gateway of the Gateway API, and holds for requests to it alone. */
  ofGateway(gateway: string): Guard {
    return this.#that((p) => attachedTo(p).includes(gateway));
  }

  #that(holds: (p: Selecting) => boolean): Guard {
    const policies = this.policies.filter(holds);
    const requests = this.requests.filter(holds);
    if (!policies.length && !requests.length) return NONE;
    const rules = requests
      .flatMap((r) => r.spec?.jwtRules ?? [])
      .map((rule) => withKeys(rule, this.keySets.get(keySourceOf(rule)?.url ?? '')?.keys));
    const asking = policies.find((p) => p.spec?.action === 'CUSTOM');
    return guardOf(kept(policies), kept(requests), kept(rules), authorizerNamed(this.#config, asking?.spec?.provider?.name));
  }
}

const NONE: Guard = { policies: [], requests: [], jwtRules: [], text: '' };

const EMPTY: readonly never[] = [];
const keptOf = memo((first: object, ...rest: object[]): readonly object[] => [first, ...rest]);

function kept<T extends object>([first, ...rest]: readonly T[]): readonly T[] {
  return first ? (keptOf(first, ...rest) as readonly T[]) : EMPTY;
}

const guardOf = memo(
  (
    policies: readonly AuthorizationPolicy[],
    requests: readonly RequestAuthentication[],
    jwtRules: readonly JwtRule[],
    authorizer: Authorizer | undefined,
  ): Guard => {
    const said = policies.map((p) => [p.metadata?.namespace, p.metadata?.name, p.metadata?.annotations?.[DRY_RUN], p.spec]);
    return { policies, requests, jwtRules, ...(authorizer ? { authorizer } : {}), text: JSON.stringify([said, jwtRules, authorizer]) };
  },
);

/** With `"true"` a policy decides nothing and is only counted. */
export const DRY_RUN = 'istio.io/dry-run';
