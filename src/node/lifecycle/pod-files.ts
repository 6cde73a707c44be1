import { resolvConf } from '../dns/resolv-conf.ts';
import { CLUSTER_DOMAIN } from '../dns/zone.ts';
import { DNS_ADDRESS } from '../net/addresses.ts';
import type { Pod } from '../objects.ts';
import { hostnameOf } from '../plan/env.ts';
import type { VolumePlan } from '../plan/types.ts';
import type { PodSetting } from '../runtime/types.ts';

/** What all containers of a pod share. */
export function podSetting(pod: Pod, podIP: string, volumes: readonly VolumePlan[]): PodSetting {
  const { dnsPolicy, dnsConfig } = pod.spec ?? {};
  const dns = resolvConf({ namespace: pod.metadata?.namespace ?? 'default', dnsPolicy, dnsConfig }, DNS_ADDRESS);
  return { hostname: hostnameOf(pod), hosts: hostsFile(pod, podIP), resolvConf: dns, volumes };
}

/** /etc/hosts, with the pod's own name and its `hostAliases`. */
export function hostsFile(pod: Pod, podIP: string): string {
  const { hostAliases = [], subdomain } = pod.spec ?? {};
  const name = hostnameOf(pod);
  const full = subdomain ? `${name}.${subdomain}.${pod.metadata?.namespace}.svc.${CLUSTER_DOMAIN}\t` : '';
  return [
    '# Managed by the node.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    `${podIP}\t${full}${name}`,
    ...hostAliases.map((a) => `${a.ip}\t${(a.hostnames ?? []).join('\t')}`),
    '',
  ].join('\n');
}
