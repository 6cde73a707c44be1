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
  type IstioCondition,
  type KubeObject,
  type Resource,
} from '../../api/index.ts';
import { canonicalJson, messageOf, type Clock, type Log } from '../../base/index.ts';
import { withCondition, type Informers } from '../../control/index.ts';
import { GATEWAY_CONTROLLER, type ObjectStatus } from '../../mesh/index.ts';
import { saysSo } from './mesh-conditions.ts';
import { PROGRAMMED, REJECTED, type Hearing } from './programmed.ts';

type Condition = Omit<gatewayApi.Condition, 'lastTransitionTime'>;
type Reported = KubeObject & { status?: gatewayApi.GatewayStatus & Partial<gatewayApi.RouteStatus & gatewayApi.PolicyStatus> };

/** What one controller says of an object with respect to another. */
type Said<Ref extends string, Conditions> = { readonly [ref in Ref]: gatewayApi.ParentRef } & {
  readonly controllerName: string;
  readonly conditions: Conditions;
};

/** What is to be said, with what is not known for certain. */
type Status = Omit<ObjectStatus, 'conditions' | 'parents' | 'ancestors'> & {
  readonly conditions?: readonly Condition[];
  readonly parents?: readonly Said<'parentRef', readonly Condition[]>[];
  readonly ancestors?: readonly Said<'ancestorRef', readonly Condition[]>[];
};

const REPORTED: Readonly<Record<string, Resource<Reported>>> = {
  GatewayClass: GatewayClasses,
  Gateway: KubernetesGateways,
  HTTPRoute: HTTPRoutes,
  GRPCRoute: GRPCRoutes,
  TLSRoute: TLSRoutes,
  TCPRoute: TCPRoutes,
  BackendTLSPolicy: BackendTLSPolicies,
};

export interface StatusReporter extends Hearing {
  /** Takes all that is to be said. An object is written when its own part changes. */
  report(statuses: readonly ObjectStatus[]): void;
}

export function createStatusReporter({ informers, clock, log }: { informers: Informers; clock: Clock; log: Log }): StatusReporter {
  const { client } = informers;
  let said: ReadonlyMap<string, ObjectStatus> = new Map();
  /** How far each object has come, as was last said of it. */
  const standing = new Map<string, IstioCondition>();
  const failed = new Set<string>();
  let writing = Promise.resolve();

  async function write(status: ObjectStatus, said: IstioCondition | undefined): Promise<Reported | undefined> {
    const resource = REPORTED[status.object.kind]!;
    const object = await client.get(resource, status.object);
    if (!object) return undefined;
    const stands = said ?? standingOn(object);
    const body = { status: statusWith(object, stands ? withStanding(status, stands) : status, clock.now()) };
    if (Object.entries(body.status).every(([k, v]) => canonicalJson(object.status?.[k as 'conditions']) === canonicalJson(v)))
      return undefined;
    await client.patch(resource, status.object, { type: 'merge', body }, { subresource: 'status', fieldManager: 'istiod' });
    return { ...object, kind: resource.kind };
  }

  /** One after another: what two writes say of an object is in one list. */
  function inTurn(status: ObjectStatus): Promise<Reported | undefined> {
    const stands = standing.get(idOf(status));
    const written = writing.then(() => write(status, stands));
    writing = written.then(
      () => undefined,
      () => undefined,
    );
    return written;
  }

  return {
    report(statuses) {
      const next = new Map(statuses.map((s) => [idOf(s), s]));
      for (const [id, status] of next) {
        if (said.get(id) === status && !failed.delete(id)) continue;
        inTurn(status).catch((error: unknown) => {
          failed.add(id);
          log.warn('a status could not be written', { object: id, error: messageOf(error) });
        });
      }
      for (const id of standing.keys()) if (!next.has(id)) standing.delete(id);
      said = next;
    },
    *hearers() {
      for (const [id, status] of said) {
        const places = [...(status.parents ?? []), ...(status.ancestors ?? [])];
        if (!status.listeners && !places.some((p) => isAccepted(p.conditions))) continue;
        const object = informers.of(REPORTED[status.object.kind]!).get(status.object);
        // The condition of a Gateway says more than this.
        if (object) yield { id, generation: status.generation, said: status.listeners ? standing.get(id) : standingOn(object) };
      }
    },
    async say(id, condition) {
      standing.set(id, condition);
      const status = said.get(id);
      return status && inTurn(status);
    },
  };
}

/** A Gateway of the Gateway API is not one of Istio's. */
export const KUBERNETES_GATEWAY = 'KubernetesGateway';

function idOf({ object }: ObjectStatus): string {
  return `${object.kind === 'Gateway' ? KUBERNETES_GATEWAY : object.kind} ${keyText(object)}`;
}

function isAccepted(conditions: readonly Condition[]): boolean {
  return conditions.some((c) => c.type === 'Accepted' && c.status === 'True');
}

/** How far a route or a policy has come, where it says so at each of its places that are ours. */
function standingOn({ status }: Reported): gatewayApi.Condition | undefined {
  const [first, ...rest] = [...(status?.parents ?? []), ...(status?.ancestors ?? [])]
    .filter((p) => p.controllerName === GATEWAY_CONTROLLER && isAccepted(p.conditions))
    .map((p) => p.conditions.find((c) => c.type === PROGRAMMED));
  return first && rest.every((c) => saysSo(c, first)) ? first : undefined;
}

/** The status with how far the object has come: at each of its places, and for a Gateway where it is refused. */
function withStanding(status: ObjectStatus, { lastTransitionTime: _since, ...said }: IstioCondition): Status {
  const { parents, ancestors, conditions } = status;
  const stands: Condition = { reason: said.status, message: '', ...said };
  const at = <P extends { conditions: readonly Condition[] }>(place: P): P =>
    isAccepted(place.conditions) ? { ...place, conditions: [...place.conditions, stands] } : place;
  const invalid = { ...stands, reason: 'Invalid' };
  return {
    ...status,
    ...(parents ? { parents: parents.map(at) } : {}),
    ...(ancestors ? { ancestors: ancestors.map(at) } : {}),
    ...(conditions && stands.reason === REJECTED ? { conditions: conditions.map((c) => (c.type === PROGRAMMED ? invalid : c)) } : {}),
  };
}

/** The parts of the status that are ours to say; times move only with what they are of. */
function statusWith(object: Reported, next: Status, now: number): NonNullable<Reported['status']> {
  const { conditions, addresses, listeners, parents, ancestors, generation } = next;
  const old = object.status ?? {};
  const set = (before: gatewayApi.Condition[] | undefined, after: readonly Condition[] = []): gatewayApi.Condition[] => {
    const kept = (before ?? []).filter((c) => after.some((a) => a.type === c.type));
    return after.reduce((list, c) => withCondition(list, { observedGeneration: generation, ...c }, now), kept);
  };
  /** Our entries after those of other controllers. */
  const ours = <Ref extends 'parentRef' | 'ancestorRef'>(
    ref: Ref,
    after: readonly Said<Ref, readonly Condition[]>[],
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
