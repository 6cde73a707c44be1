import { EndpointSlices, Ingresses, Services } from '../../api/index.ts';
import { messageOf, type Clock, type Log } from '../../base/index.ts';
import type { Informers } from '../../control/index.ts';
import { INGRESS_GATEWAY, ingressHosts } from '../dns/ingress-hosts.ts';
import { startDns } from '../dns/server.edge.ts';
import { zoneBuilder, type Zone } from '../dns/zone.ts';
import { DNS_ADDRESS } from '../net/addresses.ts';
import { prepareNodeNetwork } from '../net/node-network.edge.ts';
import { groupServices } from '../net/service-groups.ts';
import { serviceProxy } from '../net/services.edge.ts';

/** Changes within this time are programmed together, in milliseconds; the first of them at once. */
const COALESCE = 20;
/** In a mesh so large that programming takes long, it rests this many times as long. */
const REST = 4;
const DNS_PORT = 53;

/** Service addresses and names, as the services and their endpoints are now, until the process ends. */
export async function serveServices(informers: Informers, clock: Clock, log: Log): Promise<void> {
  prepareNodeNetwork();
  const services = informers.of(Services);
  const slices = informers.of(EndpointSlices);
  const ingresses = informers.of(Ingresses);
  const proxy = serviceProxy();
  const zoneOf = zoneBuilder();
  let zone: Zone = new Map();
  let stale = false;
  let resting = false;
  const program = (): void => {
    stale = false;
    resting = true;
    const started = clock.monotonic();
    try {
      const groups = groupServices(services.list(), slices.list());
      zone = zoneOf(
        groups,
        Array.from(ingressHosts(ingresses.list()), (host) => [host, INGRESS_GATEWAY] as const),
      );
      proxy.apply(groups);
    } catch (error) {
      log.error('the service rules could not be programmed', { error: messageOf(error) });
    }
    clock.after(Math.max(COALESCE, REST * (clock.monotonic() - started)), () => {
      resting = false;
      if (stale) program();
    });
  };
  const changed = (): void => {
    stale = true;
    if (!resting) program();
  };
  await startDns({ address: DNS_ADDRESS, port: DNS_PORT, zone: () => zone, log });
  await Promise.all([services.synced, slices.synced, ingresses.synced]);
  services.onChange(changed);
  slices.onChange(changed);
  ingresses.onChange(changed);
}
