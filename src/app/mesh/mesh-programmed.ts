/** Says on the objects of the mesh how far they have come. Costs no write a push: only what it says differently is written. */
import { keyOf, keyText, type IstioCondition } from '../../api/index.ts';
import { messageOf, type Clock, type Log, type Timer } from '../../base/index.ts';
import { eventRecorder, type Informers } from '../../control/index.ts';
import type { Problem } from '../../mesh/index.ts';
import { conditionNamed, REPORTED, saysSo, type ConditionWriter } from './mesh-conditions.ts';
import { programmed, PROGRAMMED, standings, type Holder } from './programmed.ts';

export interface ProgrammedOptions {
  readonly informers: Informers;
  readonly conditions: ConditionWriter;
  /** The proxies that are connected. */
  readonly holders: () => readonly Holder[];
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface ProgrammedReporter {
  /** Something was published, answered or refused. */
  changed(): void;
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
  readonly id: string;
  readonly condition: IstioCondition;
  readonly urgent: boolean;
}

export function createProgrammedReporter(options: ProgrammedOptions): ProgrammedReporter {
  const { informers, conditions, holders, clock, log, signal } = options;
  const events = eventRecorder(informers.client, { component: 'istiod', clock, log });
  let problems: readonly Problem[] = [];
  let timer: Timer | undefined;
  let looking = false;
  /** Since when proxies have owed an answer. */
  let behind = new Map<string, number>();

  function changed(): void {
    if (!timer && !looking && !signal.aborted) timer = clock.after(GATHER_MS, () => void look());
  }

  async function look(): Promise<void> {
    timer = undefined;
    looking = true;
    const { due, again } = decide();
    for (const { id, condition } of due.slice(0, MAX_WRITES)) await write(id, condition);
    looking = false;
    if (again || due.length > MAX_WRITES) changed();
  }

  async function write(id: string, condition: IstioCondition): Promise<void> {
    try {
      const object = await conditions.set(id, condition);
      if (object && condition.reason === 'Rejected') await events.record(object, 'Warning', condition.reason, condition.message ?? '');
    } catch (error) {
      log.warn('how far an object has come could not be written on it', { object: id, error: messageOf(error) });
    }
  }

  function decide(): { due: Due[]; again: boolean } {
    const now = clock.now();
    const all = holders();
    behind = new Map(all.flatMap(({ proxy, state }) => (state.acked < state.published ? [[proxy, behind.get(proxy) ?? now]] : [])));
    const impatient = (proxy: string): boolean => now - (behind.get(proxy) ?? now) < PATIENCE_MS;
    const objects = Object.entries(REPORTED).flatMap(([kind, resource]) =>
      informers
        .of(resource)
        .list()
        .map((object) => [`${kind} ${keyText(keyOf(object))}`, object] as const),
    );
    const taken = new Set<string>(
      objects.flatMap(([id, object]) => {
        const said = conditionNamed(object, PROGRAMMED);
        return said?.status === 'True' && said.observedGeneration === object.metadata?.generation ? [id] : [];
      }),
    );
    const standing = standings(all, (id) => !taken.has(id));
    const ofObject = Map.groupBy(problems, (p) => `${p.object.kind} ${keyText(p.object)}`);
    const due: Due[] = [];
    let again = false;
    for (const [id, object] of objects) {
      const mine = standing.get(id);
      if (mine?.waiting.some(impatient) && !mine.refused.size) {
        again = true;
        continue;
      }
      const condition = programmed(mine, ofObject.get(id) ?? [], object.metadata?.generation ?? 0);
      if (saysSo(object, condition)) continue;
      due.push({ id, condition, urgent: conditionNamed(object, PROGRAMMED)?.status !== condition.status });
    }
    return { due: due.sort((a, b) => Number(b.urgent) - Number(a.urgent)), again };
  }

  return {
    changed,
    report(next) {
      if (next !== problems) changed();
      problems = next;
    },
  };
}
