import type { Duplex } from 'node:stream';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Pod, Service } from 'kubernetes-types/core/v1.js';
import { ApiError, EndpointSlices, Pods, Services } from '../api/index.ts';
import type { Client } from '../control/index.ts';
import type { Kubelet } from './kubelet.ts';

/**
 * Byte streams into pods from outside the node, by way of its port-forward. What cannot be reached is an `ApiError`:
 * NotFound when there is no such object, ServiceUnavailable when it has no such port or nobody is ready behind it.
 */
export interface Dialer {
  /** To a port of a pod, by number or by the name that a container gives it; without one, the first that a container declares. */
  pod(namespace: string, name: string, port: string | undefined, standard: number): Promise<Duplex>;
  /** To a pod that is ready behind a service, at a port of the service by number or name; without one, its port without a name. */
  service(namespace: string, name: string, port: string | undefined): Promise<Duplex>;
}

/** A place in a pod. */
interface Backend {
  readonly pod: string;
  readonly port: number;
}

/** `client` is asked for only when somebody dials: whoever makes it may need the dialer first. */
export function createDialer(client: () => Pick<Client, 'get' | 'list'>, kubelet: Pick<Kubelet, 'portForward'>): Dialer {
  let turn = 0;
  return {
    async pod(namespace, name, port, standard) {
      const pod = await client().get(Pods, { namespace, name });
      if (!pod) throw new ApiError('NotFound', `pods "${name}" not found`, { name, kind: 'pods' });
      return kubelet.portForward(namespace, name, portOfPod(pod, port, standard));
    },

    async service(namespace, name, port) {
      const service = await client().get(Services, { namespace, name });
      if (!service) throw new ApiError('NotFound', `services "${name}" not found`, { name, kind: 'services' });
      const { items } = await client().list(EndpointSlices, { namespace, labelSelector: `kubernetes.io/service-name=${name}` });
      const found = backendsOf(service, port, items);
      if (found.length === 0) throw new ApiError('ServiceUnavailable', `no endpoints available for service "${name}"`);
      // One after another has its turn; one that has just gone, and is still listed, costs a try.
      const first = turn++ % found.length;
      let last: unknown;
      for (let i = 0; i < found.length; i++) {
        const { pod, port: target } = found[(first + i) % found.length]!;
        try {
          return await kubelet.portForward(namespace, pod, target);
        } catch (error) {
          last = error;
        }
      }
      throw last;
    },
  };
}

function portOfPod(pod: Pod, wanted: string | undefined, standard: number): number {
  const declared = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  if (wanted === undefined) return declared[0]?.containerPort ?? standard;
  const number = numberIn(wanted) ?? declared.find((p) => p.name === wanted)?.containerPort;
  if (number === undefined) throw new ApiError('ServiceUnavailable', `pod "${pod.metadata?.name}" has no port "${wanted}"`);
  return number;
}

/** The ready pods behind a service, and the port there that a port of the service leads to. */
export function backendsOf(service: Service, wanted: string | undefined, slices: readonly EndpointSlice[]): Backend[] {
  const name = service.metadata?.name ?? '';
  const number = wanted === undefined ? undefined : numberIn(wanted);
  const ports = service.spec?.ports ?? [];
  const port = number === undefined ? ports.find((p) => (p.name ?? '') === (wanted ?? '')) : ports.find((p) => p.port === number);
  if (number !== undefined && !port) throw new ApiError('ServiceUnavailable', `no service port ${wanted} found for service "${name}"`);
  if (!port) return [];
  return slices.flatMap(({ endpoints, ports: targets }) => {
    const target = targets?.find((p) => (p.name ?? '') === (port.name ?? ''))?.port;
    if (target === undefined) return [];
    return endpoints.flatMap(({ conditions, targetRef }) =>
      conditions?.ready !== false && targetRef?.kind === 'Pod' && targetRef.name ? [{ pod: targetRef.name, port: target }] : [],
    );
  });
}

function numberIn(port: string): number | undefined {
  return /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536 ? Number(port) : undefined;
}
