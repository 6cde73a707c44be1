import type { PodDNSConfig } from 'kubernetes-types/core/v1.js';
import { CLUSTER_DOMAIN } from './zone.ts';

/** What of a pod decides on its `/etc/resolv.conf`. */
export interface PodDns {
  readonly namespace: string;
  readonly dnsPolicy?: string | undefined;
  readonly dnsConfig?: PodDNSConfig | undefined;
}

/**
 * The pod's `/etc/resolv.conf`. The host's own resolvers cannot be reached from the node, so `Default` asks the cluster's
 * server too, only without its search domains.
 */
export function resolvConf(pod: PodDns, server: string): string {
  const { namespace, dnsPolicy = 'ClusterFirst', dnsConfig = {} } = pod;
  const clusterFirst = dnsPolicy === 'ClusterFirst' || dnsPolicy === 'ClusterFirstWithHostNet';
  const nameservers = new Set([...(dnsPolicy === 'None' ? [] : [server]), ...(dnsConfig.nameservers ?? [])]);
  const own = clusterFirst ? [`${namespace}.svc.${CLUSTER_DOMAIN}`, `svc.${CLUSTER_DOMAIN}`, CLUSTER_DOMAIN] : [];
  const search = new Set([...own, ...(dnsConfig.searches ?? [])]);
  const options = new Map<string, string | undefined>(clusterFirst ? [['ndots', '5']] : []);
  for (const { name, value } of dnsConfig.options ?? []) if (name) options.set(name, value);
  const lines = [...nameservers].map((ip) => `nameserver ${ip}`);
  if (search.size > 0) lines.push(`search ${[...search].join(' ')}`);
  if (options.size > 0) lines.push(`options ${[...options].map(([k, v]) => (v === undefined ? k : `${k}:${v}`)).join(' ')}`);
  return `${lines.join('\n')}\n`;
}
