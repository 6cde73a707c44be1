import type { Service } from 'kubernetes-types/core/v1.js';
import type { ServiceEntry, WorkloadEntrySpec } from '../api/index.ts';
import { fullHost } from './host.ts';
import { isHttp, protocolNamed, protocolOf, type Protocol } from './protocol.ts';

export interface ServicePort {
  readonly name: string;
  readonly number: number;
  readonly protocol: Protocol;
  /** Container port by number or name; absent where it is the port itself. */
  readonly target?: number | string;
}

/** An endpoint, and the ports of the service that it is for; absent for all of them. */
export interface Listed {
  readonly endpoint: WorkloadEntrySpec;
  readonly ports?: readonly number[];
}

/** Whether the endpoint is for the port. */
export const isFor = ({ ports }: Listed, port: number): boolean => ports?.includes(port) ?? true;

/** A host one can send requests to. Holds what clusters and routes are made of, and nothing of its endpoints. */
export interface MeshService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  /** Virtual IPs, and blocks of them; none for a headless service or a name that only DNS knows. */
  readonly addresses: readonly string[];
  /**
   * How its endpoints are found: `endpoints` are told, `dns` are resolved by the proxy, `dns-single` likewise but one at a time,
   * `dynamic` is whatever name the client asked for, `original` whatever address.
   */
  readonly discovery: 'endpoints' | 'dns' | 'dns-single' | 'dynamic' | 'original';
  /** A Kubernetes service without a virtual IP: clients address its pods. */
  readonly headless: boolean;
  /** Outside of the mesh: never mTLS unless a DestinationRule says so. */
  readonly external: boolean;
  readonly exportTo: readonly string[];
  /** Pods that belong to it, by label; absent when its endpoints are listed by hand. */
  readonly selector?: Readonly<Record<string, string>>;
  /** Names to resolve, for the `dns` discoveries. */
  readonly dns: readonly Listed[];
  readonly subjectAltNames: readonly string[];
}

/** The ExternalName of a service makes it an alias by DNS; everything else is told by EndpointSlices. */
export function serviceOfKubernetes(service: Service, domain: string): MeshService {
  const { name = '', namespace = '' } = service.metadata ?? {};
  const spec = service.spec ?? {};
  const alias = spec.type === 'ExternalName' ? spec.externalName : undefined;
  const addresses = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter((ip) => ip && ip !== 'None');
  const headless = !alias && spec.clusterIP === 'None';
  const exportTo = service.metadata?.annotations?.['networking.istio.io/exportTo'];
  return {
    host: `${name}.${namespace}.svc.${domain}`,
    name,
    namespace,
    ports: (spec.ports ?? []).map((p) => ({
      name: p.name ?? '',
      number: p.port,
      protocol: protocolOf(p as Parameters<typeof protocolOf>[0]),
      ...(p.targetPort === undefined ? {} : { target: p.targetPort }),
    })),
    addresses,
    discovery: alias ? 'dns' : headless ? 'original' : 'endpoints',
    headless,
    external: alias !== undefined,
    exportTo: exportTo ? exportTo.split(',').map((s) => s.trim()) : [],
    ...(spec.selector && Object.keys(spec.selector).length ? { selector: spec.selector } : {}),
    dns: alias ? [{ endpoint: { address: alias } }] : [],
    subjectAltNames: [],
  };
}

const DISCOVERY = { NONE: 'original', STATIC: 'endpoints', DNS: 'dns', DNS_ROUND_ROBIN: 'dns-single', DYNAMIC_DNS: 'dynamic' } as const;

/** One service for each host of the entry. */
export function servicesOfEntry(entry: ServiceEntry, domain: string): MeshService[] {
  const { namespace = '' } = entry.metadata ?? {};
  const spec = entry.spec ?? {};
  return (spec.hosts ?? []).map((written) => {
    const host = fullHost(written, namespace, domain);
    const discovery = DISCOVERY[spec.resolution ?? 'NONE'] ?? 'original';
    return {
      host,
      name: host,
      namespace,
      ports: (spec.ports ?? []).map((p) => ({
        name: p.name,
        number: p.number,
        protocol: protocolNamed(p.protocol, p.number),
        ...(p.targetPort ? { target: p.targetPort } : {}),
      })),
      addresses: (spec.addresses ?? []).map((a) => a.replace(/\/(32|128)$/, '')),
      discovery:
        isResolved(discovery) && host.startsWith('*') && !spec.endpoints?.length && !spec.workloadSelector ? 'original' : discovery,
      headless: false,
      external: spec.location !== 'MESH_INTERNAL',
      exportTo: spec.exportTo ?? [],
      ...(spec.workloadSelector?.labels ? { selector: spec.workloadSelector.labels } : {}),
      dns: [],
      subjectAltNames: spec.subjectAltNames ?? [],
    };
  });
}

/** Whether the proxy looks up the names that clients ask for on this port: these must be such that it can read them. */
export function isLookedUp({ discovery }: MeshService, { protocol }: ServicePort): boolean {
  return discovery === 'dynamic' && (isHttp(protocol) || protocol === 'tls');
}

function isResolved(discovery: MeshService['discovery']): boolean {
  return discovery === 'dns' || discovery === 'dns-single';
}

/** The service with the names that its endpoints are found by: those that are listed, else for a port its own. */
export function resolving(service: MeshService, listed: readonly Listed[]): MeshService {
  if (!isResolved(service.discovery) || service.dns.length) return service;
  const named = listed.filter((l) => l.endpoint.address);
  const bare = service.ports.map((p) => p.number).filter((port) => !service.selector && !named.some((l) => isFor(l, port)));
  return { ...service, dns: bare.length ? [...named, { endpoint: { address: service.host }, ports: bare }] : named };
}

/** A host that two entries of a namespace speak of: what the older says, and the ports that only the other has. */
export function joined(older: MeshService, other: MeshService): MeshService {
  const more = other.ports.filter((p) => !older.ports.some((o) => o.number === p.number || o.name === p.name));
  return more.length ? { ...older, ports: [...older.ports, ...more] } : older;
}

/** The port a destination means: the one it names, else the only one, else the one the request came in on. */
export function destinationPort(service: MeshService | undefined, said: number | undefined, listenerPort: number): number {
  return said ?? (service?.ports.length === 1 ? service.ports[0]!.number : listenerPort);
}
