import { parseKey, Services } from '../api/index.ts';
import { changesOf, settled, updateStatus } from '../control/index.ts';
import type { Controller, World } from './world.ts';

/** Tells services of type LoadBalancer the address under which the host reaches them. */
export function loadBalancerController({ informers, client }: World, address: string): Controller {
  const services = informers.of(Services);
  return {
    name: 'load-balancer',
    sources: [changesOf(services)],
    async reconcile(key) {
      const service = services.get(parseKey(key));
      if (!service || service.metadata?.deletionTimestamp) return settled;
      const balanced = service.spec?.type === 'LoadBalancer';
      const given = (service.status?.loadBalancer?.ingress ?? []).length > 0;
      if (balanced || given) {
        await updateStatus(client, Services, service, { ...service.status, loadBalancer: balanced ? { ingress: [{ ip: address }] } : {} });
      }
      return settled;
    },
  };
}
