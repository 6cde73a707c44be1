import type { Causes } from './check.ts';
import { addressVersion } from './ip.ts';

const ADDRESS_HELP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

/** Checks an address of either family. False when it is none. */
export function checkAddress(causes: Causes, field: string, address: string | undefined): boolean {
  if (addressVersion(address ?? '')) return true;
  causes.invalid(field, address ?? '', ADDRESS_HELP);
  return false;
}

/** Checks an address range. False when it is none. */
export function checkCidr(causes: Causes, field: string, cidr: string | undefined): boolean {
  const [address = '', bits = ''] = (cidr ?? '').split('/');
  const version = addressVersion(address);
  if (version && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)) return true;
  causes.invalid(field, cidr ?? '', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)');
  return false;
}

/** What an address may not be where traffic from elsewhere is sent; undefined: nothing is against it. */
export function checkReachable(causes: Causes, field: string, address: string): void {
  const refuse = (why: string): void => causes.invalid(field, address, why);
  if (address === '0.0.0.0' || address === '::') refuse(`may not be unspecified (${address})`);
  if (address.startsWith('127.') || address === '::1') refuse('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (address.startsWith('169.254.') || /^fe[89ab]/i.test(address))
    refuse('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (address.startsWith('224.0.0.') || /^ff02:/i.test(address)) {
    refuse('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
}
