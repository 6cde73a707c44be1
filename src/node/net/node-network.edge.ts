import { writeFileSync } from 'node:fs';
import { DNS_ADDRESS, LOOPBACK, NODE_ADDRESS, SERVICE_CIDR } from './addresses.ts';
import { transact } from './netlink.edge.ts';
import { addAddress, addRoute, linkUp } from './rtnetlink.ts';

/** Readies the node's own network namespace: loopback, the node's and the DNS server's addresses, forwarding. Idempotent. */
export function prepareNodeNetwork(): void {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  // A pod that meets itself behind a service goes out where it came in; it must not be told of a shorter way.
  for (const links of ['all', 'default']) writeFileSync(`/proc/sys/net/ipv4/conf/${links}/send_redirects`, '0');
  transact('route', [
    linkUp('lo'),
    addAddress(LOOPBACK, NODE_ADDRESS),
    addAddress(LOOPBACK, DNS_ADDRESS),
    // Gives service addresses a way and a source, so that connections made on the node get as far as the rewriting rule.
    addRoute({ cidr: SERVICE_CIDR, link: LOOPBACK, source: NODE_ADDRESS }),
  ]);
}
