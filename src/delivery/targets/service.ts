/** A Service as target: whoever changes where it leads makes a release of that; there is nothing to scale. */
import type { Service, ServiceSpec } from 'kubernetes-types/core/v1.js';
import { Services } from '../../api/index.ts';
import type { TargetKind } from './target.ts';
import { primaryMetadata } from './template.ts';

/** Where the Service leads, without what the API server gave to that one Service. */
export function leads({ spec = {} }: Service): ServiceSpec {
  const { clusterIP, clusterIPs: _ips, healthCheckNodePort: _check, ports, ...rest } = spec;
  return {
    ...rest,
    ...(clusterIP === 'None' ? { clusterIP } : {}),
    ...(ports ? { ports: ports.map(({ nodePort: _port, ...p }) => p) } : {}),
  };
}

/** `onto` leads where `from` does, at its own address. */
function leading(onto: Service, from: Service): Service {
  const { clusterIP, clusterIPs } = onto.spec ?? {};
  return { ...onto, spec: { ...leads(from), ...(clusterIP ? { clusterIP } : {}), ...(clusterIPs ? { clusterIPs } : {}) } };
}

export const services: TargetKind<Service> = {
  resource: Services,
  noun: 'service',
  revised: leads,
  pods: () => undefined,
  readiness: () => ({ state: 'ready' }),
  primary: ({ canary, settings, target }) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: primaryMetadata(canary, settings, target, undefined),
    spec: leads(target),
  }),
  promoted: (primary, { target }) => leading(primary, target),
  previous: (primary, metadata) => ({ apiVersion: 'v1', kind: 'Service', metadata, spec: leads(primary) }),
  restored: leading,
  isAsleep: () => false,
  scaled: () => undefined,
  replicas: () => undefined,
};
