/** Writes on objects of the Gateway API what became of them. */
import {
  GatewayClasses,
  GRPCRoutes,
  HTTPRoutes,
  keyText,
  KubernetesGateways,
  type gatewayApi,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import { canonicalJson, messageOf, type Clock, type Log } from '../base/index.ts';
import { withCondition, type Client } from '../control/index.ts';
import { GATEWAY_CONTROLLER, type ObjectStatus } from '../mesh/index.ts';

type Reported = KubeObject & { status?: gatewayApi.GatewayStatus & Partial<gatewayApi.RouteStatus> };

const REPORTED: Readonly<Record<string, Resource>> = {
  GatewayClass: GatewayClasses,
  Gateway: KubernetesGateways,
  HTTPRoute: HTTPRoutes,
  GRPCRoute: GRPCRoutes,
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
  const { conditions, addresses, listeners, parents, generation } = next;
  const old = object.status ?? {};
  const set = (before: gatewayApi.Condition[] | undefined, after: ObjectStatus['conditions'] = []): gatewayApi.Condition[] => {
    const kept = (before ?? []).filter((c) => after.some((a) => a.type === c.type));
    return after.reduce((list, c) => withCondition(list, { ...c, observedGeneration: generation }, now), kept);
  };
  const same = (a: gatewayApi.ParentRef, b: gatewayApi.ParentRef): boolean => canonicalJson(a) === canonicalJson(b);
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
    ...(parents
      ? {
          parents: [
            ...(old.parents ?? []).filter((p) => p.controllerName !== GATEWAY_CONTROLLER),
            ...parents.map((p) => {
              const before = old.parents?.find((o) => o.controllerName === GATEWAY_CONTROLLER && same(o.parentRef, p.parentRef));
              return { ...p, conditions: set(before?.conditions, p.conditions) };
            }),
          ],
        }
      : {}),
  };
}
