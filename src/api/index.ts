export {
  apiVersionOf,
  keyOf,
  keyText,
  parseKey,
  pathOf,
  type AnyObject,
  type Key,
  type KubeObject,
  type ObjectMeta,
  type Resource,
} from './object.ts';
export { ApiError, isApiError, type StatusBody, type StatusCause, type StatusDetails, type StatusReason } from './status.ts';
export * from './resources.ts';
export type * from './kinds/istio/types.ts';
export type * from './kinds/istio/proxy-types.ts';
export { GRPC_FAULTS, GRPC_STATUSES } from './kinds/istio/grpc-status.ts';
export type * from './kinds/flagger/types.ts';
export {
  COMMANDS,
  DEADLINE,
  GROUP,
  askedBy,
  isPaused,
  noteOf,
  pausedBy,
  openRequest,
  parseRequest,
  PAUSED,
  REQUEST,
  requestText,
  type CanaryCommand,
  type CanaryRequest,
} from './kinds/flagger/control.ts';
export { canaryRequests, type CanaryRequestObject } from './kinds/flagger/request.ts';
export type * as gatewayApi from './kinds/gateway/types.ts';
export {
  entriesOf,
  holdsApplication,
  isEntry,
  PROXY_CONFIG,
  proxyConfigOf,
  sidecarTraffic,
  takesInbound,
  TRAFFIC_ANNOTATIONS,
  TRAFFIC_PREFIX,
  type SidecarTraffic,
} from './sidecar-annotations.ts';
export { isKept, type KindDef, type Schema, type ValidationRule } from './kind.ts';
export { hasRules, isBroken, rulesOf } from './rules.ts';
export { expressionProblem } from './kinds/istio/expression.ts';
export { compileAdmission, type ExpressionUse } from './kinds/admission/expressions.ts';
export type { AdmissionRule } from './kinds/admission/rules.ts';
export { ApiServices } from './kinds/registration.ts';
export { NodeMetricsResource, PodMetricsResource, type ResourceUsage } from './kinds/metrics.ts';
export { createCatalog } from './kinds/index.ts';
export { tokenRequests } from './kinds/authentication.ts';
export { catalogOf, hasSubresource, partsOf, versionsOf, warningOf, type Catalog, type Served } from './catalog.ts';
export { scaleColumns } from './kinds/columns.ts';
export { tableOf } from './table.ts';
export { apiGroup, apiGroupList, apiResourceList, apiVersions, coreDiscovery, groupsDiscovery, groupVersions } from './discovery.ts';
export { openApiOf, type OpenApi } from './openapi.ts';
export { type LabelSelectorObject, labelSelectorOf, labelSelectorText, parseFieldSelector, parseLabelSelector } from './selector.ts';
export { isEmbedded, jsonName } from './kinds/schema/facts.ts';
export { schemaName } from './kinds/schema/names.ts';
export { messageFields, type MessageFields } from './kinds/schema/fields.edge.ts';
export { isIPv4, isIPv6 } from './kinds/ip.ts';
export { definitionStatus, isEstablished, kindOfCrd, type TakenNames } from './crd.ts';
export { schemaPlaces } from './kinds/definitions/versions.ts';
export { extendedBy } from './extend.ts';
