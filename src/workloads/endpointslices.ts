import { EndpointSlices, keyOf, keyText, parseKey, Pods, Services } from '../api/index.ts';
import { changesOf, settled, type Client } from '../control/index.ts';
import { decideSlices, MANAGED_BY, MANAGER, SERVICE_NAME, type SlicePlan } from './endpoints.ts';
import { selects } from './labels.ts';
import { isNamespaceTerminating } from './pod-control.ts';
import type { Controller, World } from './world.ts';

/** Keeps the EndpointSlices of every service with a selector. Slices that others made for a service are left alone. */
export function endpointSliceController({ informers, client }: World): Controller {
  const services = informers.of(Services);
  const pods = informers.of(Pods);
  const slices = informers.of(EndpointSlices);
  const slicesByService = slices.index('service', (s) => {
    const { namespace, labels = {} } = s.metadata ?? {};
    return labels[MANAGED_BY] === MANAGER && labels[SERVICE_NAME] ? [`${namespace}/${labels[SERVICE_NAME]}`] : [];
  });

  return {
    name: 'endpointslice',
    sources: [
      changesOf(services),
      changesOf(pods, (pod) =>
        services
          .list(pod.metadata?.namespace)
          .filter((s) => s.spec?.selector && selects({ matchLabels: s.spec.selector }, pod.metadata?.labels))
          .map((s) => keyText(keyOf(s))),
      ),
      changesOf(slices, (s) => {
        const { namespace, labels = {} } = s.metadata ?? {};
        return labels[SERVICE_NAME] ? [`${namespace}/${labels[SERVICE_NAME]}`] : [];
      }),
    ],
    concurrency: 5,
    async reconcile(key) {
      const service = services.get(parseKey(key));
      const selector = service?.spec?.selector;
      const existing = slicesByService(key);
      // Slices of a service that is gone go with it by their owner reference.
      if (!service || service.metadata?.deletionTimestamp) return settled;
      const managed = selector && Object.keys(selector).length > 0 && service.spec?.type !== 'ExternalName';
      if (!managed) {
        for (const slice of existing) await client.delete(EndpointSlices, keyOf(slice));
        return settled;
      }
      const selected = pods.list(service.metadata?.namespace).filter((p) => selects({ matchLabels: selector }, p.metadata?.labels));
      await writeSlices(client, decideSlices(service, selected, existing));
      return settled;
    },
  };
}

/** A namespace on its way out gets no new slices. */
export async function writeSlices(client: Client, { create, update, remove }: SlicePlan): Promise<void> {
  try {
    for (const slice of create) await client.create(EndpointSlices, slice);
  } catch (error) {
    if (!isNamespaceTerminating(error)) throw error;
  }
  for (const slice of update) await client.update(EndpointSlices, slice);
  for (const slice of remove) await client.delete(EndpointSlices, keyOf(slice));
}
