import { CelError } from '../error.ts';
import { Opaque } from '../value.ts';
import { declare, type Overload } from './declare.ts';

/** The bytes of an address: 4 or 16; undefined when the text is not one. No zones, no leading zeros, no IPv4 within IPv6. */
function bytesOf(text: string): number[] | undefined {
  if (!text.includes(':')) {
    const parts = text.split('.');
    return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256) ? parts.map(Number) : undefined;
  }
  if (!/^[0-9a-fA-F:]+$/.test(text) || text.includes(':::')) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = halves.length === 2 ? [...head, ...Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0'), ...tail] : head;
  if (groups.length !== 8 || (halves.length === 2 && head.length + tail.length > 7)) return undefined;
  if (!groups.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  return groups.flatMap((g) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 255]);
}

/** The shortest form (RFC 5952). */
function textOf(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2]! << 8) | bytes[i * 2 + 1]!).toString(16)).join(':');
  const runs = [...groups.matchAll(/(?<=^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length || a.index - b.index);
  const run = runs[0];
  if (!run) return groups;
  return `${groups.slice(0, run.index).replace(/:$/, '')}::${groups.slice(run.index + run[0].length).replace(/^:/, '')}`;
}

class Ip extends Opaque {
  readonly type = 'net.IP';
  readonly bytes: readonly number[];
  constructor(bytes: readonly number[]) {
    super();
    this.bytes = bytes;
  }
  equals(other: Opaque): boolean {
    return other instanceof Ip && textOf(other.bytes) === textOf(this.bytes);
  }
}

class Cidr extends Opaque {
  readonly type = 'net.CIDR';
  readonly bytes: readonly number[];
  readonly prefix: number;
  constructor(bytes: readonly number[], prefix: number) {
    super();
    this.bytes = bytes;
    this.prefix = prefix;
  }
  equals(other: Opaque): boolean {
    return other instanceof Cidr && cidrText(other) === cidrText(this);
  }
  masked(): number[] {
    return this.bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, this.prefix - i * 8))) & 0xff);
  }
  contains(bytes: readonly number[]): boolean {
    if (bytes.length !== this.bytes.length) return false;
    return new Cidr(bytes, this.prefix).masked().every((byte, i) => byte === this.masked()[i]);
  }
}

const cidrText = ({ bytes, prefix }: Cidr): string => `${textOf(bytes)}/${prefix}`;

function parseIp(text: string): Ip {
  const bytes = bytesOf(text);
  if (!bytes)
    throw new CelError(
      `IP Address '${text}' parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`,
    );
  return new Ip(bytes);
}

function cidrOf(text: string): Cidr | undefined {
  const m = /^(.*)\/(0|[1-9]\d{0,2})$/.exec(text);
  const bytes = m ? bytesOf(m[1]!) : undefined;
  return bytes && Number(m![2]) <= bytes.length * 8 ? new Cidr(bytes, Number(m![2])) : undefined;
}

function parseCidr(text: string): Cidr {
  const cidr = cidrOf(text);
  if (!cidr) throw new CelError(`network address parse error during conversion from string: invalid CIDR address: ${text}`);
  return cidr;
}

const first = (ip: Ip): number => ip.bytes[0]!;
const isV4 = (ip: Ip): boolean => ip.bytes.length === 4;
const allZeroBut = (ip: Ip, last: number): boolean => ip.bytes.every((byte, i) => byte === (i === ip.bytes.length - 1 ? last : 0));
const isMulticast = (ip: Ip): boolean => (isV4(ip) ? first(ip) >> 4 === 14 : first(ip) === 0xff);
const isLoopback = (ip: Ip): boolean => (isV4(ip) ? first(ip) === 127 : allZeroBut(ip, 1));
const isUnspecified = (ip: Ip): boolean => allZeroBut(ip, 0);
const isLinkLocal = (ip: Ip): boolean =>
  isV4(ip) ? first(ip) === 169 && ip.bytes[1] === 254 : first(ip) === 0xfe && ip.bytes[1]! >> 6 === 2;
const isLinkLocalMulticast = (ip: Ip): boolean =>
  isV4(ip) ? first(ip) === 224 && ip.bytes[1] === 0 && ip.bytes[2] === 0 : first(ip) === 0xff && (ip.bytes[1]! & 15) === 2;
const isBroadcast = (ip: Ip): boolean => isV4(ip) && ip.bytes.every((byte) => byte === 255);
const isGlobal = (ip: Ip): boolean => !isBroadcast(ip) && !isUnspecified(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocal(ip);
const isCanonical = (text: string): boolean => textOf(parseIp(text).bytes) === text;
const containsCidr = (outer: Cidr, inner: Cidr): boolean => outer.contains(inner.bytes) && inner.prefix >= outer.prefix;

export const network: readonly Overload[] = [
  declare('isIP(string): bool', (text: string) => bytesOf(text) !== undefined),
  declare('ip(string): net.IP', parseIp),
  declare('ip.isCanonical(string): bool', isCanonical),
  declare('string(net.IP): string', (ip: Ip) => textOf(ip.bytes)),
  declare('net.IP.family(): int', (ip: Ip) => (isV4(ip) ? 4n : 6n)),
  declare('net.IP.isUnspecified(): bool', isUnspecified),
  declare('net.IP.isLoopback(): bool', isLoopback),
  declare('net.IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast),
  declare('net.IP.isLinkLocalUnicast(): bool', isLinkLocal),
  declare('net.IP.isGlobalUnicast(): bool', isGlobal),
  declare('isCIDR(string): bool', (text: string) => cidrOf(text) !== undefined),
  declare('cidr(string): net.CIDR', parseCidr),
  declare('string(net.CIDR): string', cidrText),
  declare('net.CIDR.ip(): net.IP', (c: Cidr) => new Ip(c.bytes)),
  declare('net.CIDR.masked(): net.CIDR', (c: Cidr) => new Cidr(c.masked(), c.prefix)),
  declare('net.CIDR.prefixLength(): int', (c: Cidr) => BigInt(c.prefix)),
  declare('net.CIDR.containsIP(net.IP): bool', (c: Cidr, ip: Ip) => c.contains(ip.bytes)),
  declare('net.CIDR.containsIP(string): bool', (c: Cidr, text: string) => c.contains(parseIp(text).bytes)),
  declare('net.CIDR.containsCIDR(net.CIDR): bool', containsCidr),
  declare('net.CIDR.containsCIDR(string): bool', (c: Cidr, text: string) => containsCidr(c, parseCidr(text))),
];
