/** Shapes of the Istio kinds (networking.istio.io, security.istio.io). */
import type { ObjectMeta } from '../../object.ts';

interface Object<Kind extends string, Spec> {
  apiVersion?: string;
  kind?: Kind;
  metadata?: ObjectMeta;
  spec: Spec;
  status?: { conditions?: IstioCondition[]; observedGeneration?: number };
}

export interface IstioCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

export interface StringMatch {
  exact?: string;
  prefix?: string;
  regex?: string;
}

export interface Destination {
  host: string;
  subset?: string;
  port?: { number?: number };
}

export interface HeaderOperations {
  set?: Record<string, string>;
  add?: Record<string, string>;
  remove?: string[];
}

export interface Headers {
  request?: HeaderOperations;
  response?: HeaderOperations;
}

export interface HTTPMatchRequest {
  name?: string;
  uri?: StringMatch;
  scheme?: StringMatch;
  method?: StringMatch;
  authority?: StringMatch;
  headers?: Record<string, StringMatch>;
  withoutHeaders?: Record<string, StringMatch>;
  queryParams?: Record<string, StringMatch>;
  ignoreUriCase?: boolean;
  port?: number;
  sourceLabels?: Record<string, string>;
  sourceNamespace?: string;
  gateways?: string[];
  statPrefix?: string;
}

export interface HTTPRouteDestination {
  destination: Destination;
  weight?: number;
  headers?: Headers;
}

export interface Percent {
  value?: number;
}

export interface HTTPFault {
  delay?: { fixedDelay?: string; exponentialDelay?: string; percentage?: Percent; percent?: number };
  abort?: { httpStatus?: number; grpcStatus?: string; http2Error?: string; percentage?: Percent };
}

export interface HTTPRetry {
  attempts?: number;
  perTryTimeout?: string;
  retryOn?: string;
  retryRemoteLocalities?: boolean;
  retryIgnorePreviousHosts?: boolean;
  backoff?: string;
}

export interface CorsPolicy {
  allowOrigin?: string[];
  allowOrigins?: StringMatch[];
  allowMethods?: string[];
  allowHeaders?: string[];
  exposeHeaders?: string[];
  maxAge?: string;
  allowCredentials?: boolean;
  unmatchedPreflights?: string;
}

export interface HTTPRoute {
  name?: string;
  match?: HTTPMatchRequest[];
  route?: HTTPRouteDestination[];
  redirect?: {
    uri?: string;
    prefixRewrite?: string;
    authority?: string;
    port?: number;
    derivePort?: string;
    scheme?: string;
    redirectCode?: number;
  };
  directResponse?: { status: number; body?: { string?: string; bytes?: string } };
  delegate?: { name?: string; namespace?: string };
  rewrite?: { uri?: string; authority?: string; uriRegexRewrite?: { match?: string; rewrite?: string } };
  timeout?: string;
  retries?: HTTPRetry;
  fault?: HTTPFault;
  mirror?: Destination;
  mirrors?: { destination: Destination; percentage?: Percent }[];
  mirrorPercentage?: Percent;
  mirrorPercent?: number;
  mirror_percent?: number;
  corsPolicy?: CorsPolicy;
  headers?: Headers;
}

export interface L4RouteDestination {
  destination: Destination;
  weight?: number;
}

export interface L4Match {
  destinationSubnets?: string[];
  port?: number;
  sourceLabels?: Record<string, string>;
  gateways?: string[];
  sourceNamespace?: string;
}

export interface VirtualServiceSpec {
  hosts?: string[];
  gateways?: string[];
  http?: HTTPRoute[];
  tls?: { match: (L4Match & { sniHosts: string[] })[]; route?: L4RouteDestination[] }[];
  tcp?: { match?: (L4Match & { sourceSubnet?: string })[]; route?: L4RouteDestination[] }[];
  exportTo?: string[];
}
export type VirtualService = Object<'VirtualService', VirtualServiceSpec>;

export interface LoadBalancer {
  simple?: 'UNSPECIFIED' | 'RANDOM' | 'PASSTHROUGH' | 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'LEAST_CONN';
  consistentHash?: {
    httpHeaderName?: string;
    httpCookie?: { name: string; path?: string; ttl?: string; attributes?: { name: string; value?: string }[] };
    useSourceIp?: boolean;
    httpQueryParameterName?: string;
    ringHash?: { minimumRingSize?: number };
    maglev?: { tableSize?: number };
    minimumRingSize?: number;
  };
  localityLbSetting?: LocalitySetting;
  zoneAwareLbSetting?: unknown;
  warmupDurationSecs?: string;
  warmup?: { duration: string; minimumPercent?: number; aggression?: number };
}

