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

export interface TelemetrySpec {
  metrics?: unknown[];
  tracing?: unknown[];
  accessLogging?: unknown[];
}
export type Telemetry = Object<'Telemetry', TelemetrySpec>;

export type ProxyConfig = Object<'ProxyConfig', { concurrency?: number; environmentVariables?: Record<string, string>; image?: unknown }>;
