import { Fault } from '../../base/index.ts';

/** The next hop of every pod, and the source of the agent's probes: inbound capture lets it pass. */
export const GATEWAY = '169.254.1.1';
/** The node's own address: its `InternalIP`, where node ports answer, and the source of what enters through host ports (captured like any client). */
export const NODE_ADDRESS = '10.244.0.1';
/** Where pods find the API server, behind the Service `default/kubernetes`. */
export const API_ADDRESS = { address: NODE_ADDRESS, port: 6443 } as const;
export const SERVICE_CIDR = '10.96.0.0/16';
export const DNS_ADDRESS = '10.96.0.10';
/** The link number of `lo` in every network namespace. */
export const LOOPBACK = 1;

const POD_PREFIX = '10.244.';
/** 10.244.0.2 to 10.244.255.254. */
const FIRST = 2;
const LAST = 0xfffe;

/** `10.244.x.y` as the number `x * 256 + y`; undefined when the address is not a pod's. */
function hostPart(ip: string): number | undefined {
  if (!ip.startsWith(POD_PREFIX)) return undefined;
  const [x, y] = ip.slice(POD_PREFIX.length).split('.').map(Number);
  return x! * 256 + y!;
}

/** The next free pod address after `last`: addresses come back late, so that nothing talks to a successor by mistake. */
export function nextPodAddress(used: ReadonlySet<string>, last: string | undefined): string {
  let n = (last === undefined ? undefined : hostPart(last)) ?? FIRST - 1;
  for (let tried = FIRST; tried <= LAST; tried++) {
    n = n >= LAST ? FIRST : n + 1;
    const ip = `${POD_PREFIX}${n >> 8}.${n & 255}`;
    if (!used.has(ip)) return ip;
  }
  throw new Fault('NoPodAddress', 'all addresses of 10.244.0.0/16 are taken', { hint: 'Delete pods, or use another instance.' });
}

export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) <= 255);
}

/** The four bytes of an IPv4 address, in network order. Throws `Fault` when it is not one. */
export function ipv4Bytes(ip: string): Uint8Array {
  if (!isIpv4(ip)) throw new Fault('BadAddress', `"${ip}" is not an IPv4 address`, { hint: 'Write it as 10.1.2.3.' });
  return Uint8Array.from(ip.split('.').map(Number));
}

/** An IPv4 range: the network's address (host bits cleared) and the mask's bytes. A bare address is a /32. */
export function parseCidr(text: string): { readonly address: Uint8Array; readonly mask: Uint8Array; readonly bits: number } {
  const [ip = '', length = '32', rest] = text.split('/');
  const bits = /^\d{1,2}$/.test(length) ? Number(length) : -1;
  if (rest !== undefined || bits < 0 || bits > 32)
    throw new Fault('BadCidr', `"${text}" is not an IPv4 range`, { hint: 'Write it as 10.1.0.0/16.' });
  const mask = new Uint8Array(4);
  for (let i = 0; i < 4; i++) mask[i] = (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff;
  return { address: ipv4Bytes(ip).map((b, i) => b & mask[i]!), mask, bits };
}
