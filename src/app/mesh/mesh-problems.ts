/** Says on Istio objects what is wrong with them: as a condition, which `kubectl get -o yaml` shows, and as an Event. */
import { Ingresses, keyOf, keyText, type IstioCondition, type Key, type Resource } from '../../api/index.ts';
import { canonicalJson, messageOf, type Clock, type Log } from '../../base/index.ts';
import { eventRecorder, type Informers } from '../../control/index.ts';
import { problemText, type Problem } from '../../mesh/index.ts';
import { conditionNamed, locate, REPORTED, type ConditionWriter } from './mesh-conditions.ts';

/** Kinds whose status has no place for conditions: they hear by events alone. */
const TOLD: Readonly<Record<string, Resource>> = { Ingress: Ingresses };

const CONDITION = 'Accepted';
/** Said of an object by an earlier control plane, who knows what. */
const UNKNOWN = '';

export interface ProblemReporter {
  /** Takes all problems there are. An object hears of its own when they change, and when they are gone. */
  report(problems: readonly Problem[]): void;
}

export function createProblemReporter(options: {
  informers: Informers;
  conditions: ConditionWriter;
  clock: Clock;
  log: Log;
}): ProblemReporter {
  const { informers, conditions, clock, log } = options;
  const { client } = informers;
  const events = eventRecorder(client, { component: 'istiod', clock, log });
  /** What was last said of each object that has, or had, problems. */
  let said: Map<string, string> | undefined;
  let last: readonly Problem[] | undefined;

  async function write(id: string, problems: readonly Problem[]): Promise<void> {
    const { kind, key } = locate(id);
    if (!REPORTED[kind]) return tell(TOLD[kind]!, key, problems);
    const after = conditionOf(problems);
    // Nothing is written where a control plane that starts would say again what its forerunner has said.
    const object = await conditions.set(id, after);
    if (object && problems.length > 0) await events.record(object, 'Warning', after.reason!, problems.map(problemText).join('; '));
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

/** Objects that carry a condition of an earlier control plane: what is wrong with them may have been mended since. */
function saidBefore(informers: Informers): Map<string, string> {
  const said = new Map<string, string>();
  for (const [kind, resource] of Object.entries(REPORTED))
    for (const object of informers.of(resource).list())
      if (conditionNamed(object, CONDITION)) said.set(`${kind} ${keyText(keyOf(object))}`, UNKNOWN);
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
