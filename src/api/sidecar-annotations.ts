/** What annotations of a pod say to its sidecar: which traffic it takes, and whether the application waits for it. */
import { parseYaml } from '../base/index.ts';
import { isIPv4 } from './kinds/ip.ts';

type Annotations = Readonly<Record<string, string>> | undefined;

/** Annotations about traffic begin so. */
export const TRAFFIC_PREFIX = 'traffic.sidecar.istio.io/';
/** Settings of the proxy, as YAML or JSON. */
export const PROXY_CONFIG = 'proxy.istio.io/config';

/** What of a pod's TCP traffic passes through its sidecar; an exclusion wins over an inclusion. */
export interface SidecarTraffic {
  /** Absent: every port. */
  readonly includeInboundPorts?: readonly number[];
  readonly excludeInboundPorts: readonly number[];
  /** Taken wherever they lead. */
  readonly includeOutboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  /** IPv4 addresses and blocks; absent: every destination. */
  readonly includeOutboundCidrs?: readonly string[];
  readonly excludeOutboundCidrs: readonly string[];
}

/** By the name of the annotation, what its entries are. */
export const TRAFFIC_ANNOTATIONS: Readonly<Record<string, 'ports' | 'ranges'>> = {
  includeInboundPorts: 'ports',
  excludeInboundPorts: 'ports',
  includeOutboundPorts: 'ports',
  excludeOutboundPorts: 'ports',
  includeOutboundIPRanges: 'ranges',
  excludeOutboundIPRanges: 'ranges',
};

/** The parts between commas. */
export function entriesOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((w) => w.trim())
    .filter(Boolean);
}

/** Whether it is an entry of its kind; `*` is one of every kind. */
export function isEntry(kind: 'ports' | 'ranges', entry: string): boolean {
  if (entry === '*') return true;
  if (kind === 'ports') return /^\d{1,5}$/.test(entry) && Number(entry) > 0 && Number(entry) < 65_536;
  const [address = '', length = '32', more] = entry.split('/');
  return isIPv4(address) && /^\d{1,2}$/.test(length) && Number(length) <= 32 && more === undefined;
}

/** Entries that are none are left out. */
export function sidecarTraffic(annotations: Annotations): SidecarTraffic {
  const said = (name: keyof typeof TRAFFIC_ANNOTATIONS): readonly string[] | undefined => {
    const text = annotations?.[TRAFFIC_PREFIX + name];
    return text === undefined ? undefined : entriesOf(text).filter((w) => isEntry(TRAFFIC_ANNOTATIONS[name]!, w));
  };
  const ports = (name: string): readonly number[] => (said(name) ?? []).filter((w) => w !== '*').map(Number);
  const inbound = said('includeInboundPorts');
  const outbound = said('includeOutboundIPRanges');
  return {
    // Nothing between the commas means nothing is taken.
    ...(inbound && !inbound.includes('*') ? { includeInboundPorts: inbound.map(Number) } : {}),
    excludeInboundPorts: ports('excludeInboundPorts'),
    includeOutboundPorts: ports('includeOutboundPorts'),
    excludeOutboundPorts: ports('excludeOutboundPorts'),
    ...(outbound && !outbound.includes('*') ? { includeOutboundCidrs: outbound } : {}),
    excludeOutboundCidrs: (said('excludeOutboundIPRanges') ?? []).map((w) => (w === '*' ? '0.0.0.0/0' : w)),
  };
}

/** Whether the sidecar takes what comes in for a port of the pod. */
export function takesInbound(annotations: Annotations, port: number): boolean {
  if (!annotations) return true;
  const { includeInboundPorts: included, excludeInboundPorts: excluded } = sidecarTraffic(annotations);
  return (included?.includes(port) ?? true) && !excluded.includes(port);
}

/** Settings of the pod's proxy; undefined where they cannot be read. */
export function proxyConfigOf(annotations: Annotations): Readonly<Record<string, unknown>> | undefined {
  const text = annotations?.[PROXY_CONFIG];
  if (!text) return {};
  try {
    const [value] = parseYaml(text, PROXY_CONFIG);
    return typeof value === 'object' && !Array.isArray(value) ? ((value ?? {}) as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether containers start only once the proxy is ready; they do unless `holdApplicationUntilProxyStarts` is off. */
export function holdsApplication(annotations: Annotations): boolean {
  return proxyConfigOf(annotations)?.['holdApplicationUntilProxyStarts'] !== false;
}
