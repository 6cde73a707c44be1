import { sidecarTraffic } from '../../api/index.ts';
import type { Capture } from '../net/types.ts';
import type { Pod } from '../objects.ts';
import { hasProxy, PROXY_CONTAINER } from './decide.ts';

/** A gateway's proxy listens to its clients itself; a sidecar's takes what was meant for the app. */
function isGateway(pod: Pod): boolean {
  return pod.spec?.containers.some((c) => c.name === PROXY_CONTAINER && c.args?.[1] === 'router') ?? false;
}

/** What of a pod's traffic its proxy takes, from Istio's annotations; undefined when it has no sidecar. */
export function captureOf(pod: Pod): Capture | undefined {
  return hasProxy(pod) && !isGateway(pod) ? sidecarTraffic(pod.metadata?.annotations) : undefined;
}
