/** Writes on objects of the Gateway API what became of them. */
import {
  BackendTLSPolicies,
  GatewayClasses,
  GRPCRoutes,
  HTTPRoutes,
  keyText,
  KubernetesGateways,
  TCPRoutes,
  TLSRoutes,
  type gatewayApi,
  type KubeObject,
  type Resource,
} from '../../api/index.ts';
import { canonicalJson, messageOf, type Clock, type Log } from '../../base/index.ts';
import { withCondition, type Client } from '../../control/index.ts';
import { GATEWAY_CONTROLLER, type ObjectStatus } from '../../mesh/index.ts';

type Reported = KubeObject & { status?: gatewayApi.GatewayStatus & Partial<gatewayApi.RouteStatus & gatewayApi.PolicyStatus> };

/** What one controller says of an object with respect to another. */
type Said<Ref extends string, Conditions> = { readonly [ref in Ref]: gatewayApi.ParentRef } & {
  readonly controllerName: string;
  readonly conditions: Conditions;
};

const REPORTED: Readonly<Record<string, Resource>> = {
  GatewayClass: GatewayClasses,
  Gateway: KubernetesGateways,
  HTTPRoute: HTTPRoutes,
  GRPCRoute: GRPCRoutes,
  TLSRoute: TLSRoutes,
  TCPRoute: TCPRoutes,
  BackendTLSPolicy: BackendTLSPolicies,
};

export interface StatusReporter {
  /** Takes all that is to be said. An object is written when its own part changes. */
  report(statuses: readonly ObjectStatus[]): void;
}

export function createStatusReporter({ client, clock, log }: { client: Client; clock: Clock; log: Log }): StatusReporter {
  let said: ReadonlyMap<string, ObjectStatus> = new Map();
  const failed = new Set<string>();
  let writing = Promise.resolve();

  async function write(status: ObjectStatus): Promise<void> {
    const resource = REPORTED[status.object.kind]!;
    const object: Reported | undefined = await client.get(resource, status.object);
    if (!object) return;
    const body = { status: statusWith(object, status, clock.now()) };
    if (Object.entries(body.status).every(([k, v]) => canonicalJson(object.status?.[k as 'conditions']) === canonicalJson(v))) return;
    await client.patch(resource, status.object, { type: 'merge', body }, { subresource: 'status', fieldManager: 'istiod' });
  }

  return {
    report(statuses) {
      const next = new Map(statuses.map((s) => [`${s.object.kind} ${keyText(s.object)}`, s]));
      for (const [id, status] of next) {
        if (said.get(id) === status && !failed.delete(id)) continue;
        writing = writing
          .then(() => write(status))
          .catch((error: unknown) => {
            failed.add(id);
            log.warn('a status could not be written', { object: id, error: messageOf(error) });
          });
      }
      said = next;
    },
  };
}

/** The parts of the status that are ours to say; times move only with what they are of. */
function statusWith(object: Reported, next: ObjectStatus, now: number): NonNullable<Reported['status']> {
  const { conditions, addresses, listeners, parents, ancestors, generation } = next;
  const old = object.status ?? {};
  const set = (before: gatewayApi.Condition[] | undefined, after: ObjectStatus['conditions'] = []): gatewayApi.Condition[] => {
    const kept = (before ?? []).filter((c) => after.some((a) => a.type === c.type));
    return after.reduce((list, c) => withCondition(list, { ...c, observedGeneration: generation }, now), kept);
  };
  /** Our entries after those of other controllers. */
  const ours = <Ref extends 'parentRef' | 'ancestorRef'>(
    ref: Ref,
    after: readonly Said<Ref, ObjectStatus['conditions']>[],
    before: readonly Said<Ref, gatewayApi.Condition[]>[] = [],
  ): Said<Ref, gatewayApi.Condition[]>[] => [
    ...before.filter((b) => b.controllerName !== GATEWAY_CONTROLLER),
    ...after.map((entry) => {
      const same = before.find((b) => b.controllerName === GATEWAY_CONTROLLER && canonicalJson(b[ref]) === canonicalJson(entry[ref]));
      return { ...entry, conditions: set(same?.conditions, entry.conditions) };
    }),
  ];
  return {
    ...(conditions ? { conditions: set(old.conditions, conditions) } : {}),
    ...(addresses ? { addresses: [...addresses] } : {}),
    ...(listeners
      ? {
          listeners: listeners.map((l) => ({
            ...l,
            conditions: set(old.listeners?.find((o) => o.name === l.name)?.conditions, l.conditions),
          })),
        }
      : {}),
    ...(parents ? { parents: ours('parentRef', parents, old.parents) } : {}),
    ...(ancestors ? { ancestors: ours('ancestorRef', ancestors, old.ancestors) } : {}),
  };
}
