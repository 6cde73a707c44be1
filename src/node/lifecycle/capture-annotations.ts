import type { Capture } from '../net/types.ts';
import type { Pod } from '../objects.ts';
import { hasProxy, PROXY_CONTAINER } from './decide.ts';

const PREFIX = 'traffic.sidecar.istio.io/';

/** A gateway's proxy listens to its clients itself; a sidecar's takes what was meant for the app. */
function isGateway(pod: Pod): boolean {
  return pod.spec?.containers.some((c) => c.name === PROXY_CONTAINER && c.args?.[1] === 'router') ?? false;
}

/** What of a pod's traffic its proxy takes, from Istio's annotations; undefined when it has no sidecar. Entries that are none are left out. */
export function captureOf(pod: Pod): Capture | undefined {
  if (!hasProxy(pod) || isGateway(pod)) return undefined;
  const annotations = pod.metadata?.annotations ?? {};
  const words = (name: string): string[] =>
    (annotations[PREFIX + name] ?? '')
      .split(',')
      .map((w) => w.trim())
      .filter(Boolean);
  const ports = (name: string): number[] =>
    words(name)
      .map(Number)
      .filter((n) => Number.isInteger(n) && n > 0 && n < 65536);
  const ranges = (name: string): string[] => words(name).filter((w) => w === '*' || /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(w));
  return {
    excludeInboundPorts: ports('excludeInboundPorts'),
    excludeOutboundPorts: ports('excludeOutboundPorts'),
    excludeOutboundCidrs: ranges('excludeOutboundIPRanges'),
    includeOutboundCidrs: ranges('includeOutboundIPRanges'),
  };
}
