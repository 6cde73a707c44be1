import type { Ingress } from 'kubernetes-types/networking/v1.js';
import { CLUSTER_DOMAIN } from './zone.ts';

/** Where hosts of Ingress objects are served. */
export const INGRESS_GATEWAY = `istio-ingressgateway.istio-system.svc.${CLUSTER_DOMAIN}`;

/**
 * Hosts of Ingress objects that have been given an address, in lower case: load tests in pods call them as people outside do. None of
 * them can be a name of the cluster, or one without a dot.
 */
export function ingressHosts(ingresses: Iterable<Ingress>): ReadonlySet<string> {
  const hosts = new Set<string>();
  for (const { spec, status } of ingresses) {
    if (!status?.loadBalancer?.ingress?.length) continue;
    for (const { host = '' } of spec?.rules ?? []) if (/^[^*.]+\./.test(host)) hosts.add(host.toLowerCase());
  }
  for (const host of hosts) if (host.endsWith(`.${CLUSTER_DOMAIN}`)) hosts.delete(host);
  return hosts;
}
