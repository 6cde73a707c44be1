/** Says on Istio objects what is wrong with them: as a condition, which `kubectl get -o yaml` shows, and as an Event. */
import {
  AuthorizationPolicies,
  DestinationRules,
  Gateways,
  Ingresses,
  keyOf,
  keyText,
  parseKey,
  RequestAuthentications,
  ServiceEntries,
  Sidecars,
  VirtualServices,
  type IstioCondition,
  type Key,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import { canonicalJson, messageOf, type Clock, type Log } from '../base/index.ts';
import { eventRecorder, withCondition, type Informers } from '../control/index.ts';
import { problemText, type Problem } from '../mesh/index.ts';

type Reported = KubeObject & { status?: { conditions?: IstioCondition[] } };

/** The kinds whose objects carry a condition; the others have no status for it. */
const REPORTED: Readonly<Record<string, Resource<Reported>>> = {
  VirtualService: VirtualServices,
  DestinationRule: DestinationRules,
  Gateway: Gateways,
  ServiceEntry: ServiceEntries,
  Sidecar: Sidecars,
  AuthorizationPolicy: AuthorizationPolicies,
  RequestAuthentication: RequestAuthentications,
};
/** Kinds whose status has no place for conditions: they hear by events alone. */
const TOLD: Readonly<Record<string, Resource>> = { Ingress: Ingresses };

const CONDITION = 'Accepted';
/** Said of an object by an earlier control plane, who knows what. */
const UNKNOWN = '';

export interface ProblemReporter {
  /** Takes all problems there are. An object hears of its own when they change, and when they are gone. */
  report(problems: readonly Problem[]): void;
}

export function createProblemReporter(options: { informers: Informers; clock: Clock; log: Log }): ProblemReporter {
  const { informers, clock, log } = options;
  const { client } = informers;
  const events = eventRecorder(client, { component: 'istiod', clock, log });
  /** What was last said of each object that has, or had, problems. */
  let said: Map<string, string> | undefined;
  let last: readonly Problem[] | undefined;

  async function write(id: string, problems: readonly Problem[]): Promise<void> {
    const { kind, key } = locate(id);
    const resource = REPORTED[kind];
    if (!resource) return tell(TOLD[kind]!, key, problems);
    const object = await client.get(resource, key);
    if (!object) return;
    const before = object.status?.conditions?.find((c) => c.type === CONDITION);
    const after = conditionOf(problems);
    // So that a control plane that starts does not say again what its forerunner has said.
    if (before?.status === after.status && before.message === after.message) return;
    const conditions = withCondition(object.status?.conditions, after, clock.now());
    await client.patch(
      resource,
      key,
      { type: 'merge', body: { status: { conditions } } },
      { subresource: 'status', fieldManager: 'istiod' },
    );
    if (problems.length > 0)
      await events.record({ ...object, kind: resource.kind }, 'Warning', after.reason!, problems.map(problemText).join('; '));
  }

  async function tell(resource: Resource, key: Key, problems: readonly Problem[]): Promise<void> {
    const object = problems.length > 0 ? await client.get(resource, key) : undefined;
    if (!object) return;
    const { code } = problems.find((p) => p.severity === 'error') ?? problems[0]!;
    await events.record({ ...object, kind: resource.kind }, 'Warning', code, problems.map(problemText).join('; '));
  }

  return {
    report(problems) {
      if (problems === last) return;
      last = problems;
      said ??= saidBefore(informers);
      const byObject = new Map<string, Problem[]>();
      for (const p of problems) {
        if (!REPORTED[p.object.kind] && !TOLD[p.object.kind]) continue;
        const id = `${p.object.kind} ${keyText(p.object)}`;
        byObject.set(id, [...(byObject.get(id) ?? []), p]);
      }
      for (const id of new Set([...byObject.keys(), ...said.keys()])) {
        const of = byObject.get(id) ?? [];
        const text = canonicalJson(of.map((p) => [p.code, p.path, p.message]));
        if (said.get(id) === text) continue;
        if (of.length > 0) said.set(id, text);
        else said.delete(id);
        write(id, of).catch((error: unknown) => {
          said!.set(id, UNKNOWN);
          log.warn('a problem could not be written on its object', { object: id, error: messageOf(error) });
        });
      }
    },
  };
}

function locate(id: string): { kind: string; key: Key } {
  const space = id.indexOf(' ');
  return { kind: id.slice(0, space), key: parseKey(id.slice(space + 1)) };
}

/** Objects that carry a condition of an earlier control plane: what is wrong with them may have been mended since. */
function saidBefore(informers: Informers): Map<string, string> {
  const said = new Map<string, string>();
  for (const [kind, resource] of Object.entries(REPORTED))
    for (const object of informers.of(resource).list())
      if (object.status?.conditions?.some((c) => c.type === CONDITION)) said.set(`${kind} ${keyText(keyOf(object))}`, UNKNOWN);
  return said;
}

function conditionOf(problems: readonly Problem[]): IstioCondition {
  const error = problems.find((p) => p.severity === 'error');
  const worst = error ?? problems[0];
  return {
    type: CONDITION,
    status: error ? 'False' : 'True',
    reason: worst?.code ?? 'Accepted',
    message: worst ? problems.map((p) => `${p.path}: ${p.message} ${p.fix}`).join(' ') : 'The whole object is in force.',
  };
}
