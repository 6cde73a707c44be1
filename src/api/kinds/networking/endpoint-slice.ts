import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { EndpointSlices } from '../../resources.ts';
import { type Causes, dnsLabel, dnsSubdomain, follow } from '../check.ts';
import { ageColumn, column, few, nameColumn } from '../columns.ts';
import { define } from '../define.ts';
import { checkAddress, checkReachable } from '../ip-validation.ts';
import { addressVersion } from '../ip.ts';
import { oldEndpointSlices } from '../legacy/others.ts';

export const endpointSlices = define<EndpointSlice>({
  resource: EndpointSlices,
  schema: 'k8s.io.api.discovery.v1.EndpointSlice',
  default(o) {
    for (const endpoint of o.endpoints ?? []) endpoint.conditions ??= {};
    for (const port of o.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  check(causes, o, old) {
    if (!o.addressType) causes.required('addressType');
    else causes.oneOf('addressType', o.addressType, ['FQDN', 'IPv4', 'IPv6']);
    if (old) causes.immutable('addressType', o.addressType, old.addressType);
    o.endpoints?.forEach((endpoint, i) => checkEndpoint(causes, `endpoints[${i}]`, endpoint, o.addressType));
    checkPorts(causes, o.ports ?? []);
  },
  columns: [
    nameColumn,
    column('AddressType', (o) => o.addressType),
    column('Ports', (o) =>
      few(
        (o.ports ?? []).map((p) => String(p.port ?? '*')),
        '<unset>',
      ),
    ),
    column('Endpoints', (o) =>
      few(
        (o.endpoints ?? []).flatMap((e) => e.addresses),
        '<unset>',
      ),
    ),
    ageColumn,
  ],
  legacy: oldEndpointSlices,
});

/** Addresses of an endpoint: at least one, and not many. */
const MOST_ADDRESSES = 100;

function checkEndpoint(causes: Causes, at: string, { addresses, hostname }: EndpointSlice['endpoints'][number], type: string): void {
  if (!addresses?.length) causes.required(`${at}.addresses`, 'must contain at least 1 address');
  else if (addresses.length > MOST_ADDRESSES) {
    causes.add('FieldValueTooMany', `${at}.addresses`, `Too many: ${addresses.length}: must have at most ${MOST_ADDRESSES} items`);
  }
  addresses?.forEach((address, i) => checkEndpointAddress(causes, `${at}.addresses`, i, address, type));
  if (hostname !== undefined) follow(causes, `${at}.hostname`, hostname, dnsLabel);
}

function checkEndpointAddress(causes: Causes, field: string, i: number, address: string, type: string): void {
  if (type === 'FQDN') return follow(causes, `${field}[${i}]`, address, dnsSubdomain);
  if ((type !== 'IPv4' && type !== 'IPv6') || !checkAddress(causes, `${field}[${i}]`, address)) return;
  if (addressVersion(address) !== (type === 'IPv4' ? 4 : 6)) causes.invalid(field, address, `must be an ${type} address`);
  checkReachable(causes, `${field}[${i}]`, address);
}

function checkPorts(causes: Causes, ports: NonNullable<EndpointSlice['ports']>): void {
  const names = new Set<string>();
  ports.forEach(({ name = '', protocol }, i) => {
    if (name) follow(causes, `ports[${i}].name`, name, dnsLabel);
    if (names.has(name)) causes.duplicate(`ports[${i}].name`, name);
    names.add(name);
    causes.oneOf(`ports[${i}].protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
  });
}
