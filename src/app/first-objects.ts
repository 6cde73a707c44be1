/** Objects that are there from the start, such as the ingress gateway. */
import { keyOf, ServiceAccounts, Services, Deployments, type KubeObject, type Resource } from '../api/index.ts';
import type { Client } from '../control/index.ts';

const KINDS = [ServiceAccounts, Services, Deployments] as readonly Resource[];

/** Applies the objects as manager `sluice`: what users have changed besides stays. */
export async function applyAll(client: Client, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const resource = KINDS.find((r) => r.kind === object.kind);
    if (!resource) throw new Error(`no client for ${object.kind}`);
    await client.patch(resource, keyOf(object), { type: 'apply', body: object }, { fieldManager: 'sluice', force: true });
  }
}
