/** The Gateways that a Canary names: without them no request from outside comes to either side. */
import { ApiError, Gateways, KubernetesGateways, type Canary, type Key, type Resource } from '../api/index.ts';
import type { Client } from '../control/index.ts';
import type { Settings } from './settings.ts';

interface ParentRef {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
}

interface Named {
  readonly resource: Resource;
  readonly field: string;
  readonly key: Required<Key>;
}

/** `gateway`, `namespace/gateway` or, as of old, `gateway.namespace.svc.cluster.local`. */
function istioKey(name: string, own: string): Required<Key> {
  const [namespace, rest] = name.split('/');
  if (rest) return { namespace: namespace!, name: rest };
  const [first = '', second = own] = name.split('.');
  return { namespace: second, name: first };
}

function named({ spec: { service } }: Canary, { namespace, provider }: Settings): Named[] {
  if (provider === 'istio')
    return (service.gateways ?? [])
      .filter((name) => name !== 'mesh')
      .map((name) => ({ resource: Gateways, field: 'spec.service.gateways', key: istioKey(name, namespace) }));
  if (!provider.startsWith('gatewayapi')) return [];
  return ((service.gatewayRefs ?? []) as ParentRef[])
    .filter(({ kind = 'Gateway' }) => kind === 'Gateway')
    .map((ref) => ({
      resource: KubernetesGateways,
      field: 'spec.service.gatewayRefs',
      key: { namespace: ref.namespace ?? namespace, name: ref.name },
    }));
}

/** A sentence for each that is not there. Where they may not be read, nothing is known of them. */
export async function missingGateways(client: Client, canary: Canary, settings: Settings): Promise<string[]> {
  const said = named(canary, settings).map(async ({ resource, field, key }) => {
    try {
      if (await client.get(resource, key)) return [];
    } catch (error) {
      if (error instanceof ApiError) return [];
      throw error;
    }
    return [`Gateway ${key.name}.${key.namespace} not found: create it, or correct ${field}; until then nothing comes in through it.`];
  });
  return (await Promise.all(said)).flat();
}
