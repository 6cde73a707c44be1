import type { IPAddress, ServiceCIDR } from 'kubernetes-types/networking/v1alpha1.js';
import { canonicalJson } from '../../base/index.ts';
import type { Resource } from '../object.ts';
import { asGo, dnsSubdomain, follow, type Rule } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { checkCidr } from './ip-validation.ts';
import { addressVersion } from './ip.ts';
import { pathSegment } from './metadata.ts';

const group = 'networking.k8s.io';
const Addresses: Resource<IPAddress> = { group, version: 'v1', kind: 'IPAddress', plural: 'ipaddresses', namespaced: false };
const Ranges: Resource<ServiceCIDR> = { group, version: 'v1', kind: 'ServiceCIDR', plural: 'servicecidrs', namespaced: false };

const address: Rule = (name) => (addressVersion(name) ? undefined : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');

export const ipAddresses = define<IPAddress>({
  resource: Addresses,
  shortNames: ['ip'],
  schema: 'k8s.io.api.networking.v1.IPAddress',
  nameRule: address,
  check(causes, o, old) {
    const parent = o.spec?.parentRef;
    if (!parent) return causes.required('spec.parentRef');
    if (parent.group) follow(causes, 'spec.parentRef.group', parent.group, dnsSubdomain);
    for (const field of ['resource', 'name'] as const) {
      if (!parent[field]) causes.required(`spec.parentRef.${field}`);
      else follow(causes, `spec.parentRef.${field}`, parent[field], pathSegment);
    }
    if (old && canonicalJson(parent) !== canonicalJson(old.spec?.parentRef ?? null)) {
      causes.invalid('spec.parentRef', asGo(parent, { Group: '', Resource: '', Namespace: '', Name: '' }), 'field is immutable');
    }
  },
  columns: [nameColumn, column('ParentRef', parentText), ageColumn],
});

function parentText(o: IPAddress): string {
  const { group, resource = '', namespace, name } = o.spec?.parentRef ?? {};
  if (!o.spec?.parentRef) return '<none>';
  return [`${resource}${group ? `.${group}` : ''}`.toLowerCase(), ...(namespace ? [namespace] : []), name].join('/');
}

export const serviceCidrs = define<ServiceCIDR>({
  resource: Ranges,
  schema: 'k8s.io.api.networking.v1.ServiceCIDR',
  status: true,
  default(o) {
    (o as { status?: object }).status ??= {};
  },
  check(causes, o, old) {
    const cidrs = o.spec?.cidrs ?? [];
    if (!cidrs.length) return causes.required('spec.cidrs', 'at least one CIDR required');
    if (cidrs.length > 2) return causes.invalid('spec.cidrs', { CIDRs: cidrs }, 'may only hold up to 2 values');
    cidrs.forEach((cidr, i) => checkCidr(causes, `spec.cidrs[${i}]`, cidr));
    const [first = '', second = ''] = cidrs;
    if (second && first.includes(':') === second.includes(':')) {
      causes.invalid('spec.cidrs', cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64');
    }
    old?.spec?.cidrs?.forEach((cidr, i) => {
      if (cidrs[i] !== cidr) causes.invalid(`spec.cidrs[${i}]`, cidrs[i], 'field is immutable');
    });
  },
  columns: [nameColumn, column('CIDRs', (o) => (o.spec?.cidrs ?? []).join(',')), ageColumn],
});
