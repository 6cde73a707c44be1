/** `portDiscovery`: the ports of the target's containers, beside the one that is named. Pure. */
import type { ServicePort } from 'kubernetes-types/core/v1.js';
import type { Canary } from '../api/index.ts';
import type { Settings } from './settings.ts';
import { targetKindOf } from './targets/index.ts';
import type { Workload } from './targets/target.ts';

/** Proxies' ports are not the app's. */
const PROXIES: ReadonlySet<string> = new Set(['istio-proxy', 'envoy']);

export function extraPorts(canary: Canary, settings: Settings, target: Workload): ServicePort[] {
  const { port, targetPort } = canary.spec.service;
  const containers = targetKindOf(settings.kind)?.pods(target)?.spec?.containers ?? [];
  return containers
    .filter((c) => !PROXIES.has(c.name))
    .flatMap((c) =>
      (c.ports ?? [])
        .map((p, i) => ({ ...p, name: p.name ?? `tcp-${c.name}-${i}` }))
        .filter((p) => p.containerPort !== port && p.containerPort !== targetPort && p.name !== targetPort),
    )
    .map((p) => ({ name: p.name, port: p.containerPort, targetPort: p.containerPort, protocol: p.protocol ?? 'TCP' }));
}
