import type { ConfigMap, Pod } from 'kubernetes-types/core/v1.js';
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
import { createDestinationRules, type DestinationRules } from './destination-rule.ts';
import type { Entrance } from './entrance.ts';
import { backendTlsOf, type BackendTls } from './backend-tls.ts';
import { Guards } from './guard.ts';
import { gatewayApiEntrance, type GatewayApiEntrance } from './gateway-api.ts';
import { authoritiesOf } from './gateway-clients.ts';
import type { Route } from './gateway-route.ts';
import type { ObjectStatus } from './gateway-status.ts';
import { ingressEntrance } from './ingress.ts';
import type { KeySets } from './key-source.ts';
import { createLocator, type Located } from './locate.ts';
import { keepArray, keepMap, memo } from './memo.ts';
import type { Problem } from './problem.ts';
import { PeerAuthentications } from './peer-authentication.ts';
import { meshConfigOf } from './mesh-config.ts';
import { Sidecars } from './sidecar.ts';
import { createScreen } from './sound-objects.ts';
import type { MeshConfig, Snapshot } from './snapshot.ts';
import { Telemetries } from './telemetry.ts';
import { createVirtualServices, type Rules, type VirtualServices } from './virtual-service.ts';

/** What the objects of a snapshot mean. Every part keeps its identity for as long as it says the same. */
export interface Model extends Located {
  readonly config: MeshConfig;
  /** What is said of objects that are left out for their shape. */
  readonly misshapen: readonly Problem[];
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

/** Makes models one after another, each out of the one before. */
export function createModeler(): (snapshot: Snapshot) => Model {
  const screen = createScreen();
  const locate = createLocator();
  const destinationRulesOf = createDestinationRules();
  const virtualServicesOf = createVirtualServices();
  let policies: readonly unknown[] = [];
  let peerAuthentications: PeerAuthentications | undefined;
  let authorities: ReadonlyMap<string, ConfigMap> = new Map();
  let model: Model | undefined;

  const order = {
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

  return (given) => {
    const { snapshot, problems: misshapen } = screen(given);
    const config = meshConfigOf(snapshot.config, snapshot.configMaps.get(`${snapshot.config.rootNamespace}/istio`));
    const last = model && model.config === config ? model : undefined;

    const peers = keepArray(policies, [...snapshot.peerAuthentications.values()]);
    if (peers !== policies || !peerAuthentications || !last) {
      peerAuthentications = new PeerAuthentications(snapshot.peerAuthentications.values(), config.rootNamespace);
      policies = peers;
    }
    const { services: known, endpoints, identities } = locate(snapshot, peerAuthentications);
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
      misshapen,
      services: known,
      endpoints,
      identities,
      virtualServices: virtualServicesOf(order.virtualServices(snapshot.virtualServices), allRules(entrance, ofGatewayApi), config.domain),
      destinationRules: destinationRulesOf(order.destinationRules(snapshot.destinationRules), config),
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
      pods: snapshot.pods,
    };
    return model;
  };
}