export interface LocalitySetting {
  enabled?: boolean;
  distribute?: { from?: string; to?: Record<string, number> }[];
  failover?: { from?: string; to?: string }[];
  failoverPriority?: string[];
}

export interface ConnectionPool {
  tcp?: {
    maxConnections?: number;
    connectTimeout?: string;
    tcpKeepalive?: { probes?: number; time?: string; interval?: string };
    maxConnectionDuration?: string;
    idleTimeout?: string;
  };
  http?: {
    http1MaxPendingRequests?: number;
    http2MaxRequests?: number;
    maxRequestsPerConnection?: number;
    maxRetries?: number;
    idleTimeout?: string;
    h2UpgradePolicy?: 'DEFAULT' | 'DO_NOT_UPGRADE' | 'UPGRADE';
    useClientProtocol?: boolean;
    maxConcurrentStreams?: number;
    http2KeepAlive?: { interval?: string; timeout?: string };
  };
}

export interface OutlierDetection {
  consecutiveErrors?: number;
  splitExternalLocalOriginErrors?: boolean;
  consecutiveLocalOriginFailures?: number;
  consecutiveGatewayErrors?: number;
  consecutive5xxErrors?: number;
  interval?: string;
  baseEjectionTime?: string;
  maxEjectionPercent?: number;
  minHealthPercent?: number;
  outlierDetectionHttpErrorCodes?: number[];
}

export interface ClientTls {
  mode?: 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';
  clientCertificate?: string;
  privateKey?: string;
  caCertificates?: string;
  caCrl?: string;
  credentialName?: string;
  subjectAltNames?: string[];
  sni?: string;
  insecureSkipVerify?: boolean;
}

export interface PortTrafficPolicy {
  port?: { number?: number };
  loadBalancer?: LoadBalancer;
  connectionPool?: ConnectionPool;
  outlierDetection?: OutlierDetection;
  tls?: ClientTls;
}

export interface TrafficPolicy extends Omit<PortTrafficPolicy, 'port'> {
  portLevelSettings?: PortTrafficPolicy[];
  tunnel?: Tunnel;
  proxyProtocol?: ProxyProtocol;
  retryBudget?: RetryBudget;
}

/** TCP inside of an HTTP request to a proxy. */
export interface Tunnel {
  protocol?: 'CONNECT' | 'POST';
  targetHost: string;
  targetPort: number;
}

export interface ProxyProtocol {
  version?: 'V1' | 'V2';
}

/** Retries as a share of the requests in flight. */
export interface RetryBudget {
  percent?: number;
  budgetInterval?: string;
  minRetryConcurrency?: number;
}

export interface Subset {
  name: string;
  labels?: Record<string, string>;
  trafficPolicy?: TrafficPolicy;
}

export interface DestinationRuleSpec {
  host: string;
  trafficPolicy?: TrafficPolicy;
  subsets?: Subset[];
  exportTo?: string[];
  workloadSelector?: { matchLabels?: Record<string, string> };
}
export type DestinationRule = Object<'DestinationRule', DestinationRuleSpec>;

export interface GatewayServer {
  port: { number: number; protocol: string; name: string; targetPort?: number };
  bind?: string;
  hosts: string[];
  tls?: {
    httpsRedirect?: boolean;
    mode?: 'PASSTHROUGH' | 'SIMPLE' | 'MUTUAL' | 'AUTO_PASSTHROUGH' | 'ISTIO_MUTUAL' | 'OPTIONAL_MUTUAL';
    credentialName?: string;
    credentialNames?: string[];
    caCertCredentialName?: string;
    serverCertificate?: string;
    privateKey?: string;
    caCertificates?: string;
    caCrl?: string;
    tlsCertificates?: { serverCertificate?: string; privateKey?: string; caCertificates?: string }[];
    verifyCertificateHash?: string[];
    verifyCertificateSpki?: string[];
    insecureSkipVerify?: boolean;
    minProtocolVersion?: string;
    maxProtocolVersion?: string;
    cipherSuites?: string[];
    subjectAltNames?: string[];
  };
  name?: string;
  defaultEndpoint?: string;
}
export interface GatewaySpec {
  servers?: GatewayServer[];
  selector?: Record<string, string>;
}
export type Gateway = Object<'Gateway', GatewaySpec>;

