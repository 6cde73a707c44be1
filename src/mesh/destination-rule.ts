import type { ConnectionPool, DestinationRule, LoadBalancer, OutlierDetection, ClientTls, Subset, TrafficPolicy } from '../api/index.ts';
import { fullHost, lookupHost, visible } from './host.ts';
import { interner, keepArray, memo } from './memo.ts';
import type { MeshService } from './service.ts';
import { soundPolicy } from './sound-policy.ts';

/** What a client does with one cluster: destination-level, subset and port settings already laid over each other. */
export interface Policy {
  readonly loadBalancer?: LoadBalancer;
  readonly connectionPool?: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTls;
}

/** All DestinationRules of a namespace for one host, as one. */
export interface HostPolicy {
  /** `namespace/name` of the oldest. */
  readonly name: string;
  readonly namespace: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
}

const intern = interner<HostPolicy>();

const merged = memo((first: DestinationRule, ...rest: DestinationRule[]): HostPolicy => {
  const all = [first, ...rest];
  const subsets = new Map<string, Subset>();
  for (const rule of all) for (const s of rule.spec.subsets ?? []) if (!subsets.has(s.name)) subsets.set(s.name, s);
  const trafficPolicy = all.find((r) => r.spec.trafficPolicy)?.spec.trafficPolicy;
  const { namespace = '', name = '' } = first.metadata ?? {};
  return intern({ name, namespace, ...(trafficPolicy ? { trafficPolicy } : {}), subsets: [...subsets.values()] });
});

/** The DestinationRules, oldest first, and who is held to which. */
export class DestinationRules {
  readonly all: readonly DestinationRule[];
  readonly #root: string;
  readonly #domain: string;
  readonly #seen = new Map<string, ReadonlyMap<string, HostPolicy>>();

  constructor(all: readonly DestinationRule[], config: { rootNamespace: string; domain: string }) {
    this.all = all;
    this.#root = config.rootNamespace;
    this.#domain = config.domain;
  }

  /** The client's namespace is asked first, then the service's, then the root one; the first that has a rule decides alone. */
  of(client: string, service: MeshService): HostPolicy | undefined {
    for (const owner of new Set([client, service.namespace, this.#root])) {
      const found = lookupHost(this.#visible(owner, client), service.host);
      if (found) return found;
    }
    return undefined;
  }

  /** Rules written in `owner` that clients in `client` may follow, by host. */
  #visible(owner: string, client: string): ReadonlyMap<string, HostPolicy> {
    const key = `${owner} ${client}`;
    let hosts = this.#seen.get(key);
    if (!hosts) {
      const lists = new Map<string, DestinationRule[]>();
      for (const rule of this.all) {
        // A rule for chosen client workloads needs a view per workload; without one it must not hold for everybody.
        if (rule.metadata?.namespace !== owner || rule.spec.workloadSelector || !visible(rule.spec.exportTo, owner, client)) continue;
        const host = fullHost(rule.spec.host, owner, this.#domain);
        const list = lists.get(host);
        if (list) list.push(rule);
        else lists.set(host, [rule]);
      }
      hosts = new Map([...lists].map(([host, [first, ...rest]]) => [host, merged(first!, ...rest)]));
      this.#seen.set(key, hosts);
    }
    return hosts;
  }
}

/** Rebuilds only when an object changed; `objects` are the oldest first. */
export function destinationRulesOf(
  previous: DestinationRules | undefined,
  objects: readonly DestinationRule[],
  config: { rootNamespace: string; domain: string },
): DestinationRules {
  const all = keepArray(
    previous?.all,
    objects.filter((r) => r.spec?.host),
  );
  return previous && all === previous.all ? previous : new DestinationRules(all, config);
}

/** Settings for a port replace the destination's wholesale; a subset's replace field by field. */
function ofPort(policy: TrafficPolicy | undefined, port: number): Policy {
  if (!policy) return {};
  return soundPolicy(policy.portLevelSettings?.find((p) => p.port?.number === port) ?? policy);
}

export function policyOf(rule: HostPolicy | undefined, subset: Subset | undefined, port: number): Policy {
  const base = ofPort(rule?.trafficPolicy, port);
  const own = ofPort(subset?.trafficPolicy, port);
  const pick = <K extends keyof Policy>(k: K): Pick<Policy, K> | undefined => {
    const value = own[k] ?? base[k];
    return value === undefined ? undefined : ({ [k]: value } as unknown as Pick<Policy, K>);
  };
  return { ...pick('loadBalancer'), ...pick('connectionPool'), ...pick('outlierDetection'), ...pick('tls') };
}
