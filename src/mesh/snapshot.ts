import type { ConfigMap, Namespace, Pod, Secret, Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1.js';
import {
  apiVersionOf,
  AuthorizationPolicies,
  BackendTLSPolicies,
  ConfigMaps,
  DestinationRules,
  EndpointSlices,
  EnvoyFilters,
  GatewayClasses,
  Gateways,
  GRPCRoutes,
  HTTPRoutes,
  KubernetesGateways,
  ReferenceGrants,
  Secrets,
  type gatewayApi,
  IngressClasses,
  Ingresses,
  keyOf,
  keyText,
  Namespaces,
  PeerAuthentications,
  Pods,
  ProxyConfigs,
  RequestAuthentications,
  ServiceEntries,
  Services,
  Sidecars,
  TCPRoutes,
  Telemetries,
  TLSRoutes,
  VirtualServices,
  WorkloadEntries,
  WorkloadGroups,
  type AuthorizationPolicy,
  type DestinationRule,
  type EnvoyFilter,
  type Gateway,
  type KubeObject,
  type PeerAuthentication,
  type ProxyConfig,
  type RequestAuthentication,
  type Resource,
  type ServiceEntry,
  type Sidecar,
  type Telemetry,
  type VirtualService,
  type WorkloadEntry,
  type WorkloadGroup,
} from '../api/index.ts';

import type { Authorizer } from './authorizer.ts';
import type { KeySets } from './key-source.ts';
import { NO_SETTINGS, type ProxySettings } from './proxy-settings.ts';
import { noProviders, type ReportProviders } from './report-providers.ts';

/** What holds for the whole mesh. */
export interface MeshConfig {
  /** The DNS suffix of services and the trust domain of identities. */
  readonly domain: string;
  /** Policies in this namespace hold for every namespace. */
  readonly rootNamespace: string;
  /** What a sidecar does with a destination nobody declared. */
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  /** Who may be asked whether requests pass. */
  readonly authorizers: readonly Authorizer[];
  /** What proxies are started with. */
  readonly proxies: ProxySettings;
  /** Where logs and spans can go. */
  readonly reports: ReportProviders;
  /** The port of the machine behind which the ingress gateway speaks HTTPS. */
  readonly httpsPort?: number;
  /** The address under which the machine reaches the ingress gateway. */
  readonly hostAddress?: string;
}

export const defaultMeshConfig: MeshConfig = {
  domain: 'cluster.local',
  rootNamespace: 'istio-system',
  outboundTrafficPolicy: 'ALLOW_ANY',
  authorizers: [],
  proxies: NO_SETTINGS,
  reports: noProviders,
};

/**
 * All that the mesh is made of, at one moment. Maps are keyed by `namespace/name` (namespaces by name).
 * An object that did not change must be the same object as in the snapshot before: that is what makes a change cheap.
 * A map in which something changed must be another map: one that is the same is not looked into.
 */
export interface Snapshot {
  readonly config: MeshConfig;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly services: ReadonlyMap<string, Service>;
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly virtualServices: ReadonlyMap<string, VirtualService>;
  readonly destinationRules: ReadonlyMap<string, DestinationRule>;
  readonly gateways: ReadonlyMap<string, Gateway>;
  readonly serviceEntries: ReadonlyMap<string, ServiceEntry>;
  readonly peerAuthentications: ReadonlyMap<string, PeerAuthentication>;
  readonly authorizationPolicies: ReadonlyMap<string, AuthorizationPolicy>;
  readonly requestAuthentications: ReadonlyMap<string, RequestAuthentication>;
  readonly sidecars: ReadonlyMap<string, Sidecar>;
  readonly envoyFilters: ReadonlyMap<string, EnvoyFilter>;
  readonly workloadEntries: ReadonlyMap<string, WorkloadEntry>;
  readonly workloadGroups: ReadonlyMap<string, WorkloadGroup>;
  readonly proxyConfigs: ReadonlyMap<string, ProxyConfig>;
  readonly telemetries: ReadonlyMap<string, Telemetry>;
  /** Of these, `istio` in the root namespace is the mesh's own. */
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly ingresses: ReadonlyMap<string, Ingress>;
  readonly ingressClasses: ReadonlyMap<string, IngressClass>;
  readonly gatewayClasses: ReadonlyMap<string, gatewayApi.GatewayClass>;
  readonly kubernetesGateways: ReadonlyMap<string, gatewayApi.Gateway>;
  readonly httpRoutes: ReadonlyMap<string, gatewayApi.HTTPRoute>;
  readonly grpcRoutes: ReadonlyMap<string, gatewayApi.GRPCRoute>;
  readonly tlsRoutes: ReadonlyMap<string, gatewayApi.TLSRoute>;
  readonly tcpRoutes: ReadonlyMap<string, gatewayApi.TCPRoute>;
  readonly backendTlsPolicies: ReadonlyMap<string, gatewayApi.BackendTLSPolicy>;
  readonly referenceGrants: ReadonlyMap<string, gatewayApi.ReferenceGrant>;
  /** Whether certificates are there; what is in them goes over SDS. */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Keys of issuers that were fetched for RequestAuthentications. */
  readonly keySets: KeySets;
}

/** Where each kind goes in a snapshot; whoever fills one needs to watch exactly these. */
export const snapshotKinds = {
  namespaces: Namespaces,
  services: Services,
  endpointSlices: EndpointSlices,
  pods: Pods,
  virtualServices: VirtualServices,
  destinationRules: DestinationRules,
  gateways: Gateways,
  serviceEntries: ServiceEntries,
  peerAuthentications: PeerAuthentications,
  authorizationPolicies: AuthorizationPolicies,
  requestAuthentications: RequestAuthentications,
  sidecars: Sidecars,
  envoyFilters: EnvoyFilters,
  workloadEntries: WorkloadEntries,
  workloadGroups: WorkloadGroups,
  proxyConfigs: ProxyConfigs,
  telemetries: Telemetries,
  configMaps: ConfigMaps,
  ingresses: Ingresses,
  ingressClasses: IngressClasses,
  gatewayClasses: GatewayClasses,
  kubernetesGateways: KubernetesGateways,
  httpRoutes: HTTPRoutes,
  grpcRoutes: GRPCRoutes,
  tlsRoutes: TLSRoutes,
  tcpRoutes: TCPRoutes,
  backendTlsPolicies: BackendTLSPolicies,
  referenceGrants: ReferenceGrants,
  secrets: Secrets,
} as const satisfies Record<keyof Omit<Snapshot, 'config' | 'keySets'>, Resource>;

/** A snapshot of the objects given; those of other kinds are left out. */
export function snapshotOf(objects: Iterable<KubeObject>, config: MeshConfig = defaultMeshConfig): Snapshot {
  const fields = new Map<string, Map<string, KubeObject>>();
  const byKind = new Map<string, Map<string, KubeObject>>();
  for (const [field, resource] of Object.entries(snapshotKinds)) {
    const map = new Map<string, KubeObject>();
    fields.set(field, map);
    byKind.set(`${apiVersionOf(resource)}/${resource.kind}`, map);
  }
  for (const object of objects) byKind.get(`${object.apiVersion}/${object.kind}`)?.set(keyText(keyOf(object)), object);
  return { config, keySets: new Map(), ...Object.fromEntries(fields) } as unknown as Snapshot;
}
