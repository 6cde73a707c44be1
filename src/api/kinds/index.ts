import { catalogOf, type Catalog } from '../catalog.ts';
import type { KindDef } from '../kind.ts';
import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from './admission/policies.ts';
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from './admission/webhooks.ts';
import { ipAddresses, serviceCidrs } from './addresses.ts';
import { customResourceDefinitions } from './apiextensions.ts';
import { selfSubjectReviews, tokenReviews } from './authentication.ts';
import { localSubjectAccessReviews, selfSubjectAccessReviews, selfSubjectRulesReviews, subjectAccessReviews } from './authorization.ts';
import { deployments, replicaSets } from './apps/deployment.ts';
import { controllerRevisions, daemonSets, statefulSets } from './apps/sets.ts';
import { horizontalPodAutoscalers } from './autoscaling.ts';
import { cronJobs, jobs } from './batch.ts';
import { certificateSigningRequests } from './certificates.ts';
import { namespaces, nodes } from './core/cluster.ts';
import { bindings } from './core/binding.ts';
import { componentStatuses } from './core/component-status.ts';
import { events } from './core/events.ts';
import { configMaps, secrets, serviceAccounts } from './core/config.ts';
import { pods } from './core/pod.ts';
import { limitRanges, resourceQuotas } from './core/quota.ts';
import { endpoints, services } from './core/service.ts';
import { podTemplates, replicationControllers } from './core/templates.ts';
import { flowSchemas, priorityLevelConfigurations } from './flowcontrol.ts';
import { alertProviders, canaries, metricTemplates } from './flagger/kinds.ts';
import { fluxKinds } from './flux/kinds.ts';
import { gatewayApiKinds } from './gateway/kinds.ts';
import { destinationRules } from './istio/destination-rule.ts';
import { gateways, serviceEntries } from './istio/gateway.ts';
import { authorizationPolicies, peerAuthentications, requestAuthentications, trafficExtensions, wasmPlugins } from './istio/policies.ts';
import { telemetries } from './istio/telemetry.ts';
import { virtualServices } from './istio/virtual-service.ts';
import { envoyFilters, proxyConfigs, sidecars, workloadEntries, workloadGroups } from './istio/workloads.ts';
import { nodeMetrics, podMetrics } from './metrics.ts';
import { endpointSlices } from './networking/endpoint-slice.ts';
import { ingressClasses, ingresses } from './networking/ingress.ts';
import { networkPolicies } from './networking/network-policy.ts';
import { leases, podDisruptionBudgets } from './policy.ts';
import { apiServices } from './registration.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from './rbac.ts';
import { priorityClasses, runtimeClasses } from './scheduling.ts';
import { csiDrivers, csiNodes, csiStorageCapacities, storageClasses, volumeAttributesClasses } from './storage/classes.ts';
import { persistentVolumeClaims, persistentVolumes, volumeAttachments } from './storage/volumes.ts';

/** Every kind the server has from the start. */
const BUILT_IN: readonly KindDef[] = [
  bindings,
  componentStatuses,
  configMaps,
  endpoints,
  events,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  podTemplates,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  apiServices,
  controllerRevisions,
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
  horizontalPodAutoscalers,
  cronJobs,
  jobs,
  certificateSigningRequests,
  podDisruptionBudgets,
  ingressClasses,
  ingresses,
  ipAddresses,
  networkPolicies,
  serviceCidrs,
  endpointSlices,
  leases,
  clusterRoleBindings,
  clusterRoles,
  roleBindings,
  roles,
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
  priorityClasses,
  runtimeClasses,
  flowSchemas,
  priorityLevelConfigurations,
  customResourceDefinitions,
  selfSubjectReviews,
  tokenReviews,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
  destinationRules,
  envoyFilters,
  gateways,
  proxyConfigs,
  serviceEntries,
  sidecars,
  virtualServices,
  workloadEntries,
  workloadGroups,
  authorizationPolicies,
  peerAuthentications,
  requestAuthentications,
  telemetries,
  trafficExtensions,
  wasmPlugins,
  alertProviders,
  canaries,
  metricTemplates,
  ...fluxKinds,
  ...gatewayApiKinds,
  nodeMetrics,
  podMetrics,
];

/** A catalog of every built-in kind. */
export function createCatalog(): Catalog {
  return catalogOf(BUILT_IN);
}