export interface WorkloadEntrySpec {
  address?: string;
  ports?: Record<string, number>;
  labels?: Record<string, string>;
  network?: string;
  locality?: string;
  weight?: number;
  serviceAccount?: string;
}
export interface ServiceEntrySpec {
  hosts: string[];
  addresses?: string[];
  ports?: { number: number; protocol?: string; name: string; targetPort?: number }[];
  location?: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  resolution?: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS';
  endpoints?: WorkloadEntrySpec[];
  workloadSelector?: { labels?: Record<string, string> };
  exportTo?: string[];
  subjectAltNames?: string[];
}
export type ServiceEntry = Object<'ServiceEntry', ServiceEntrySpec>;

export type OutboundPolicy = 'ALLOW_ANY' | 'REGISTRY_ONLY';
export interface SidecarIngress {
  port: { number: number; protocol?: string; name?: string; targetPort?: number };
  bind?: string;
  captureMode?: string;
  defaultEndpoint?: string;
  tls?: unknown;
  connectionPool?: ConnectionPool;
}
export interface SidecarSpec {
  workloadSelector?: { labels?: Record<string, string> };
  ingress?: SidecarIngress[];
  egress?: { port?: { number?: number }; bind?: string; captureMode?: string; hosts?: string[] }[];
  outboundTrafficPolicy?: { mode?: OutboundPolicy; egressProxy?: unknown };
  inboundConnectionPool?: ConnectionPool;
}
export type Sidecar = Object<'Sidecar', SidecarSpec>;

export type MutualTlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';
export interface PeerAuthenticationSpec {
  selector?: { matchLabels?: Record<string, string> };
  mtls?: { mode?: MutualTlsMode };
  portLevelMtls?: Record<string, { mode?: MutualTlsMode }>;
}
export type PeerAuthentication = Object<'PeerAuthentication', PeerAuthenticationSpec>;

type Lists<Name extends string> = { readonly [name in Name | `not${Capitalize<Name>}`]?: string[] };

/** Who asks: all fields that are given must hold, of each list any value. */
export type AuthorizationSource = Lists<
  'principals' | 'requestPrincipals' | 'namespaces' | 'serviceAccounts' | 'trustDomains' | 'ipBlocks' | 'remoteIpBlocks'
>;
/** What is asked for, likewise. */
export type AuthorizationOperation = Lists<'hosts' | 'ports' | 'methods' | 'paths'>;

export interface AuthorizationCondition {
  key: string;
  values?: string[];
  notValues?: string[];
}
export interface AuthorizationRule {
  from?: { source?: AuthorizationSource }[];
  to?: { operation?: AuthorizationOperation }[];
  when?: AuthorizationCondition[];
}
/** What a policy is attached to in place of workloads. */
export interface PolicyTarget {
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
}
export interface AuthorizationPolicySpec {
  selector?: { matchLabels?: Record<string, string> };
  targetRef?: PolicyTarget;
  targetRefs?: PolicyTarget[];
  action?: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';
  provider?: { name?: string };
  rules?: AuthorizationRule[];
}
export type AuthorizationPolicy = Object<'AuthorizationPolicy', AuthorizationPolicySpec>;

export interface JwtRule {
  issuer?: string;
  audiences?: string[];
  jwks?: string;
  jwksUri?: string;
  /** As it once was written. */
  jwks_uri?: string;
  fromHeaders?: { name: string; prefix?: string }[];
  fromParams?: string[];
  fromCookies?: string[];
  forwardOriginalToken?: boolean;
  outputPayloadToHeader?: string;
  outputClaimToHeaders?: { header: string; claim: string }[];
  spaceDelimitedClaims?: string[];
  timeout?: string;
}
export interface RequestAuthenticationSpec {
  selector?: { matchLabels?: Record<string, string> };
  targetRef?: PolicyTarget;
  targetRefs?: PolicyTarget[];
  jwtRules?: JwtRule[];
}
export type RequestAuthentication = Object<'RequestAuthentication', RequestAuthenticationSpec>;
