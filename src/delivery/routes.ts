/** The objects that steer traffic for a canary, as Flagger's istio router lays them out. Pure. */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Service } from 'kubernetes-types/core/v1.js';
import { Canaries, type Canary, type DestinationRule, type HTTPRoute, type VirtualService } from '../api/index.ts';
import { controllerReference } from '../control/index.ts';
import { canaryName, primaryName, selectorLabel } from './primary.ts';
import type { Settings } from './settings.ts';

/** Shares of the traffic in percent. */
export interface Weights {
  readonly primary: number;
  readonly canary: number;
}

export const ALL_PRIMARY: Weights = { primary: 100, canary: 0 };

type Role = 'apex' | 'primary' | 'canary';

/** The Service of a role: apex and primary select the primary's pods, canary the target's. */
export function serviceOf(role: Role, canary: Canary, settings: Settings, target: Deployment): Service {
  const { service } = canary.spec;
  const selector = selectorLabel(target)!;
  const name = role === 'apex' ? settings.apex : role === 'primary' ? primaryName(settings.apex) : canaryName(settings.apex);
  const extra = service[role];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: settings.namespace,
      labels: { [selector.label]: name, ...extra?.labels },
      ...(extra?.annotations ? { annotations: extra.annotations } : {}),
      ownerReferences: [controllerReference(Canaries, canary)],
    },
    spec: {
      type: 'ClusterIP',
      ...(service.headless ? { clusterIP: 'None' } : {}),
      selector: { [selector.label]: role === 'canary' ? selector.value : primaryName(selector.value) },
      ports: [
        {
          name: service.portName ?? 'http',
          port: service.port,
          targetPort: service.targetPort ?? service.port,
          protocol: 'TCP',
          ...(service.appProtocol ? { appProtocol: service.appProtocol } : {}),
        },
      ],
    },
  };
}

export function destinationRuleOf(role: 'primary' | 'canary', canary: Canary, settings: Settings): DestinationRule {
  const host = role === 'primary' ? primaryName(settings.apex) : canaryName(settings.apex);
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: host, namespace: settings.namespace, ownerReferences: [controllerReference(Canaries, canary)] },
    spec: { host, ...(canary.spec.service.trafficPolicy ? { trafficPolicy: canary.spec.service.trafficPolicy } : {}) },
  };
}

/** `delegation` leaves hosts and gateways to the VirtualService that delegates here. */
export function virtualServiceOf(canary: Canary, settings: Settings, weights: Weights): VirtualService {
  const { service } = canary.spec;
  const destination = (host: string, weight: number) => ({ destination: { host }, weight });
  const rewrite = service.rewrite && { uri: service.rewrite.uri, authority: service.rewrite.authority };
  const route: HTTPRoute = {
    ...(service.match ? { match: service.match } : {}),
    ...(rewrite ? { rewrite } : {}),
    ...(service.timeout ? { timeout: service.timeout } : {}),
    ...(service.retries ? { retries: service.retries } : {}),
    ...(service.headers ? { headers: service.headers } : {}),
    ...(service.corsPolicy ? { corsPolicy: service.corsPolicy } : {}),
    route: [destination(primaryName(settings.apex), weights.primary), destination(canaryName(settings.apex), weights.canary)],
  };
  const hosts = service.hosts ?? [];
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: {
      name: settings.apex,
      namespace: settings.namespace,
      ...(service.apex?.labels ? { labels: service.apex.labels } : {}),
      ...(service.apex?.annotations ? { annotations: service.apex.annotations } : {}),
      ownerReferences: [controllerReference(Canaries, canary)],
    },
    spec: service.delegation
      ? { http: [route] }
      : {
          hosts: hosts.includes(settings.apex) || hosts.includes('*') ? hosts : [...hosts, settings.apex],
          gateways: service.gateways?.length ? service.gateways : ['mesh'],
          http: [route],
        },
  };
}

/** The shares a VirtualService gives, read back from it: it, not the status, is the truth about traffic. */
export function weightsOf(virtualService: VirtualService, settings: Settings): Weights | undefined {
  for (const http of virtualService.spec.http ?? []) {
    const share = (host: string): number | undefined => http.route?.find((r) => r.destination.host.split('.')[0] === host)?.weight;
    const canary = share(canaryName(settings.apex));
    if (canary !== undefined) return { primary: share(primaryName(settings.apex)) ?? 100 - canary, canary };
  }
  return undefined;
}
