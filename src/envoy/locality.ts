/** Which endpoints a client prefers by where they are. */
import type { LocalitySetting } from '../api/index.ts';
import type { Policy } from '../mesh/index.ts';

interface Placed {
  /** `region/zone/subzone`; empty when nobody said. */
  readonly locality: string;
  readonly labels: Readonly<Record<string, string>>;
  /** 0 when not given. */
  readonly weight: number;
}

/** The client, as far as localities ask. */
export interface Whereabouts {
  readonly locality: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Group<E> {
  readonly locality: string;
  /** The lowest is used for as long as its endpoints are healthy. */
  readonly priority: number;
  readonly weight: number;
  readonly endpoints: readonly E[];
}

/** The setting, where it has a say. */
function settingOf(policy: Policy): LocalitySetting | undefined {
  const setting = policy.loadBalancer?.localityLbSetting;
  return setting?.enabled === false ? undefined : (setting ?? {});
}

/** The shares of localities, for clients that are where `from` says. */
export function sharesFor(policy: Policy, client: Whereabouts): Readonly<Record<string, number>> | undefined {
  return settingOf(policy)?.distribute?.find((d) => matches(d.from ?? '', client.locality))?.to;
}

/** Endpoints by locality, in the order in which the client falls back on them. */
export function grouped<E extends Placed>(endpoints: readonly E[], policy: Policy, client: Whereabouts): readonly Group<E>[] {
  const setting = settingOf(policy);
  const shares = sharesFor(policy, client);
  // Whom nobody ejects never fails over.
  const rank = setting && !shares && policy.outlierDetection ? ranking(setting, client) : () => 0;
  const groups = new Map<string, { locality: string; rank: number; endpoints: E[] }>();
  for (const endpoint of endpoints) {
    const at = rank(endpoint);
    const key = `${at} ${endpoint.locality}`;
    const group = groups.get(key);
    if (group) group.endpoints.push(endpoint);
    else groups.set(key, { locality: endpoint.locality, rank: at, endpoints: [endpoint] });
  }
  const all = [...groups.values()].sort((a, b) => a.rank - b.rank || (a.locality < b.locality ? -1 : 1));
  // Envoy wants priorities without gaps.
  const ranks = [...new Set(all.map((g) => g.rank))];
  const weights = shares ? sharedOut(all, shares) : all.map((g) => g.endpoints.reduce((sum, e) => sum + (e.weight || 1), 0));
  return all.flatMap(({ locality, rank: at, endpoints: own }, i) =>
    weights[i] ? [{ locality, priority: ranks.indexOf(at), weight: weights[i], endpoints: own }] : [],
  );
}

/** How far an endpoint is from the client. */
function ranking(setting: LocalitySetting, client: Whereabouts): (endpoint: Placed) => number {
  if (setting.failoverPriority?.length) return (e) => unlike(setting.failoverPriority!, client, e);
  if (!client.locality) return () => 0;
  const own = client.locality.split('/');
  const refuge = setting.failover?.find((f) => f.from === own[0])?.to;
  return ({ locality }) => {
    const there = locality.split('/');
    const same = own.findIndex((part, i) => part !== there[i]);
    if (same !== 0) return same < 0 ? 0 : 3 - same;
    return refuge === undefined || refuge === there[0] ? 3 : 4;
  };
}

/** How many of the labels, from the last to the first that differs, are not the client's; `key=value` says what is asked for. */
function unlike(keys: readonly string[], client: Whereabouts, endpoint: Placed): number {
  const differs = keys.findIndex((said) => {
    const [key = '', value] = said.split('=');
    return (value ?? client.labels[key]) !== endpoint.labels[key];
  });
  return differs < 0 ? 0 : keys.length - differs;
}

/** `us/west/*`, `us/*` or `*` take all below; otherwise all parts that are given must be the same. */
function matches(pattern: string, locality: string): boolean {
  const there = locality.split('/');
  return pattern.split('/').every((part, i) => part === '*' || part === there[i]);
}

/** Of the localities that one pattern takes, each gets of its share what it has of the endpoints; what no pattern takes gets none. */
function sharedOut(
  groups: readonly { locality: string; endpoints: readonly Placed[] }[],
  shares: Readonly<Record<string, number>>,
): number[] {
  const taken = groups.map(({ locality }) => Object.keys(shares).find((pattern) => matches(pattern, locality)));
  const size = (i: number): number => groups[i]!.endpoints.reduce((sum, e) => sum + (e.weight || 1), 0);
  return groups.map((_, i) => {
    const pattern = taken[i];
    if (pattern === undefined) return 0;
    const total = groups.reduce((sum, _g, j) => sum + (taken[j] === pattern ? size(j) : 0), 0);
    return Math.max(1, Math.round((shares[pattern]! * 100 * size(i)) / total));
  });
}
