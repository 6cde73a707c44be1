import { DNS_ADDRESS } from '../net/addresses.ts';
import type { Pod } from '../objects.ts';
import { hostnameOf } from '../plan/env.ts';
import type { VolumePlan } from '../plan/types.ts';
import type { PodSetting } from '../runtime/types.ts';

const CLUSTER_DOMAIN = 'cluster.local';

/** What all containers of a pod share. */
export function podSetting(pod: Pod, podIP: string, volumes: readonly VolumePlan[]): PodSetting {
  return { hostname: hostnameOf(pod), hosts: hostsFile(pod, podIP), resolvConf: resolvConf(pod), volumes };
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

/** /etc/resolv.conf, from `dnsPolicy` and `dnsConfig`. */
export function resolvConf(pod: Pod): string {
  const { dnsPolicy = 'ClusterFirst', dnsConfig = {} } = pod.spec ?? {};
  const cluster = dnsPolicy !== 'None';
  const domains = [`${pod.metadata?.namespace}.svc.${CLUSTER_DOMAIN}`, `svc.${CLUSTER_DOMAIN}`, CLUSTER_DOMAIN];
  const servers = [...(cluster ? [DNS_ADDRESS] : []), ...(dnsConfig.nameservers ?? [])];
  const searches = [...(cluster ? domains : []), ...(dnsConfig.searches ?? [])];
  const options = new Map<string, string | undefined>(cluster ? [['ndots', '5']] : []);
  for (const o of dnsConfig.options ?? []) options.set(o.name ?? '', o.value);
  const optionWords = [...options].map(([name, value]) => (value === undefined ? name : `${name}:${value}`));
  return [
    ...servers.map((s) => `nameserver ${s}`),
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...(optionWords.length > 0 ? [`options ${optionWords.join(' ')}`] : []),
    '',
  ].join('\n');
}
