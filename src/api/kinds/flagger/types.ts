/** Shapes of the Flagger kinds (flagger.app/v1beta1). */
import type { ObjectMeta } from '../../object.ts';
import type { CorsPolicy, Headers, HTTPMatchRequest, HTTPRetry, StringMatch, TrafficPolicy } from '../istio/types.ts';

export type CanaryPhase =
  | ''
  | 'Initializing'
  | 'Initialized'
  | 'Waiting'
  | 'Progressing'
  | 'WaitingPromotion'
  | 'Promoting'
  | 'Finalising'
  | 'Succeeded'
  | 'Failed'
  | 'Terminating'
  | 'Terminated';

export interface CrossNamespaceReference {
  apiVersion?: string;
  kind?: string;
  name: string;
  namespace?: string;
}

export interface CanaryMetric {
  name: string;
  interval?: string;
  threshold?: number;
  thresholdRange?: { min?: number; max?: number };
  query?: string;
  templateRef?: CrossNamespaceReference;
  templateVariables?: Record<string, string>;
  minRequests?: number;
  inconclusive?: '' | 'wait' | 'fail';
}

export type WebhookType =
  | ''
  | 'confirm-rollout'
  | 'pre-rollout'
  | 'rollout'
  | 'confirm-traffic-increase'
  | 'confirm-promotion'
  | 'post-rollout'
  | 'rollback'
  | 'event';

export interface CanaryWebhook {
  type?: WebhookType;
  name: string;
  url: string;
  timeout?: string;
  retries?: number;
  disableTLS?: boolean;
  muteAlert?: boolean;
  metadata?: Record<string, string>;
}

export interface SessionAffinity {
  cookieName: string;
  primaryCookieName?: string;
  /** Seconds. */
  maxAge?: number;
  domain?: string;
  path?: string;
  sameSite?: string;
  secure?: boolean;
  httpOnly?: boolean;
  partitioned?: boolean;
}

export interface CanaryAnalysis {
  interval?: string;
  threshold?: number;
  maxWeight?: number;
  stepWeight?: number;
  stepWeights?: number[];
  stepWeightPromotion?: number;
  iterations?: number;
  mirror?: boolean;
  mirrorWeight?: number;
  primaryReadyThreshold?: number;
  canaryReadyThreshold?: number;
  match?: { headers?: Record<string, StringMatch>; queryParams?: Record<string, StringMatch>; sourceLabels?: Record<string, string> }[];
  metrics?: CanaryMetric[];
  judge?: { enabled?: boolean; alpha?: number; margin?: number; promoteEarly?: boolean; promoteAlpha?: number };
  alerts?: { name: string; severity?: '' | 'info' | 'warn' | 'error'; providerRef: CrossNamespaceReference }[];
  webhooks?: CanaryWebhook[];
  sessionAffinity?: SessionAffinity;
  /** While traffic is shared by weights, requests with this header as `canary` reach the canary. */
  previewHeader?: string;
}

export interface CanaryService {
  name?: string;
  port: number;
  portName?: string;
  targetPort?: number | string;
  appProtocol?: string;
  portDiscovery?: boolean;
  headless?: boolean;
  timeout?: string;
  gateways?: string[];
  gatewayRefs?: unknown[];
  hosts?: string[];
  delegation?: boolean;
  trafficPolicy?: TrafficPolicy;
  match?: HTTPMatchRequest[];
  rewrite?: { uri?: string; authority?: string; type?: string };
  retries?: HTTPRetry;
  headers?: Headers;
  corsPolicy?: CorsPolicy;
  mirror?: unknown[];
  apex?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  primary?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  canary?: { labels?: Record<string, string>; annotations?: Record<string, string> };
}

export interface CanarySpec {
  provider?: string;
  metricsServer?: string;
  targetRef: { apiVersion: string; kind: string; name: string };
  autoscalerRef?: {
    apiVersion: string;
    kind: string;
    name: string;
    primaryScalerReplicas?: { minReplicas?: number; maxReplicas?: number };
    primaryScalerQueries?: Record<string, string>;
  };
  ingressRef?: { apiVersion: string; kind: string; name: string };
  routeRef?: { apiVersion: string; kind: string; name: string };
  service: CanaryService;
  analysis: CanaryAnalysis;
  progressDeadlineSeconds?: number;
  /** How long the version before is kept warm after a promotion; 10m when absent. */
  undoWindow?: string;
  skipAnalysis?: boolean;
  revertOnDeletion?: boolean;
  suspend?: boolean;
}

