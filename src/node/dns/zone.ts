import type { Endpoint } from 'kubernetes-types/discovery/v1.js';
import { isIpv4 } from '../net/addresses.ts';
import { ofEachService, type ServiceGroup } from '../net/service-groups.ts';

export const CLUSTER_DOMAIN = 'cluster.local';

export type ZoneRecord =
  | { readonly type: 'A'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR'; readonly target: string }
  | { readonly type: 'SRV'; readonly target: string; readonly port: number };

/** Names in lower case without the final dot. A name with no records exists all the same: something is below it. */
export type Zone = ReadonlyMap<string, readonly ZoneRecord[]>;

/** `4.3.2.1.in-addr.arpa` of 1.2.3.4. */
export function reverseName(ip: string): string {
  return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
}

/** A name that exists, and what is to be found there. */
type Entry = readonly [name: string, record?: ZoneRecord];

/**
 * What Kubernetes' DNS specification (1.1.0) says of these services: services by name, headless services by their ready
 * endpoints, named ports as SRV, and addresses backwards. IPv4 only. `aliases` are names besides, and what they stand for.
 */
export function zoneBuilder(): (groups: readonly ServiceGroup[], aliases?: Iterable<readonly [name: string, target: string]>) => Zone {
  const entries = ofEachService(entriesOf);
  return (groups, aliases = []) => {
    const zone = new Map<string, ZoneRecord[]>();
    const at = (name: string): ZoneRecord[] => {
      const known = zone.get(name);
      if (known) return known;
      const fresh: ZoneRecord[] = [];
      zone.set(name, fresh);
      const parent = name.indexOf('.');
      if (name.endsWith(`.${CLUSTER_DOMAIN}`)) at(name.slice(parent + 1));
      return fresh;
    };
    at(`svc.${CLUSTER_DOMAIN}`);
    for (const ofService of entries(groups)) {
      for (const [name, record] of ofService) {
        const records = at(name);
        if (record && !records.some((r) => sameRecord(r, record))) records.push(record);
      }
    }
    for (const [name, target] of aliases) zone.set(name, [{ type: 'CNAME', target }]);
    return zone;
  };
}

function entriesOf({ service, slices }: ServiceGroup): Entry[] {
  const entries: Entry[] = [];
  const add = (name: string, record?: ZoneRecord): void => void entries.push([name, record]);
  const { name, namespace } = service.metadata ?? {};
  const fqdn = `${name}.${namespace}.svc.${CLUSTER_DOMAIN}`;
  const { spec = {} } = service;
  if (spec.type === 'ExternalName') {
    if (spec.externalName) add(fqdn, { type: 'CNAME', target: bare(spec.externalName) });
    return entries;
  }
  const headless = spec.clusterIP === 'None';
  add(fqdn);
  if (spec.clusterIP && isIpv4(spec.clusterIP)) {
    add(fqdn, { type: 'A', address: spec.clusterIP });
    add(reverseName(spec.clusterIP), { type: 'PTR', target: fqdn });
    for (const p of spec.ports ?? []) addPort(add, fqdn, p, { target: fqdn, port: p.port });
  }
  for (const slice of slices) {
    for (const endpoint of slice.endpoints ?? []) {
      const [address = ''] = endpoint.addresses;
      if (endpoint.conditions?.ready === false || !isIpv4(address)) continue;
      const host = `${hostOf(endpoint, address)}.${fqdn}`;
      add(host, { type: 'A', address });
      if (!headless) continue;
      add(fqdn, { type: 'A', address });
      add(reverseName(address), { type: 'PTR', target: host });
      for (const p of slice.ports ?? []) if (p.port !== undefined) addPort(add, fqdn, p, { target: host, port: p.port });
    }
  }
  return entries;
}

type Add = (name: string, record: ZoneRecord) => void;

function addPort(add: Add, fqdn: string, p: { name?: string; protocol?: string }, to: { target: string; port: number }): void {
  add(fqdn, { type: 'SRV', ...to });
  if (p.name) add(`_${p.name}._${(p.protocol ?? 'TCP').toLowerCase()}.${fqdn}`, { type: 'SRV', ...to });
}

function hostOf(endpoint: Endpoint, address: string): string {
  return endpoint.hostname ?? address.replaceAll('.', '-');
}

function bare(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function sameRecord(a: ZoneRecord, b: ZoneRecord): boolean {
  if (a.type === 'A') return b.type === 'A' && a.address === b.address;
  if (b.type === 'A' || a.type !== b.type || a.target !== b.target) return false;
  return a.type !== 'SRV' || (b.type === 'SRV' && a.port === b.port);
}
