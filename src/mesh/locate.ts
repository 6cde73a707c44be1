/** Which services there are, where they are and who stands behind them. */
import type { Pod, Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { ServiceEntry, WorkloadEntry, WorkloadGroup } from '../api/index.ts';
import { byAge, ordered } from './age.ts';
import { endpointsOf, identitiesOf, isHealthy, podKeysOf, type MeshEndpoints, type PodTable } from './endpoints.ts';
import { interner, keepArray, memo } from './memo.ts';
import type { PeerAuthentications } from './peer-authentication.ts';
import { joined, resolving, serviceOfKubernetes, servicesOfEntry, type Listed, type MeshService } from './service.ts';
import type { Snapshot } from './snapshot.ts';
import { changedKeys, Table } from './table.ts';
import { selects } from './workload.ts';

export interface Located {
  /** By host, oldest first. */
  readonly services: ReadonlyMap<string, MeshService>;
  readonly endpoints: ReadonlyMap<string, MeshEndpoints>;
  /** SPIFFE identities behind each host, sorted. */
  readonly identities: ReadonlyMap<string, readonly string[]>;
}

interface Tables extends Located {
  readonly services: Table<MeshService>;
  readonly endpoints: Table<MeshEndpoints>;
  readonly identities: Table<readonly string[]>;
}

/** Who speaks of a host, before it is known where it is. */
interface Claim {
  readonly service: MeshService;
  /** Of a Kubernetes Service, `namespace/name`: by it slices are found. */
  readonly key?: string;
  readonly entries: readonly ServiceEntry[];
  /** What the entries say of the host, where they are not the first to speak of it. */
  readonly more: readonly MeshService[];
}

/** What was found for a host. */
interface Found {
  readonly service: MeshService;
  readonly endpoints: MeshEndpoints;
  readonly identities: readonly string[];
  /** Keys of pods that have a say in it, whether they are there or not. */
  readonly pods: readonly string[];
}

const NO_SLICES: readonly EndpointSlice[] = [];

/** On entries of machines: the WorkloadGroup that each is one of. */
const GROUP = 'istio.io/autoRegistrationGroup';

/** The entry, and what it leaves unsaid as the template of its group has it. */
function fitted(entry: WorkloadEntry, group: WorkloadGroup | undefined): WorkloadEntry {
  if (!group) return entry;
  const { metadata = {}, template } = group.spec ?? {};
  return {
    ...entry,
    metadata: { ...entry.metadata, labels: { ...metadata.labels, ...entry.metadata?.labels } },
    spec: { ...template, ...entry.spec, labels: { ...template?.labels, ...entry.spec?.labels } },
  };
}

function labelsOf({ metadata, spec }: WorkloadEntry): Readonly<Record<string, string>> {
  return { ...metadata?.labels, ...spec?.labels };
}

/** The endpoints of an entry serve its own ports, not those that another entry adds to the host. */
function listedBy({ spec }: ServiceEntry): Listed[] {
  const ports = (spec.ports ?? []).map((p) => p.number);
  return (spec.endpoints ?? []).map((endpoint) => ({ endpoint, ports }));
}

/** The EndpointSlices of each service, oldest first, from one map to the next. */
class Slices {
  readonly #byService = new Map<string, readonly EndpointSlice[]>();
  #last: ReadonlyMap<string, EndpointSlice> = new Map();

  of(service: string): readonly EndpointSlice[] {
    return this.#byService.get(service) ?? NO_SLICES;
  }

  /** Takes the next map over. Returns the services whose slices are others now. */
  update(slices: ReadonlyMap<string, EndpointSlice>): ReadonlySet<string> {
    const touched = new Map<string, Set<EndpointSlice>>();
    const listOf = (slice: EndpointSlice | undefined): Set<EndpointSlice> | undefined => {
      const name = slice?.metadata?.labels?.['kubernetes.io/service-name'];
      if (!name || slice?.addressType === 'IPv6') return undefined;
      const key = `${slice?.metadata?.namespace}/${name}`;
      let list = touched.get(key);
      if (!list) touched.set(key, (list = new Set(this.of(key))));
      return list;
    };
    for (const key of changedKeys(this.#last, slices)) {
      const [before, now] = [this.#last.get(key), slices.get(key)];
      if (before) listOf(before)?.delete(before);
      if (now) listOf(now)?.add(now);
    }
    for (const [key, list] of touched) {
      if (list.size) this.#byService.set(key, [...list].sort(byAge));
      else this.#byService.delete(key);
    }
    this.#last = slices;
    return new Set(touched.keys());
  }
}

/** Finds out for one snapshot after another; a host is looked at again only when something that has a say in it changed. */
export function createLocator(): (snapshot: Snapshot, policy: PeerAuthentications) => Located {
  const internService = interner<MeshService>();
  const internEndpoints = interner<MeshEndpoints>();
  const internIdentities = interner<readonly string[]>();
  const kubernetes = memo((service: Service, domain: string) => internService(serviceOfKubernetes(service, domain)));
  const spoken = memo((entry: ServiceEntry, domain: string) => servicesOfEntry(entry, domain).map(internService));
  const orderServices = ordered<Service>();
  const orderEntries = ordered<ServiceEntry>();
  const orderWorkloads = ordered<WorkloadEntry>();
  const inGroup = memo(fitted);
  const inGroups = memo((workloads: readonly WorkloadEntry[], groups: ReadonlyMap<string, WorkloadGroup>) =>
    workloads.map((w) => inGroup(w, groups.get(`${w.metadata?.namespace}/${w.metadata?.annotations?.[GROUP]}`))),
  );
  const healthy = memo((workloads: readonly WorkloadEntry[]) => workloads.filter(isHealthy));
  const slices = new Slices();
  const found = new Map<string, Found>();
  /** Hosts in which pods have a say: those that slices name, and all of those that an entry may select. */
  const hostsOfPod = new Map<string, Set<string>>();
  const selecting = new Set<string>();
  let pods: ReadonlyMap<string, Pod> = new Map();
  let around: readonly unknown[] = [];
  let claims: ReadonlyMap<string, Claim> = new Map();
  let located: Tables = { services: new Table(), endpoints: new Table(), identities: new Table() };

  /** The oldest that speaks of a host has it; entries of its namespace may add to it. */
  const claimsOf = memo((services: readonly Service[], entries: readonly ServiceEntry[], domain: string): ReadonlyMap<string, Claim> => {
    const next = new Map<string, Claim>();
    for (const object of services) {
      const service = kubernetes(object, domain);
      const key = `${service.namespace}/${service.name}`;
      if (!next.has(service.host)) next.set(service.host, { service, key, entries: [], more: [] });
    }
    for (const object of entries) {
      for (const service of spoken(object, domain)) {
        const known = next.get(service.host);
        if (!known) next.set(service.host, { service, entries: [object], more: [] });
        else if (known.service.namespace === service.namespace)
          next.set(service.host, { ...known, entries: [...known.entries, object], more: [...known.more, service] });
      }
    }
    return next;
  });

  const place = (claim: Claim, snapshot: Snapshot, policy: PeerAuthentications, workloads: readonly WorkloadEntry[]): Found => {
    const { domain } = snapshot.config;
    const own = claim.key === undefined ? NO_SLICES : slices.of(claim.key);
    // What the slices of a Service say is all there is of it.
    const service = own.length ? claim.service : claim.more.reduce((older, other) => internService(joined(older, other)), claim.service);
    const { selector, namespace } = service;
    const chosen = (o: Pod | WorkloadEntry, labels: Readonly<Record<string, string>> | undefined): boolean =>
      o.metadata?.namespace === namespace && selects(selector, labels ?? {});
    const keys = isSelecting(claim) ? [] : podKeysOf(own, namespace);
    const behind = isSelecting(claim)
      ? [...snapshot.pods.values()].filter((p) => chosen(p, p.metadata?.labels))
      : keys.flatMap((key) => snapshot.pods.get(key) ?? []);
    const listed = [
      ...claim.entries.flatMap(listedBy),
      ...(selector ? workloads.filter((w) => chosen(w, labelsOf(w))) : []).map((w): Listed => ({
        endpoint: { ...w.spec, labels: labelsOf(w) },
      })),
    ];
    const table: PodTable = {
      byName: (key) => snapshot.pods.get(key),
      mutualTls: (pod) => policy.of(pod.metadata?.namespace ?? '', pod.metadata?.labels ?? {}),
    };
    const whole = internService(resolving(service, listed));
    const endpoints = internEndpoints(endpointsOf(whole, { slices: own, listed, selected: claim.entries.length ? behind : [] }, table));
    return { service: whole, endpoints, identities: internIdentities(identitiesOf(service, behind, endpoints, domain)), pods: keys };
  };

  const remember = (host: string, claim: Claim, at: Found): void => {
    found.set(host, at);
    if (isSelecting(claim)) selecting.add(host);
    for (const key of at.pods) {
      const hosts = hostsOfPod.get(key);
      if (hosts) hosts.add(host);
      else hostsOfPod.set(key, new Set([host]));
    }
  };

  const forget = (host: string): void => {
    for (const key of found.get(host)?.pods ?? []) {
      const hosts = hostsOfPod.get(key);
      if (hosts?.delete(host) && !hosts.size) hostsOfPod.delete(key);
    }
    found.delete(host);
    selecting.delete(host);
  };

  return (snapshot, policy) => {
    const { domain } = snapshot.config;
    const next = claimsOf(orderServices(snapshot.services), orderEntries(snapshot.serviceEntries), domain);
    const workloads = inGroups(healthy(orderWorkloads(snapshot.workloadEntries)), snapshot.workloadGroups);
    const touched = slices.update(snapshot.endpointSlices);
    const moved = changedKeys(pods, snapshot.pods);
    const sources = keepArray(around, [policy, domain, workloads]);
    const due = new Set<string>();
    if (sources !== around) for (const host of next.keys()) due.add(host);
    if (next !== claims) for (const [host, claim] of next) if (!sameClaim(claims.get(host), claim)) due.add(host);
    for (const key of touched) due.add(`${key.split('/').reverse().join('.')}.svc.${domain}`);
    for (const key of moved) for (const host of hostsOfPod.get(key) ?? []) due.add(host);
    if (moved.length) for (const host of selecting) due.add(host);
    const [before, placed] = [claims, [...due].filter((host) => next.has(host))];
    [pods, around, claims] = [snapshot.pods, sources, next];
    if (next !== before) for (const host of before.keys()) if (!next.has(host)) forget(host);
    for (const host of placed) {
      forget(host);
      remember(host, next.get(host)!, place(next.get(host)!, snapshot, policy, workloads));
    }
    // What is as old as before stays in its place.
    const inPlace = next === before || sameKeys(before, next);
    const of = <V>(table: Table<V>, value: (f: Found) => V): Table<V> =>
      inPlace
        ? table.with(placed.map((host) => [host, value(found.get(host)!)]))
        : new Table([...next.keys()].map((host) => [host, value(found.get(host)!)]));
    located = {
      services: of(located.services, (f) => f.service),
      endpoints: of(located.endpoints, (f) => f.endpoints),
      identities: of(located.identities, (f) => f.identities),
    };
    return located;
  };
}

/** Whether pods belong to it by their labels, in whatever slice they are. */
function isSelecting({ service, entries }: Claim): boolean {
  return entries.length > 0 && service.selector !== undefined;
}

function sameClaim(a: Claim | undefined, b: Claim): boolean {
  return a?.service === b.service && keepArray(a.entries, b.entries) === a.entries && keepArray(a.more, b.more) === a.more;
}

function sameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false;
  const others = b.keys();
  for (const key of a.keys()) if (others.next().value !== key) return false;
  return true;
}
