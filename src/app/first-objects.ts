/** Objects that are there from the start, such as the ingress gateway. */
import type { Service } from 'kubernetes-types/core/v1.js';
import { keyOf, ServiceAccounts, Services, Deployments, type KubeObject, type Resource } from '../api/index.ts';
import type { Client } from '../control/index.ts';

const KINDS = [ServiceAccounts, Services, Deployments] as readonly Resource[];

/** The API server as a Service: clients look for it. It has no endpoint in the node, so pods that call it are refused. */
export const kubernetesService: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: { type: 'ClusterIP', clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443, protocol: 'TCP' }] },
};

/** Applies the objects as manager `sluice`: what users have changed besides stays. */
export async function applyAll(client: Client, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const resource = KINDS.find((r) => r.kind === object.kind);
    if (!resource) throw new Error(`no client for ${object.kind}`);
    await client.patch(resource, keyOf(object), { type: 'apply', body: object }, { fieldManager: 'sluice', force: true });
  }
}
