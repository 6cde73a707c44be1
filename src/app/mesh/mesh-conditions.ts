/** Conditions on objects of the mesh, which `kubectl get -o yaml` shows: one write an object at a time, and none that says nothing new. */
import {
  AuthorizationPolicies,
  DestinationRules,
  EnvoyFilters,
  Gateways,
  parseKey,
  PeerAuthentications,
  ProxyConfigs,
  RequestAuthentications,
  ServiceEntries,
  Sidecars,
  Telemetries,
  VirtualServices,
  WorkloadEntries,
  WorkloadGroups,
  type IstioCondition,
  type Key,
  type KubeObject,
  type Resource,
} from '../../api/index.ts';
import type { Clock } from '../../base/index.ts';
import { withCondition, type Client } from '../../control/index.ts';

export type Reported = KubeObject & { status?: { conditions?: IstioCondition[] } };

/** The kinds whose objects carry conditions. */
export const REPORTED: Readonly<Record<string, Resource<Reported>>> = {
  VirtualService: VirtualServices,
  DestinationRule: DestinationRules,
  Gateway: Gateways,
  ServiceEntry: ServiceEntries,
  Sidecar: Sidecars,
  EnvoyFilter: EnvoyFilters,
  WorkloadEntry: WorkloadEntries,
  WorkloadGroup: WorkloadGroups,
  ProxyConfig: ProxyConfigs,
  Telemetry: Telemetries,
  AuthorizationPolicy: AuthorizationPolicies,
  RequestAuthentication: RequestAuthentications,
  PeerAuthentication: PeerAuthentications,
};

export interface ConditionWriter {
  /** Sets a condition of the object `Kind namespace/name`. Resolves with the object as it was, where there was something to write. */
  set(id: string, condition: IstioCondition): Promise<Reported | undefined>;
}

export function createConditionWriter({ client, clock }: { client: Client; clock: Clock }): ConditionWriter {
  /** The last write of each object that is being written: conditions are one list, which is written whole. */
  const busy = new Map<string, Promise<unknown>>();

  async function write(id: string, next: IstioCondition): Promise<Reported | undefined> {
    const { kind, key } = locate(id);
    const resource = REPORTED[kind]!;
    const object = await client.get(resource, key);
    if (!object || saysSo(conditionNamed(object, next.type), next)) return undefined;
    const conditions = withCondition(object.status?.conditions, next, clock.now());
    const body = { status: { conditions } };
    await client.patch(resource, key, { type: 'merge', body }, { subresource: 'status', fieldManager: 'istiod' });
    return { ...object, kind: resource.kind };
  }

  return {
    set(id, condition) {
      const before = busy.get(id) ?? Promise.resolve();
      const mine = before.then(
        () => write(id, condition),
        () => write(id, condition),
      );
      busy.set(id, mine);
      const done = (): unknown => busy.get(id) === mine && busy.delete(id);
      mine.then(done, done);
      return mine;
    },
  };
}

export function conditionNamed(object: Reported, type: string): IstioCondition | undefined {
  return object.status?.conditions?.find((c) => c.type === type);
}

/** Whether a condition is there already, but for its time. */
export function saysSo(now: IstioCondition | undefined, next: IstioCondition): boolean {
  return (['status', 'reason', 'message', 'observedGeneration'] as const).every((k) => now?.[k] === next[k]);
}

export function locate(id: string): { kind: string; key: Key } {
  const space = id.indexOf(' ');
  return { kind: id.slice(0, space), key: parseKey(id.slice(space + 1)) };
}
