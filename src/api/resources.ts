/** The kinds the rooms speak of by name. What else is known of a kind (schema, defaults, columns) is in `kinds/`. */
import type {
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1.js';
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { CronJob, Job } from 'kubernetes-types/batch/v1.js';
import type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.js';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type {
  Binding,
  ConfigMap,
  Endpoints as EndpointsObject,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  Secret,
  Service,
  ServiceAccount,
} from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1.js';
import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import type { AlertProvider, Canary, MetricTemplate } from './kinds/flagger/types.ts';
import type * as gatewayApi from './kinds/gateway/types.ts';
import type { EnvoyFilter, ProxyConfig, Telemetry, WorkloadEntry, WorkloadGroup } from './kinds/istio/proxy-types.ts';
import type {
  AuthorizationPolicy,
  DestinationRule,
  Gateway,
  PeerAuthentication,
  RequestAuthentication,
  ServiceEntry,
  Sidecar,
  VirtualService,
} from './kinds/istio/types.ts';
import type { KubeObject, Resource } from './object.ts';

function resource<T extends KubeObject>(group: string, version: string, kind: string, plural: string, namespaced = true): Resource<T> {
  return { group, version, kind, plural, namespaced };
}

export const Namespaces = resource<Namespace>('', 'v1', 'Namespace', 'namespaces', false);
export const Nodes = resource<Node>('', 'v1', 'Node', 'nodes', false);
export const Bindings = resource<Binding>('', 'v1', 'Binding', 'bindings');
export const Pods = resource<Pod>('', 'v1', 'Pod', 'pods');
export const Services = resource<Service>('', 'v1', 'Service', 'services');
export const Endpoints = resource<EndpointsObject>('', 'v1', 'Endpoints', 'endpoints');
export const PersistentVolumes = resource<PersistentVolume>('', 'v1', 'PersistentVolume', 'persistentvolumes', false);
export const PersistentVolumeClaims = resource<PersistentVolumeClaim>('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims');
export const ReplicationControllers = resource<ReplicationController>('', 'v1', 'ReplicationController', 'replicationcontrollers');
export const ConfigMaps = resource<ConfigMap>('', 'v1', 'ConfigMap', 'configmaps');
export const Secrets = resource<Secret>('', 'v1', 'Secret', 'secrets');
export const ServiceAccounts = resource<ServiceAccount>('', 'v1', 'ServiceAccount', 'serviceaccounts');
export const Events = resource<Event>('', 'v1', 'Event', 'events');
export const Deployments = resource<Deployment>('apps', 'v1', 'Deployment', 'deployments');
export const ReplicaSets = resource<ReplicaSet>('apps', 'v1', 'ReplicaSet', 'replicasets');
export const StatefulSets = resource<StatefulSet>('apps', 'v1', 'StatefulSet', 'statefulsets');
export const DaemonSets = resource<DaemonSet>('apps', 'v1', 'DaemonSet', 'daemonsets');
export const ControllerRevisions = resource<ControllerRevision>('apps', 'v1', 'ControllerRevision', 'controllerrevisions');
export const CronJobs = resource<CronJob>('batch', 'v1', 'CronJob', 'cronjobs');
export const Jobs = resource<Job>('batch', 'v1', 'Job', 'jobs');
export const HorizontalPodAutoscalers = resource<HorizontalPodAutoscaler>(
  'autoscaling',
  'v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
);
export const EndpointSlices = resource<EndpointSlice>('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices');
export const PodDisruptionBudgets = resource<PodDisruptionBudget>('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets');
export const StorageClasses = resource<StorageClass>('storage.k8s.io', 'v1', 'StorageClass', 'storageclasses', false);
export const Leases = resource<Lease>('coordination.k8s.io', 'v1', 'Lease', 'leases');
export const Ingresses = resource<Ingress>('networking.k8s.io', 'v1', 'Ingress', 'ingresses');
export const IngressClasses = resource<IngressClass>('networking.k8s.io', 'v1', 'IngressClass', 'ingressclasses', false);
export const CustomResourceDefinitions = resource<CustomResourceDefinition>(
  'apiextensions.k8s.io',
  'v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
);
const admission = <T extends KubeObject>(kind: string, plural: string): Resource<T> =>
  resource<T>('admissionregistration.k8s.io', 'v1', kind, plural, false);
