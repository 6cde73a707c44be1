/** Shapes of the Gateway API (gateway.networking.k8s.io), as far as they are served. */
import type { ObjectMeta } from '../../object.ts';

interface Object<Kind extends string, Spec, Status> {
  apiVersion?: string;
  kind?: Kind;
  metadata?: ObjectMeta;
  spec: Spec;
  status?: Status;
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

export type GatewayClass = Object<'GatewayClass', { controllerName: string; description?: string }, { conditions?: Condition[] }>;

export interface ObjectRef {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
}

export interface RouteKind {
  group?: string;
  kind: string;
}

export interface Listener {
  name: string;
  port: number;
  protocol: string;
  hostname?: string;
  tls?: { mode?: 'Terminate' | 'Passthrough'; certificateRefs?: ObjectRef[]; options?: Record<string, string> };
  allowedRoutes?: {
    namespaces?: { from?: 'All' | 'Same' | 'Selector'; selector?: LabelSelector };
    kinds?: RouteKind[];
  };
  filters?: unknown;
}

interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

export interface ListenerStatus {
  name: string;
  supportedKinds: RouteKind[];
  attachedRoutes: number;
  conditions: Condition[];
}

export interface GatewayStatus {
  addresses?: { type: string; value: string }[];
  conditions?: Condition[];
  listeners?: ListenerStatus[];
}

/** What clients have to show. */
interface FrontendTls {
  validation?: { caCertificateRefs?: ObjectRef[]; mode?: 'AllowValidOnly' | 'AllowInsecureFallback' };
}

export type Gateway = Object<
  'Gateway',
  {
    gatewayClassName: string;
    listeners: Listener[];
    addresses?: { type?: string; value?: string }[];
    allowedListeners?: unknown;
    defaultScope?: 'All' | 'None';
    infrastructure?: unknown;
    tls?: { backend?: unknown; frontend?: { default?: FrontendTls; perPort?: { port: number; tls?: FrontendTls }[] } };
  },
  GatewayStatus
>;

export interface ParentRef extends ObjectRef {
  sectionName?: string;
  port?: number;
}

export interface RouteParentStatus {
  parentRef: ParentRef;
  controllerName: string;
  conditions: Condition[];
}

export interface RouteStatus {
  parents: RouteParentStatus[];
}

export interface ValueMatch {
  type?: 'Exact' | 'RegularExpression';
  name: string;
  value: string;
}

export interface Header {
  name: string;
  value: string;
}

export interface HeaderModifier {
  set?: Header[];
  add?: Header[];
  remove?: string[];
}

export interface PathModifier {
  type: 'ReplaceFullPath' | 'ReplacePrefixMatch';
  replaceFullPath?: string;
  replacePrefixMatch?: string;
}

/** A filter of an HTTPRoute; GRPCRoute has some of them. */
export interface RouteFilter {
  type: string;
  requestHeaderModifier?: HeaderModifier;
  responseHeaderModifier?: HeaderModifier;
  requestRedirect?: { scheme?: string; hostname?: string; port?: number; path?: PathModifier; statusCode?: number };
  urlRewrite?: { hostname?: string; path?: PathModifier };
  requestMirror?: { backendRef: BackendRef; percent?: number; fraction?: { numerator: number; denominator?: number } };
  cors?: {
    allowOrigins?: string[];
    allowMethods?: string[];
    allowHeaders?: string[];
    exposeHeaders?: string[];
    allowCredentials?: boolean;
    maxAge?: number;
  };
}

export interface BackendRef extends ObjectRef {
  port?: number;
  weight?: number;
  filters?: RouteFilter[];
}

export interface HTTPMatch {
  path?: { type?: 'Exact' | 'PathPrefix' | 'RegularExpression'; value?: string };
  headers?: ValueMatch[];
  queryParams?: ValueMatch[];
  method?: string;
}

export interface RouteRule<Match> {
  name?: string;
  matches?: Match[];
  filters?: RouteFilter[];
  backendRefs?: BackendRef[];
  timeouts?: { request?: string; backendRequest?: string };
  retry?: { codes?: number[]; attempts?: number; backoff?: string };
  sessionPersistence?: {
    type?: 'Cookie' | 'Header';
    absoluteTimeout?: string;
    cookie?: { name?: string; path?: string; lifetimeType?: 'Permanent' | 'Session' };
    header?: { name: string };
  };
}

/** Whether a route holds at Gateways that it does not name. */
interface Defaulting {
  useDefaultGateways?: 'All' | 'None';
}

interface Route<Match> extends Defaulting {
  parentRefs?: ParentRef[];
  hostnames?: string[];
  rules?: RouteRule<Match>[];
}

export type HTTPRoute = Object<'HTTPRoute', Route<HTTPMatch>, RouteStatus>;

export interface GRPCMatch {
  method?: { type?: 'Exact' | 'RegularExpression'; service?: string; method?: string };
  headers?: ValueMatch[];
}
export type GRPCRoute = Object<'GRPCRoute', Route<GRPCMatch>, RouteStatus>;

/** A rule of routes that carry bytes: all of them go there. */
export interface ByteRule {
  name?: string;
  backendRefs?: BackendRef[];
}
export type TLSRoute = Object<'TLSRoute', Defaulting & { parentRefs?: ParentRef[]; hostnames?: string[]; rules?: ByteRule[] }, RouteStatus>;
export type TCPRoute = Object<'TCPRoute', Defaulting & { parentRefs?: ParentRef[]; rules?: ByteRule[] }, RouteStatus>;

export interface SubjectAltName {
  type: 'Hostname' | 'URI';
  hostname?: string;
  uri?: string;
}

export type BackendTLSPolicy = Object<
  'BackendTLSPolicy',
  {
    options?: Record<string, string>;
    targetRefs: { group: string; kind: string; name: string; sectionName?: string }[];
    validation: {
      hostname: string;
      caCertificateRefs?: { group: string; kind: string; name: string }[];
      wellKnownCACertificates?: string;
      subjectAltNames?: SubjectAltName[];
    };
  },
  PolicyStatus
>;

export interface PolicyStatus {
  ancestors: { ancestorRef: ParentRef; controllerName: string; conditions: Condition[] }[];
}

export type ReferenceGrant = Object<
  'ReferenceGrant',
  { from: { group: string; kind: string; namespace: string }[]; to: { group: string; kind: string; name?: string }[] },
  never
>;
