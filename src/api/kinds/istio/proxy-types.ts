/** Shapes of the Istio kinds that are about proxies themselves, and about workloads that are no pods. */
import type { ObjectMeta } from '../../object.ts';
import type { IstioCondition, WorkloadEntrySpec } from './types.ts';

interface Object<Kind extends string, Spec> {
  apiVersion?: string;
  kind?: Kind;
  metadata?: ObjectMeta;
  spec: Spec;
  status?: { conditions?: IstioCondition[]; observedGeneration?: number };
}

export interface TargetRef {
  group?: string;
  kind: string;
  name: string;
  namespace?: string;
}

export type PatchTarget =
  | 'LISTENER'
  | 'FILTER_CHAIN'
  | 'NETWORK_FILTER'
  | 'HTTP_FILTER'
  | 'LISTENER_FILTER'
  | 'ROUTE_CONFIGURATION'
  | 'VIRTUAL_HOST'
  | 'HTTP_ROUTE'
  | 'CLUSTER'
  | 'EXTENSION_CONFIG'
  | 'BOOTSTRAP';

export type PatchOperation =
  | 'MERGE'
  | 'MERGE_AND_REPLACE_LIST'
  | 'ADD'
  | 'REMOVE'
  | 'INSERT_BEFORE'
  | 'INSERT_AFTER'
  | 'INSERT_FIRST'
  | 'REPLACE';

export interface PatchMatch {
  context?: 'ANY' | 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY' | 'WAYPOINT';
  proxy?: { proxyVersion?: string; metadata?: Record<string, string> };
  listener?: {
    name?: string;
    portNumber?: number;
    portName?: string;
    listenerFilter?: string;
    filterChain?: {
      name?: string;
      sni?: string;
      transportProtocol?: string;
      applicationProtocols?: string;
      destinationPort?: number;
      filter?: { name?: string; subFilter?: { name?: string } };
    };
  };
  routeConfiguration?: {
    name?: string;
    portNumber?: number;
    portName?: string;
    gateway?: string;
    vhost?: {
      name?: string;
      domainName?: string;
      route?: { name?: string; action?: 'ANY' | 'ROUTE' | 'REDIRECT' | 'DIRECT_RESPONSE' };
    };
  };
  cluster?: { name?: string; portNumber?: number; service?: string; subset?: string };
}

export interface ConfigPatch {
  applyTo: PatchTarget;
  match?: PatchMatch;
  patch: {
    operation: PatchOperation;
    value?: Record<string, unknown>;
    filterClass?: 'UNSPECIFIED' | 'AUTHN' | 'AUTHZ' | 'STATS';
  };
}

export interface EnvoyFilterSpec {
  workloadSelector?: { labels?: Record<string, string> };
  targetRefs?: TargetRef[];
  configPatches?: ConfigPatch[];
  priority?: number;
}
export type EnvoyFilter = Object<'EnvoyFilter', EnvoyFilterSpec>;

export type WorkloadEntry = Object<'WorkloadEntry', WorkloadEntrySpec>;

export interface WorkloadGroupSpec {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  template: WorkloadEntrySpec;
  probe?: unknown;
}
export type WorkloadGroup = Object<'WorkloadGroup', WorkloadGroupSpec>;

/** Of a proxy: what its workload sends out, or what comes in. */
export type WorkloadMode = 'CLIENT_AND_SERVER' | 'CLIENT' | 'SERVER';

/** One of `extensionProviders` of the mesh's configuration. */
export interface ProviderRef {
  name: string;
}

export interface AccessLogging {
  match?: { mode?: WorkloadMode };
  providers?: ProviderRef[];
  disabled?: boolean;
  filter?: { expression?: string };
}

export interface TagOverride {
  operation?: 'UPSERT' | 'REMOVE';
  /** An expression. */
  value?: string;
}

export interface MetricsOverride {
  match?: { metric?: string; customMetric?: string; mode?: WorkloadMode };
  disabled?: boolean;
  tagOverrides?: Record<string, TagOverride>;
}

export interface Metrics {
  providers?: ProviderRef[];
  overrides?: MetricsOverride[];
  reportingInterval?: string;
}

export interface CustomTag {
  literal?: { value?: string };
  environment?: { name?: string; defaultValue?: string };
  header?: { name?: string; defaultValue?: string };
  formatter?: { value?: string };
}

export interface Tracing {
  match?: { mode?: WorkloadMode };
  providers?: ProviderRef[];
  randomSamplingPercentage?: number;
  disableSpanReporting?: boolean;
  customTags?: Record<string, CustomTag>;
  useRequestIdForTraceSampling?: boolean;
  enableIstioTags?: boolean;
  disableContextPropagation?: boolean;
}

export interface TelemetrySpec {
  selector?: { matchLabels?: Record<string, string> };
  targetRef?: TargetRef;
  targetRefs?: TargetRef[];
  metrics?: Metrics[];
  tracing?: Tracing[];
  accessLogging?: AccessLogging[];
}
export type Telemetry = Object<'Telemetry', TelemetrySpec>;

export interface ProxyConfigSpec {
  selector?: { matchLabels?: Record<string, string> };
  /** Threads; 0 for one a processor. */
  concurrency?: number;
  environmentVariables?: Record<string, string>;
  image?: { imageType?: string };
}
export type ProxyConfig = Object<'ProxyConfig', ProxyConfigSpec>;
