import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Ingress } from 'kubernetes-types/networking/v1.js';
import type {
  gatewayApi,
  AuthorizationPolicy,
  DestinationRule,
  EnvoyFilter,
  Gateway,
  ProxyConfig,
  RequestAuthentication,
  ServiceEntry,
  Sidecar,
  Telemetry,
  VirtualService,
  WorkloadEntry,
  WorkloadGroup,
} from '../api/index.ts';
import { byAge, ordered } from './age.ts';
import { destinationRulesOf, type DestinationRules } from './destination-rule.ts';
import { endpointsOf, identitiesOf, isHealthy, podsOfSlices, type MeshEndpoints, type PodTable } from './endpoints.ts';
import type { Entrance } from './entrance.ts';
import { backendTlsOf, type BackendTls } from './backend-tls.ts';
import { Guards } from './guard.ts';
import { gatewayApiEntrance, type GatewayApiEntrance } from './gateway-api.ts';
import { authoritiesOf } from './gateway-clients.ts';
import type { Route } from './gateway-route.ts';
import type { ObjectStatus } from './gateway-status.ts';
import { ingressEntrance } from './ingress.ts';
import type { KeySets } from './key-source.ts';
import { interner, keepArray, keepMap, memo } from './memo.ts';
import { PeerAuthentications } from './peer-authentication.ts';
import { meshConfigOf } from './mesh-config.ts';
import { joined, resolving, serviceOfKubernetes, servicesOfEntry, type Listed, type MeshService } from './service.ts';
import { Sidecars } from './sidecar.ts';
import type { MeshConfig, Snapshot } from './snapshot.ts';
import { Telemetries } from './telemetry.ts';
import { rulesOf, virtualServicesOf, type Rules, type VirtualServices } from './virtual-service.ts';
import { selects } from './workload.ts';

/** What the objects of a snapshot mean. Every part keeps its identity for as long as it says the same. */
export interface Model {
  readonly config: MeshConfig;
  /** By host, oldest first. */
  readonly services: ReadonlyMap<string, MeshService>;
  readonly endpoints: ReadonlyMap<string, MeshEndpoints>;
  /** SPIFFE identities behind each host, sorted. */
  readonly identities: ReadonlyMap<string, readonly string[]>;
  readonly virtualServices: VirtualServices;
  readonly destinationRules: DestinationRules;
  /** Oldest first. */
  readonly gateways: readonly Gateway[];
  readonly serviceEntries: readonly ServiceEntry[];
  /** What Ingress objects say. */
  readonly entrance: Entrance;
  /** What objects of the Gateway API say. */
  readonly gatewayApi: GatewayApiEntrance;
  /** What BackendTLSPolicies say, by host. */
  readonly backendTls: ReadonlyMap<string, BackendTls>;
  /** What objects of the Gateway API are told of themselves. */
  readonly statuses: readonly ObjectStatus[];
  readonly peerAuthentications: PeerAuthentications;
  readonly guards: Guards;
  readonly sidecars: Sidecars;
  /** Oldest first. */
  readonly envoyFilters: readonly EnvoyFilter[];
  readonly workloadEntries: readonly WorkloadEntry[];
  readonly workloadGroups: readonly WorkloadGroup[];
  readonly proxyConfigs: readonly ProxyConfig[];
  readonly telemetries: Telemetries;
  readonly pods: ReadonlyMap<string, Pod>;
}

/** Who speaks of a host, before it is known where it is. */
interface Claim {
  service: MeshService;
  readonly slices: readonly EndpointSlice[];
  readonly entries: ServiceEntry[];
}

const guardsOf = memo(
  (policies: readonly AuthorizationPolicy[], requests: readonly RequestAuthentication[], config: MeshConfig, keySets: KeySets) =>
    new Guards(policies, requests, config, keySets),
);