export const MutatingWebhookConfigurations = admission<MutatingWebhookConfiguration>(
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
);
export const ValidatingWebhookConfigurations = admission<ValidatingWebhookConfiguration>(
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
);
export const ValidatingAdmissionPolicies = admission<ValidatingAdmissionPolicy>('ValidatingAdmissionPolicy', 'validatingadmissionpolicies');
export const ValidatingAdmissionPolicyBindings = admission<ValidatingAdmissionPolicyBinding>(
  'ValidatingAdmissionPolicyBinding',
  'validatingadmissionpolicybindings',
);
export const Roles = resource<Role>('rbac.authorization.k8s.io', 'v1', 'Role', 'roles');
export const ClusterRoles = resource<ClusterRole>('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles', false);
export const RoleBindings = resource<RoleBinding>('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings');
export const ClusterRoleBindings = resource<ClusterRoleBinding>(
  'rbac.authorization.k8s.io',
  'v1',
  'ClusterRoleBinding',
  'clusterrolebindings',
  false,
);
export const CertificateSigningRequests = resource<CertificateSigningRequest>(
  'certificates.k8s.io',
  'v1',
  'CertificateSigningRequest',
  'certificatesigningrequests',
  false,
);
export const VirtualServices = resource<VirtualService>('networking.istio.io', 'v1', 'VirtualService', 'virtualservices');
export const DestinationRules = resource<DestinationRule>('networking.istio.io', 'v1', 'DestinationRule', 'destinationrules');
export const Gateways = resource<Gateway>('networking.istio.io', 'v1', 'Gateway', 'gateways');
export const Sidecars = resource<Sidecar>('networking.istio.io', 'v1', 'Sidecar', 'sidecars');
export const ServiceEntries = resource<ServiceEntry>('networking.istio.io', 'v1', 'ServiceEntry', 'serviceentries');
export const EnvoyFilters = resource<EnvoyFilter>('networking.istio.io', 'v1alpha3', 'EnvoyFilter', 'envoyfilters');
export const WorkloadEntries = resource<WorkloadEntry>('networking.istio.io', 'v1', 'WorkloadEntry', 'workloadentries');
export const WorkloadGroups = resource<WorkloadGroup>('networking.istio.io', 'v1', 'WorkloadGroup', 'workloadgroups');
export const ProxyConfigs = resource<ProxyConfig>('networking.istio.io', 'v1beta1', 'ProxyConfig', 'proxyconfigs');
export const Telemetries = resource<Telemetry>('telemetry.istio.io', 'v1', 'Telemetry', 'telemetries');
export const AuthorizationPolicies = resource<AuthorizationPolicy>(
  'security.istio.io',
  'v1',
  'AuthorizationPolicy',
  'authorizationpolicies',
);
export const RequestAuthentications = resource<RequestAuthentication>(
  'security.istio.io',
  'v1',
  'RequestAuthentication',
  'requestauthentications',
);
export const PeerAuthentications = resource<PeerAuthentication>('security.istio.io', 'v1', 'PeerAuthentication', 'peerauthentications');
export const Canaries = resource<Canary>('flagger.app', 'v1beta1', 'Canary', 'canaries');
export const MetricTemplates = resource<MetricTemplate>('flagger.app', 'v1beta1', 'MetricTemplate', 'metrictemplates');
export const AlertProviders = resource<AlertProvider>('flagger.app', 'v1beta1', 'AlertProvider', 'alertproviders');

const gatewayApiKind = <T extends KubeObject>(kind: string, plural: string, namespaced = true): Resource<T> =>
  resource<T>('gateway.networking.k8s.io', 'v1', kind, plural, namespaced);
export const GatewayClasses = gatewayApiKind<gatewayApi.GatewayClass>('GatewayClass', 'gatewayclasses', false);
/** Of the Gateway API; `Gateways` are Istio's. */
export const KubernetesGateways = gatewayApiKind<gatewayApi.Gateway>('Gateway', 'gateways');
export const HTTPRoutes = gatewayApiKind<gatewayApi.HTTPRoute>('HTTPRoute', 'httproutes');
export const GRPCRoutes = gatewayApiKind<gatewayApi.GRPCRoute>('GRPCRoute', 'grpcroutes');
export const TLSRoutes = gatewayApiKind<gatewayApi.TLSRoute>('TLSRoute', 'tlsroutes');
export const TCPRoutes = gatewayApiKind<gatewayApi.TCPRoute>('TCPRoute', 'tcproutes');
export const BackendTLSPolicies = gatewayApiKind<gatewayApi.BackendTLSPolicy>('BackendTLSPolicy', 'backendtlspolicies');
export const ReferenceGrants = gatewayApiKind<gatewayApi.ReferenceGrant>('ReferenceGrant', 'referencegrants');
