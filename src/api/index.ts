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
export type * from './kinds/flagger/types.ts';
export type { Column, KindDef, LegacyVersion, ScaleSubresource, Schema, Subresource } from './kind.ts';
export { createCatalog } from './kinds/index.ts';
export { catalogOf, versionsOf, type Catalog, type Served } from './catalog.ts';
export { tableOf, type Table, type TableColumn, type TableRow } from './table.ts';
export { apiGroup, apiGroupList, apiResourceList, apiVersions, coreDiscovery, groupsDiscovery } from './discovery.ts';
export { openApiOf, type OpenApi, type OpenApiDocument } from './openapi.ts';
export {
  labelSelectorOf,
  labelSelectorText,
  parseFieldSelector,
  parseLabelSelector,
  type FieldSelector,
  type Labels,
  type LabelSelector,
  type LabelSelectorObject,
} from './selector.ts';
export { messageFields, type MessageFields } from './kinds/schema/fields.edge.ts';
export { kindOfCrd, servedStatus } from './crd.ts';
export { parseJsonPath, valuesAt, type JsonPath } from './jsonpath.ts';
