/** True for an IPv4 address in its usual form, without leading zeros. */
export function isIPv4(text: string): boolean {
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split('.').every((part) => Number(part) < 256 && String(Number(part)) === part);
}

/** True for an IPv6 address. */
export function isIPv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const mapped = last !== undefined && isIPv4(last);
  const hex = mapped ? groups.slice(0, -1) : groups;
  const count = hex.length + (mapped ? 2 : 0);
  return hex.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g)) && (halves.length === 2 ? count < 8 : count === 8);
}

/** 4, 6, or 0 for what is not an address. */
export function addressVersion(text: string): 0 | 4 | 6 {
  return isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0;
}

/** The bits of an address as a text of zeros and ones. */
export function addressBits(address: string): string {
  const binary = (value: number, size: number): string => value.toString(2).padStart(size, '0');
  if (isIPv4(address))
    return address
      .split('.')
      .map((part) => binary(Number(part), 8))
      .join('');
  const plain = address.replace(/[^:]*\..*$/, (mapped) => {
    const bits = addressBits(mapped);
    return [bits.slice(0, 16), bits.slice(16)].map((half) => Number.parseInt(half, 2).toString(16)).join(':');
  });
  const [head = [], tail = []] = plain.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...tail].map((group) => binary(Number.parseInt(group, 16), 16)).join('');
}
