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
import { flatMapped, interner, keepArray, mapped, memo } from './memo.ts';
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

/** Of a rule, what decides who is held to it. Equal ones are the same object: a change of a policy changes none. */
interface Head {
  readonly namespace: string;
  /** Full. */
  readonly host: string;
  readonly exportTo: readonly string[];
  /** The clients that it is for; absent for all of them. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly clientLabels: readonly string[];
  readonly localityLabels: readonly string[];
}

const internHead = interner<Head>();

function headOf(rule: DestinationRule, domain: string): Head {
  const { metadata: { namespace = '' } = {}, spec } = rule;
  const selector = spec.workloadSelector && (spec.workloadSelector.matchLabels ?? {});
  return internHead({
    namespace,
    host: fullHost(spec.host, namespace, domain),
    exportTo: spec.exportTo ?? [],
    ...(selector ? { selector } : {}),
    clientLabels: Object.keys(selector ?? {}),
    localityLabels: localityLabels(rule),
  });
}

const labelsIn = memo((heads: readonly Head[], kind: 'clientLabels' | 'localityLabels'): readonly string[] =>
  [...new Set(heads.flatMap((h) => h[kind]))].sort(),
);

/** Places of the rules of one namespace that clients in another may follow: those for chosen clients, and by host those for all. */
interface Visible {
  readonly selecting: readonly number[];
  readonly forAll: ReadonlyMap<string, readonly number[]>;
}

const visibleTo = memo((heads: readonly Head[], owner: string, client: string): Visible => {
  const own = heads.flatMap((head, i) => (head.namespace === owner && visible(head.exportTo, owner, client) ? [i] : []));
  return {
    // A rule for chosen clients is for those of its own namespace.
    selecting: owner === client ? own.filter((i) => heads[i]!.selector) : [],
    forAll: Map.groupBy(
      own.filter((i) => !heads[i]!.selector),
      (i) => heads[i]!.host,
    ),
  };
});

/** The DestinationRules, oldest first, and who is held to which. */
export class DestinationRules {
  /** As they were when one of them last said something else. */
  readonly all: readonly DestinationRule[];
  readonly #heads: readonly Head[];
  readonly #root: string;

  constructor(all: readonly DestinationRule[], heads: readonly Head[], rootNamespace: string) {
    this.all = all;
    this.#heads = heads;
    this.#root = rootNamespace;
  }

  /** Labels of clients that some rule selects by: clients alike in these follow the same rules. */
  get clientLabels(): readonly string[] {
    return labelsIn(this.#heads, 'clientLabels');
  }

  /** Labels by which some rule compares clients with endpoints (`failoverPriority`). */
  get localityLabels(): readonly string[] {
    return labelsIn(this.#heads, 'localityLabels');
  }

  /** The hosts, full, of rules that only one of the two holds. */
  hostsUnlike(other: DestinationRules): string[] {
    if (this === other) return [];
    const only = (own: DestinationRules, there: DestinationRules): string[] => {
      const known = new Set(there.all);
      return own.all.flatMap((rule, i) => (known.has(rule) ? [] : [own.#heads[i]!.host]));
    };
    return [...only(this, other), ...only(other, this)];
  }

  /**
   * The client's namespace is asked first, then the service's, then the root one; the first that has a rule decides alone. In the
   * client's, a rule that selects the client by its labels comes before those for everybody.
   */
  of(client: string, service: MeshService, labels: Readonly<Record<string, string>> = {}): HostPolicy | undefined {
    for (const owner of new Set([client, service.namespace, this.#root])) {
      const { selecting, forAll } = visibleTo(this.#heads, owner, client);
      const chosen = selecting.filter((i) => selects(this.#heads[i]!.selector, labels));
      const found =
        (chosen.length
          ? lookupHost(
              Map.groupBy(chosen, (i) => this.#heads[i]!.host),
              service.host,
            )
          : undefined) ?? lookupHost(forAll, service.host);
      const [first, ...rest] = (found ?? []).map((i) => this.all[i]!);
      if (first) return merged(first, ...rest);
    }
    return undefined;
  }
}

function localityLabels({ spec }: DestinationRule): string[] {
  const policies = [spec.trafficPolicy, ...(spec.subsets ?? []).map((s) => s.trafficPolicy)].flatMap((p) => [
    p,
    ...(p?.portLevelSettings ?? []),
  ]);
  return policies.flatMap((p) => p?.loadBalancer?.localityLbSetting?.failoverPriority ?? []).filter((key) => !key.includes('='));
}

/** Makes them one after another; `objects` are the oldest first. */
export function createDestinationRules(): (
  objects: readonly DestinationRule[],
  config: { rootNamespace: string; domain: string },
) => DestinationRules {
  const named = flatMapped((rule: DestinationRule) => (rule.spec?.host ? [rule] : []));
  const saidBy = mapped((rule: DestinationRule) => merged(rule));
  const headsOf = mapped(headOf);
  let last: { readonly parts: readonly unknown[]; readonly rules: DestinationRules } | undefined;
  return (objects, { rootNamespace, domain }) => {
    const all = named(objects);
    const heads = headsOf(all, domain);
    const parts = [saidBy(all), heads, rootNamespace];
    if (!last || keepArray(last.parts, parts) !== last.parts) last = { parts, rules: new DestinationRules(all, heads, rootNamespace) };
    return last.rules;
  };
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
