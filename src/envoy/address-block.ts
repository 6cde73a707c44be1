import { isIPv4, isIPv6 } from '../api/index.ts';
import type { Json } from './json.ts';

/** What never holds: a value that Envoy would refuse, and the whole listener with it. */
export function never(kind: 'id' | 'rule'): Json {
  return { [`not_${kind}`]: { any: true } };
}

/** Whether an address is in a block, or is the one that is given. */
export function addressBlock(field: string, value: string, kind: 'id' | 'rule' = 'id'): Json {
  const [address = '', said] = value.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  const length = said === undefined ? bits : Number(said);
  return Number.isInteger(length) && length >= 0 && length <= bits
    ? { [field]: { address_prefix: address, prefix_len: length } }
    : never(kind);
}
