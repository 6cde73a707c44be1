/** Objects that are there from the start, such as the ingress gateway. */
import type { ConfigMap, Endpoints as EndpointsObject, Service } from 'kubernetes-types/core/v1.js';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import {
  ConfigMaps,
  Deployments,
  Endpoints,
  EndpointSlices,
  GatewayClasses,
  IngressClasses,
  keyOf,
  ServiceAccounts,
  Services,
  StorageClasses,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import { toYaml } from '../base/index.ts';
import type { Client } from '../control/index.ts';
import { defaultMeshConfig } from '../mesh/index.ts';
import { API_ADDRESS } from '../node/index.ts';
import { PROVISIONER } from '../workloads/index.ts';

const PriorityClasses: Resource<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  namespaced: false,
};

const KINDS = [
  ConfigMaps,
  StorageClasses,
  IngressClasses,
  GatewayClasses,
  ServiceAccounts,
  Services,
  EndpointSlices,
  Endpoints,
  Deployments,
  PriorityClasses,
] as readonly Resource[];

/** Classes that manifests of infrastructure name. */
export const priorityClasses: readonly PriorityClass[] = [
  { name: 'system-cluster-critical', value: 2_000_000_000, description: 'For pods that the cluster cannot do without; they may be moved.' },
  { name: 'system-node-critical', value: 2_000_001_000, description: 'For pods that their node cannot do without.' },
].map(({ name, ...more }) => ({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, ...more }));

const identity = { name: 'kubernetes', namespace: 'default' };
const ports = [{ name: 'https', port: API_ADDRESS.port, protocol: 'TCP' }];

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { ...identity, labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    type: 'ClusterIP',
    clusterIP: '10.96.0.1',
    ports: [{ name: 'https', port: 443, targetPort: API_ADDRESS.port, protocol: 'TCP' }],
  },
};

const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { ...identity, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: [API_ADDRESS.address], conditions: { ready: true } }],
  ports,
};

const endpoints: EndpointsObject = {
  apiVersion: 'v1',
  kind: 'Endpoints',
  // The slice is there already.
  metadata: { ...identity, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
  subsets: [{ addresses: [{ ip: API_ADDRESS.address }], ports }],
};

/** The API server as a Service with its endpoint, by which pods find it. */
export const kubernetesService: readonly KubeObject[] = [service, slice, endpoints];

/** The storage class of claims that name none: a directory of this machine for each. */
export const standardStorage: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
};

/** Where settings of the whole mesh are written, and where istioctl reads them. */
const meshConfigMap: ConfigMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: defaultMeshConfig.rootNamespace },
  data: {
    mesh: toYaml({
      rootNamespace: defaultMeshConfig.rootNamespace,
      trustDomain: defaultMeshConfig.domain,
      // Else istioctl points collectors at a port of Istio's own agent.
      enablePrometheusMerge: false,
    }),
  },
};

/** Once only: from then on it is the users'. */
export async function createMeshConfigMap(client: Client): Promise<void> {
  if (!(await client.get(ConfigMaps, keyOf(meshConfigMap)))) await client.create(ConfigMaps, meshConfigMap);
}

/** Applies the objects as manager `sluice`: what users have changed besides stays. */
export async function applyAll(client: Client, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const resource = KINDS.find((r) => r.kind === object.kind);
    if (!resource) throw new Error(`no client for ${object.kind}`);
    await client.patch(resource, keyOf(object), { type: 'apply', body: object }, { fieldManager: 'sluice', force: true });
  }
}
