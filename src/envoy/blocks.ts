/** Addresses and blocks of them, as in `10.0.0.1` and `10.0.0.0/8`. */
import { isIPv4 } from '../api/index.ts';

interface Block {
  readonly base: number;
  readonly bits: number;
}

/** IPv4 only; undefined for all else. */
function blockOf(text: string): Block | undefined {
  const [address = '', length] = text.split('/');
  if (!isIPv4(address)) return undefined;
  const bits = length === undefined ? 32 : Number(length);
  return {
    base: masked(
      address.split('.').reduce((n, part) => n * 256 + Number(part), 0),
      bits,
    ),
    bits,
  };
}

function masked(address: number, bits: number): number {
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) * size;
}

/** Whether every address of `inner` is one of `outer`. */
export function contains(outer: string, inner: string): boolean {
  const [o, i] = [blockOf(outer), blockOf(inner)];
  if (!o || !i) return outer === inner;
  return o.bits <= i.bits && masked(i.base, o.bits) === o.base;
}

/** What the two lists of blocks have in common. */
export function common(some: readonly string[], others: readonly string[]): readonly string[] {
  const found = some.flatMap((a) => others.flatMap((b) => (contains(b, a) ? [a] : contains(a, b) ? [b] : [])));
  return [...new Set(found)];
}
