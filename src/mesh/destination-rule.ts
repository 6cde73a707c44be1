import type {
  ClientTls,
  ConnectionPool,
  DestinationRule,
  LoadBalancer,
  OutlierDetection,
  ProxyProtocol,
  RetryBudget,
  Subset,
  TrafficPolicy,
  Tunnel,
} from '../api/index.ts';
import type { BackendTls } from './backend-tls.ts';
import { fullHost, lookupHost, visible } from './host.ts';
import { interner, keepArray, memo } from './memo.ts';
import type { MeshService } from './service.ts';
import { soundPolicy } from './sound-policy.ts';
import { selects } from './workload.ts';

/** How a client speaks TLS, and whom it trusts where no file says it: certificates in PEM. */
export type TlsPolicy = ClientTls & { readonly trusted?: string };

/** What a client does with one cluster: destination-level, subset and port settings already laid over each other. */
export interface Policy {
  readonly loadBalancer?: LoadBalancer;
  readonly connectionPool?: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: TlsPolicy;
  readonly tunnel?: Tunnel;
  readonly proxyProtocol?: ProxyProtocol;
  readonly retryBudget?: RetryBudget;
}

/** All DestinationRules of a namespace for one host, as one. */
export interface HostPolicy {
  /** `namespace/name` of the oldest. */
  readonly name: string;
  readonly namespace: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
  /** What a BackendTLSPolicy says, by port: it holds where no DestinationRule speaks of TLS. */
  readonly backendTls?: BackendTls['ports'];
  /** Absent for DestinationRules. */
  readonly kind?: 'BackendTLSPolicy';
}

const intern = interner<HostPolicy>();

/** For gateways: the rule with what a BackendTLSPolicy says beside it. */
export const withBackendTls = memo((said: BackendTls, rule: HostPolicy | undefined): HostPolicy => {
  const { namespace, name, ports } = said;
  return intern(rule ? { ...rule, backendTls: ports } : { kind: 'BackendTLSPolicy', namespace, name, subsets: [], backendTls: ports });
});

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
  /** Labels of clients that some rule selects by: clients alike in these follow the same rules. */
  readonly clientLabels: readonly string[];
  /** Labels by which some rule compares clients with endpoints (`failoverPriority`). */
  readonly localityLabels: readonly string[];
  readonly #seen = new Map<string, Visible>();

  constructor(all: readonly DestinationRule[], config: { rootNamespace: string; domain: string }) {
    this.all = all;
    this.#root = config.rootNamespace;
    this.#domain = config.domain;
    this.clientLabels = [...new Set(all.flatMap((r) => Object.keys(r.spec.workloadSelector?.matchLabels ?? {})))].sort();
    this.localityLabels = [...new Set(all.flatMap(localityLabels))].sort();
  }

  /**
   * The client's namespace is asked first, then the service's, then the root one; the first that has a rule decides alone. In the
   * client's, a rule that selects the client by its labels comes before those for everybody.
   */
  of(client: string, service: MeshService, labels: Readonly<Record<string, string>> = {}): HostPolicy | undefined {
    for (const owner of new Set([client, service.namespace, this.#root])) {
      const { selecting, forAll } = this.#visible(owner, client);
      const chosen = selecting.filter((r) => selects(r.spec.workloadSelector?.matchLabels, labels));
      const found = (chosen.length ? lookupHost(this.#byHost(chosen, owner), service.host) : undefined) ?? lookupHost(forAll, service.host);
      if (found) return found;
    }
    return undefined;
  }

  /** Rules written in `owner` that clients in `client` may follow. */
  #visible(owner: string, client: string): Visible {
    const key = `${owner} ${client}`;
    let seen = this.#seen.get(key);
    if (!seen) {
      const own = this.all.filter((r) => r.metadata?.namespace === owner && visible(r.spec.exportTo, owner, client));
      seen = {
        // A rule for chosen clients is for those of its own namespace.
        selecting: owner === client ? own.filter((r) => r.spec.workloadSelector) : [],
        forAll: this.#byHost(
          own.filter((r) => !r.spec.workloadSelector),
          owner,
        ),
      };
      this.#seen.set(key, seen);
    }
    return seen;
  }

  #byHost(rules: readonly DestinationRule[], owner: string): ReadonlyMap<string, HostPolicy> {
    const lists = new Map<string, DestinationRule[]>();
    for (const rule of rules) {
      const host = fullHost(rule.spec.host, owner, this.#domain);
      const list = lists.get(host);
      if (list) list.push(rule);
      else lists.set(host, [rule]);
    }
    return new Map([...lists].map(([host, [first, ...rest]]) => [host, merged(first!, ...rest)]));
  }
}

function localityLabels({ spec }: DestinationRule): string[] {
  const policies = [spec.trafficPolicy, ...(spec.subsets ?? []).map((s) => s.trafficPolicy)].flatMap((p) => [
    p,
    ...(p?.portLevelSettings ?? []),
  ]);
  return policies.flatMap((p) => p?.loadBalancer?.localityLbSetting?.failoverPriority ?? []).filter((key) => !key.includes('='));
}

/** Of the rules of one namespace, those for chosen clients, and by host those for all. */
interface Visible {
  readonly selecting: readonly DestinationRule[];
  readonly forAll: ReadonlyMap<string, HostPolicy>;
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
  const own = policy.portLevelSettings?.find((p) => p.port?.number === port);
  if (!own) return soundPolicy(policy);
  // What cannot be said for a port is said for all of them.
  const { tunnel, proxyProtocol, retryBudget } = soundPolicy(policy) as TrafficPolicy;
  return {
    ...(tunnel ? { tunnel } : {}),
    ...(proxyProtocol ? { proxyProtocol } : {}),
    ...(retryBudget ? { retryBudget } : {}),
    ...soundPolicy(own),
  };
}

const FIELDS = ['loadBalancer', 'connectionPool', 'outlierDetection', 'tls', 'tunnel', 'proxyProtocol', 'retryBudget'] as const;

export function policyOf(rule: HostPolicy | undefined, subset: Subset | undefined, port: number): Policy {
  const base = ofPort(rule?.trafficPolicy, port);
  const own = ofPort(subset?.trafficPolicy, port);
  const pick = <K extends keyof Policy>(k: K): Pick<Policy, K> | undefined => {
    const value = own[k] ?? base[k];
    return value === undefined ? undefined : ({ [k]: value } as unknown as Pick<Policy, K>);
  };
  const backendTls = rule?.backendTls?.[port];
  return Object.assign(backendTls ? { tls: backendTls } : {}, ...FIELDS.map((k) => pick(k))) as Policy;
}
