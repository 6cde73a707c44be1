/** Where a URL with a name of the cluster leads. Pure: services and slices come in. */
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Service } from 'kubernetes-types/core/v1.js';
import { Fault } from '../base/index.ts';

/** `name.namespace`, `name.namespace.svc`, `name.namespace.svc.cluster.local`. */
const CLUSTER_NAME = /^([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?$/;

/** The service that a host would name; undefined when the name is not of that form (`localhost`, `example.com.`). */
export function serviceNamed(hostname: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, name, namespace] = CLUSTER_NAME.exec(hostname) ?? [];
  return name && namespace ? { namespace, name } : undefined;
}

/** A ready pod of the service, and the port there that its `port` leads to. Throws `Fault` when there is none. */
export function podBehind(
  service: Service,
  port: number,
  slices: readonly EndpointSlice[],
): { readonly pod: string; readonly port: number } {
  const { name = '', namespace = '' } = service.metadata ?? {};
  const found = service.spec?.ports?.find((p) => p.port === port);
  if (!found)
    throw new Fault('NoSuchPort', `service ${name}.${namespace} has no port ${port}`, {
      hint: `Its ports are ${service.spec?.ports?.map((p) => p.port).join(', ') || 'none'}.`,
    });
  for (const slice of slices) {
    if (slice.metadata?.labels?.['kubernetes.io/service-name'] !== name) continue;
    const target = slice.ports?.find((p) => (p.name ?? '') === (found.name ?? ''))?.port;
    const pod = slice.endpoints.find((e) => e.conditions?.ready !== false && e.targetRef?.name)?.targetRef?.name;
    if (target !== undefined && pod) return { pod, port: target };
  }
  throw new Fault('NoEndpoints', `service ${name}.${namespace} has no ready pod`, { hint: 'Look at its selector and its pods.' });
}