export interface CanaryCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastUpdateTime?: string;
  lastTransitionTime?: string;
}

/** What comparing the canary with the primary has come to. */
export interface CanaryJudgement {
  verdict: 'harm' | 'safe' | 'undecided' | 'silent';
  message: string;
  eValue?: number;
  proofAt?: number;
  tests?: {
    name: string;
    primaryRequests: number;
    primaryBad: number;
    canaryRequests: number;
    canaryBad: number;
    eValue: number;
  }[];
  time?: string;
}

export interface CanaryMetricEvidence {
  name: string;
  result: 'pass' | 'fail' | 'inconclusive';
  value?: number;
  min?: number;
  max?: number;
  /** How far was looked back. */
  interval?: string;
  /** Why it is inconclusive. */
  reason?: string;
}

/** What keeps a pod from being ready, in the words of its node. */
export interface CanaryTrouble {
  pod: string;
  container?: string;
  reason: string;
  message?: string;
}

/** A request that the canary did not answer as it should. */
export interface CanaryBadRequest {
  /** Its `x-request-id`, as logs and traces have it. */
  id: string;
  time: string;
  /** Such as `GET /api/info`. */
  request: string;
  /** 0: the client gave up before there was one. */
  status: number;
  /** Of gRPC: the status that is a failure, such as `UNAVAILABLE`; it has a good one of HTTP. */
  grpc?: string;
  /** Where the status comes from, in the proxy's words. */
  detail?: string;
  /** How long it took, in milliseconds. */
  ms?: number;
}

/** One decision, and what was looked at for it. */
export interface CanaryEvidence {
  time: string;
  decision: string;
  weight: number;
  metrics?: CanaryMetricEvidence[];
  judge?: string;
  hooks?: { name: string; type: WebhookType; passed: boolean; reason?: string }[];
  pods?: CanaryTrouble[];
  requests?: CanaryBadRequest[];
}

/** The last request of {@link import('./control.ts').REQUEST} that was answered. */
export interface CanaryAnswer {
  request: string;
  done: boolean;
  message: string;
  time: string;
}

/** What somebody has done to a release. */
export interface CanaryHand {
  /** As in `sluice rollout`: `pause`, `set-weight=30`. */
  request: string;
  /** As far as it is known. */
  by?: string;
  time: string;
}

/** A release from its beginning; without `endedAt` it is under way. */
export interface CanaryRelease {
  revision: string;
  images?: string[];
  startedAt: string;
  endedAt?: string;
  outcome?: 'Promoted' | 'Undone' | 'RolledBack' | 'Superseded' | 'PromotionFailed';
  reason?: string;
  requests?: CanaryHand[];
}

export interface CanaryStatus {
  phase?: CanaryPhase;
  failedChecks?: number;
  canaryWeight?: number;
  iterations?: number;
  trackedConfigs?: Record<string, string>;
  lastAppliedSpec?: string;
  lastPromotedSpec?: string;
  sessionAffinityCookie?: string;
  primarySessionAffinityCookie?: string;
  previousSessionAffinityCookie?: string;
  lastTransitionTime?: string;
  judge?: CanaryJudgement;
  evidence?: CanaryEvidence[];
  handled?: CanaryAnswer;
  history?: CanaryRelease[];
  /** How far it is on the way to a promotion together with its group. */
  group?: { name: string; state: 'ready' | 'locked' } | undefined;
  /** The version before, kept warm until then. */
  previous?: { revision: string; images?: string[]; until: string } | undefined;
  /** What was undone; it is not released again until it changes. */
  undone?: { revision: string; images?: string[]; trackedConfigs?: Record<string, string>; time: string } | undefined;
  conditions?: CanaryCondition[];
}

export interface Canary {
  apiVersion?: string;
  kind?: 'Canary';
  metadata?: ObjectMeta;
  spec: CanarySpec;
  status?: CanaryStatus;
}

export interface MetricTemplateProvider {
  type: string;
  address?: string;
  headers?: Record<string, string[]>;
  secretRef?: { name: string };
  region?: string;
  insecureSkipVerify?: boolean;
}

export interface MetricTemplate {
  apiVersion?: string;
  kind?: 'MetricTemplate';
  metadata?: ObjectMeta;
  spec?: { provider?: MetricTemplateProvider; query?: string };
}

export interface AlertProvider {
  apiVersion?: string;
  kind?: 'AlertProvider';
  metadata?: ObjectMeta;
  spec?: {
    type?: string;
    channel?: string;
    username?: string;
    address?: string;
    proxy?: string;
    secretRef?: { name: string };
  };
}