const sidecarsOf = memo((all: readonly Sidecar[], rootNamespace: string) => new Sidecars(all, rootNamespace));
const telemetriesOf = memo((all: readonly Telemetry[], config: MeshConfig) => new Telemetries(all, config));
const allRules = memo((ingress: Entrance, routes: Entrance): readonly Rules[] => [...ingress.rules, ...routes.rules]);
const routesOf = memo(
  (
    http: readonly gatewayApi.HTTPRoute[],
    grpc: readonly gatewayApi.GRPCRoute[],
    tls: readonly gatewayApi.TLSRoute[],
    tcp: readonly gatewayApi.TCPRoute[],
  ): readonly Route[] => {
    const ofKind = <T extends Route>(kind: NonNullable<T['kind']>, all: readonly T[]): Route[] => all.map((r) => ({ ...r, kind }) as Route);
    return [...ofKind('HTTPRoute', http), ...ofKind('GRPCRoute', grpc), ...ofKind('TLSRoute', tls), ...ofKind('TCPRoute', tcp)].sort(byAge);
  },
);

const statusesOf = memo((routes: readonly ObjectStatus[], policies: readonly ObjectStatus[]): readonly ObjectStatus[] => [
  ...routes,
  ...policies,
]);

function labelsOf({ metadata, spec }: WorkloadEntry): Readonly<Record<string, string>> {
  return { ...metadata?.labels, ...spec.labels };
}

/** The endpoints of an entry serve its own ports, not those that another entry adds to the host. */
function listedBy({ spec }: ServiceEntry): Listed[] {
  const ports = (spec.ports ?? []).map((p) => p.number);
  return (spec.endpoints ?? []).map((endpoint) => ({ endpoint, ports }));
}

/** Gives lists of the same objects one identity. */
function kept<T extends object>(): (list: readonly T[]) => readonly T[] {
  const none: readonly T[] = [];
  const known = memo((first: T, ...rest: T[]): readonly T[] => [first, ...rest]);
  return ([first, ...rest]) => (first ? known(first, ...rest) : none);
}

