/** Says on the objects of the mesh how far they have come. Costs no write a push: only what it says differently is written. */
import { keyOf, keyText, type IstioCondition } from '../../api/index.ts';
import { messageOf, type Clock, type Log, type Timer } from '../../base/index.ts';
import { eventRecorder, type Client, type Informers } from '../../control/index.ts';
import { memo, type Problem } from '../../mesh/index.ts';
import { KUBERNETES_GATEWAY } from './gateway-api-status.ts';
import { conditionNamed, locate, REPORTED, saysSo, type ConditionWriter } from './mesh-conditions.ts';
import { MEND, programmed, PROGRAMMED, REJECTED, standings, type Hearer, type Hearing, type Holder } from './programmed.ts';

export interface ProgrammedOptions {
  readonly client: Client;
  readonly hearings: readonly Hearing[];
  /** The proxies that are connected. */
  readonly holders: () => readonly Holder[];
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface ProgrammedReporter {
  /** Something was published, answered or refused. */
  changed(): void;
  /** What proxies refuse now, by the objects that it was made of. */
  refused(): readonly Problem[];
  /** Takes all problems there are. */
  report(problems: readonly Problem[]): void;
}

/** What changes within this time is looked at together, in milliseconds. */
const GATHER_MS = 500;
/** So long a proxy may take before it is said of objects that it has not answered, in milliseconds; removals alone wait for 5 s. */
const PATIENCE_MS = 15_000;
/** Writes at a time, those of another status first: a new proxy changes the count of every object that it holds. */
const MAX_WRITES = 50;

interface Due {
  readonly hearing: Hearing;
  readonly id: string;
  readonly condition: IstioCondition;
  readonly urgent: boolean;
}

function refusalOf(id: string, { message = '' }: IstioCondition): Problem {
  const { kind, key } = locate(id);
  const object = { kind: kind === KUBERNETES_GATEWAY ? 'Gateway' : kind, ...key };
  return { object, code: 'SLU0013', severity: 'error', path: 'spec', message: message.replace(` ${MEND}`, ''), fix: MEND };
}

const byObject = memo((problems: readonly Problem[]) => Map.groupBy(problems, (p) => `${p.object.kind} ${keyText(p.object)}`));

/** Objects that carry conditions of their own. */
export function conditionHearing(informers: Informers, conditions: ConditionWriter): Hearing {
  const hearers = new Map<string, Hearer>();
  for (const [kind, resource] of Object.entries(REPORTED))
    informers.of(resource).onChange(({ type, object }) => {
      const id = `${kind} ${keyText(keyOf(object))}`;
      const { generation = 0 } = object.metadata ?? {};
      if (type === 'deleted') hearers.delete(id);
      else hearers.set(id, { id, generation, said: conditionNamed(object, PROGRAMMED) });
    });
  return {
    hearers: () => hearers.values(),
    say: (id, condition) => conditions.set(id, condition),
  };
}

export function createProgrammedReporter(options: ProgrammedOptions): ProgrammedReporter {
  const { hearings, holders, clock, log, signal } = options;
  const events = eventRecorder(options.client, { component: 'istiod', clock, log });
  let problems: readonly Problem[] = [];
  let timer: Timer | undefined;
  let looking = false;
  let refused: readonly Problem[] = [];
  /** Since when proxies have owed an answer. */
  let behind = new Map<string, number>();

  function changed(): void {
    if (!timer && !looking && !signal.aborted) timer = clock.after(GATHER_MS, () => void look());
  }

  async function look(): Promise<void> {
    timer = undefined;
    looking = true;
    const { due, again } = decide();
    for (const next of due.slice(0, MAX_WRITES)) await write(next);
    looking = false;
    if (again || due.length > MAX_WRITES) changed();
  }

  async function write({ hearing, id, condition }: Due): Promise<void> {
    try {
      const object = await hearing.say(id, condition);
      if (object && condition.reason === REJECTED) await events.record(object, 'Warning', condition.reason, condition.message ?? '');
    } catch (error) {
      log.warn('how far an object has come could not be written on it', { object: id, error: messageOf(error) });
    }
  }

  function decide(): { due: Due[]; again: boolean } {
    const now = clock.now();
    const all = holders();
    behind = new Map(all.flatMap(({ proxy, state }) => (state.acked < state.published ? [[proxy, behind.get(proxy) ?? now]] : [])));
    const impatient = (proxy: string): boolean => now - (behind.get(proxy) ?? now) < PATIENCE_MS;
    const hearers = hearings.map((hearing) => [hearing, [...hearing.hearers()]] as const);
    const taken = new Set(
      hearers.flatMap(([, own]) =>
        own.filter((h) => h.said?.status === 'True' && h.said.observedGeneration === h.generation).map((h) => h.id),
      ),
    );
    const standing = standings(all, (id) => !taken.has(id));
    const ofObject = byObject(problems);
    const due: Due[] = [];
    const fresh: Problem[] = [];
    let again = false;
    for (const [hearing, own] of hearers)
      for (const { id, generation, said } of own) {
        const mine = standing.get(id);
        if (mine?.waiting.some(impatient) && !mine.refused.size) {
          again = true;
          continue;
        }
        const condition = programmed(mine, ofObject.get(id) ?? [], generation);
        if (condition.reason === REJECTED) fresh.push(refusalOf(id, condition));
        if (saysSo(said, condition)) continue;
        due.push({ hearing, id, condition, urgent: said?.status !== condition.status });
      }
    refused = fresh;
    return { due: due.sort((a, b) => Number(b.urgent) - Number(a.urgent)), again };
  }

  return {
    changed,
    refused: () => refused,
    report(next) {
      if (next !== problems) changed();
      problems = next;
    },
  };
}