/** Makes models one after another, each out of the one before. */
export function createModeler(): (snapshot: Snapshot) => Model {
  const internService = interner<MeshService>();
  const internEndpoints = interner<MeshEndpoints>();
  const internIdentities = interner<readonly string[]>();
  const kubernetes = memo((service: Service, domain: string) => internService(serviceOfKubernetes(service, domain)));
  const entries = memo((entry: ServiceEntry, domain: string) => servicesOfEntry(entry, domain).map(internService));
  const rules = memo((object: VirtualService, domain: string) => rulesOf(object, domain));
  let policies: readonly unknown[] = [];
  let peerAuthentications: PeerAuthentications | undefined;
  /** What the endpoints of the last model were made of. */
  let placed: readonly unknown[] = [];
  let authorities: ReadonlyMap<string, ConfigMap> = new Map();
  let model: Model | undefined;

  // The policies and every object that is read are in the tuple: the result holds until one of them changes.
  const located = memo(
    (
      service: MeshService,
      policy: PeerAuthentications,
      domain: string,
      slices: readonly EndpointSlice[],
      entries: readonly ServiceEntry[],
      workloads: readonly WorkloadEntry[],
      ...pods: Pod[]
    ) => {
      const table = new Map(pods.map((p) => [`${p.metadata?.namespace}/${p.metadata?.name}`, p]));
      const podTable: PodTable = {
        byName: (key) => table.get(key),
        mutualTls: (pod) => policy.of(pod.metadata?.namespace ?? '', pod.metadata?.labels ?? {}),
      };
      const listed = [...entries.flatMap(listedBy), ...workloads.map((w): Listed => ({ endpoint: { ...w.spec, labels: labelsOf(w) } }))];
      const whole = internService(resolving(service, listed));
      const endpoints = internEndpoints(endpointsOf(whole, { slices, listed, selected: entries.length ? pods : [] }, podTable));
      return { service: whole, endpoints, identities: internIdentities(identitiesOf(service, pods, endpoints, domain)) };
    },
  );
  const slicesIn = kept<EndpointSlice>();
  const entriesIn = kept<ServiceEntry>();
  const workloadsIn = kept<WorkloadEntry>();

  const order = {
    services: ordered<Service>(),
    serviceEntries: ordered<ServiceEntry>(),
    virtualServices: ordered<VirtualService>(),
    destinationRules: ordered<DestinationRule>(),
    gateways: ordered<Gateway>(),
    ingresses: ordered<Ingress>(),
    httpRoutes: ordered<gatewayApi.HTTPRoute>(),
    grpcRoutes: ordered<gatewayApi.GRPCRoute>(),
    tlsRoutes: ordered<gatewayApi.TLSRoute>(),
    tcpRoutes: ordered<gatewayApi.TCPRoute>(),
    backendTlsPolicies: ordered<gatewayApi.BackendTLSPolicy>(),
    kubernetesGateways: ordered<gatewayApi.Gateway>(),
    referenceGrants: ordered<gatewayApi.ReferenceGrant>(),
    authorizationPolicies: ordered<AuthorizationPolicy>(),
    requestAuthentications: ordered<RequestAuthentication>(),
    sidecars: ordered<Sidecar>(),
    envoyFilters: ordered<EnvoyFilter>(),
    workloadEntries: ordered<WorkloadEntry>(),
    workloadGroups: ordered<WorkloadGroup>(),
    proxyConfigs: ordered<ProxyConfig>(),
    telemetries: ordered<Telemetry>(),
  };
  const slicesByService = memo((slices: Snapshot['endpointSlices']) => {
    const byService = new Map<string, EndpointSlice[]>();
    for (const slice of [...slices.values()].sort(byAge)) {
      const name = slice.metadata?.labels?.['kubernetes.io/service-name'];
      if (!name || slice.addressType === 'IPv6') continue;
      const key = `${slice.metadata?.namespace}/${name}`;
      const list = byService.get(key);
      if (list) list.push(slice);
      else byService.set(key, [slice]);
    }
    return byService;
  });

  type Located = Pick<Model, 'services' | 'endpoints' | 'identities'>;
  const locate = (snapshot: Snapshot, policy: PeerAuthentications): Located => {
    const { domain } = snapshot.config;
    const slicesOf = slicesByService(snapshot.endpointSlices);
    const claims = new Map<string, Claim>();
    for (const object of order.services(snapshot.services)) {
      const service = kubernetes(object, domain);
      const slices = slicesOf.get(`${service.namespace}/${service.name}`) ?? [];
      if (!claims.has(service.host)) claims.set(service.host, { service, slices, entries: [] });
    }
    for (const object of order.serviceEntries(snapshot.serviceEntries)) {
      for (const service of entries(object, domain)) {
        const known = claims.get(service.host);
        if (!known) claims.set(service.host, { service, slices: [], entries: [object] });
        else if (known.service.namespace === service.namespace) {
          known.entries.push(object);
          if (!known.slices.length) known.service = internService(joined(known.service, service));
        }
      }
    }
    const workloads = order.workloadEntries(snapshot.workloadEntries).filter(isHealthy);
    const services = new Map<string, MeshService>();
    const endpoints = new Map<string, MeshEndpoints>();
    const identities = new Map<string, readonly string[]>();
    for (const [host, { service, slices, entries: spoken }] of claims) {
      const { selector, namespace } = service;
      const chosen = (o: Pod | WorkloadEntry, labels: Readonly<Record<string, string>> | undefined): boolean =>
        o.metadata?.namespace === namespace && selects(selector, labels ?? {});
      const own = selector && workloads.length ? workloads.filter((w) => chosen(w, labelsOf(w))) : [];
      const pods =
        spoken.length && selector
          ? [...snapshot.pods.values()].filter((p) => chosen(p, p.metadata?.labels))
          : podsOfSlices(slices, namespace, (key) => snapshot.pods.get(key));
      const found = located(service, policy, domain, slicesIn(slices), entriesIn(spoken), workloadsIn(own), ...pods);
      services.set(host, found.service);
      endpoints.set(host, found.endpoints);
      identities.set(host, found.identities);
    }
    return { services, endpoints, identities };
  };

  return (snapshot) => {
    const config = meshConfigOf(snapshot.config, snapshot.configMaps.get(`${snapshot.config.rootNamespace}/istio`));
    const last = model && model.config === config ? model : undefined;

    const peers = keepArray(policies, [...snapshot.peerAuthentications.values()]);
    if (peers !== policies || !peerAuthentications || !last) {
      peerAuthentications = new PeerAuthentications(snapshot.peerAuthentications.values(), config.rootNamespace);
      policies = peers;
    }
    const { services, endpointSlices, pods, serviceEntries, workloadEntries } = snapshot;
    const sources = keepArray(placed, [services, endpointSlices, pods, serviceEntries, workloadEntries, peerAuthentications]);
    const where = last && sources === placed ? last : locate(snapshot, peerAuthentications);
    placed = sources;

    const known = keepMap(last?.services, where.services);
    const entrance = ingressEntrance(order.ingresses(snapshot.ingresses), snapshot.ingressClasses, known, snapshot.secrets, config);
    authorities = keepMap(authorities, authoritiesOf(snapshot.kubernetesGateways.values(), snapshot.configMaps));
    const ofGatewayApi = gatewayApiEntrance(
      routesOf(
        order.httpRoutes(snapshot.httpRoutes),
        order.grpcRoutes(snapshot.grpcRoutes),
        order.tlsRoutes(snapshot.tlsRoutes),
        order.tcpRoutes(snapshot.tcpRoutes),
      ),
      order.kubernetesGateways(snapshot.kubernetesGateways),
      snapshot.gatewayClasses,
      order.referenceGrants(snapshot.referenceGrants),
      snapshot.namespaces,
      known,
      snapshot.secrets,
      authorities,
      config,
    );
    const backendTls = backendTlsOf(
      order.backendTlsPolicies(snapshot.backendTlsPolicies),
      ofGatewayApi.users,
      known,
      snapshot.configMaps,
      config.domain,
    );
    model = {
      config,
      services: known,
      endpoints: keepMap(last?.endpoints, where.endpoints),
      identities: keepMap(last?.identities, where.identities),
      virtualServices: virtualServicesOf(
        last?.virtualServices,
        order.virtualServices(snapshot.virtualServices),
        (o) => rules(o, config.domain),
        config.domain,
        allRules(entrance, ofGatewayApi),
      ),
      destinationRules: destinationRulesOf(last?.destinationRules, order.destinationRules(snapshot.destinationRules), config),
      gateways: order.gateways(snapshot.gateways),
      serviceEntries: order.serviceEntries(snapshot.serviceEntries),
      entrance,
      gatewayApi: ofGatewayApi,
      backendTls: keepMap(last?.backendTls, backendTls.byHost),
      statuses: statusesOf(ofGatewayApi.statuses, backendTls.statuses),
      peerAuthentications,
      guards: guardsOf(
        order.authorizationPolicies(snapshot.authorizationPolicies),
        order.requestAuthentications(snapshot.requestAuthentications),
        config,
        snapshot.keySets,
      ),
      sidecars: sidecarsOf(order.sidecars(snapshot.sidecars), config.rootNamespace),
      envoyFilters: order.envoyFilters(snapshot.envoyFilters),
      workloadEntries: order.workloadEntries(snapshot.workloadEntries),
      workloadGroups: order.workloadGroups(snapshot.workloadGroups),
      proxyConfigs: order.proxyConfigs(snapshot.proxyConfigs),
      telemetries: telemetriesOf(order.telemetries(snapshot.telemetries), config),
      pods,
    };
    return model;
  };
}
