/** The judge of every release under way: reads the counters, keeps what they come to, and says when that calls for a decision. */
import type { CanaryJudgement } from '../../api/index.ts';
import { messageOf, sleep, type Clock, type Log } from '../../base/index.ts';
import type { Source } from '../../control/index.ts';
import type { Metrics } from '../ports.ts';
import { look, newJudge, type JudgeSettings, type JudgeState } from './judge.ts';
import { judgementOf } from './judgement.ts';
import { queriesOf, readingsOf, type Sides } from './readings.ts';

/** Time between two looks in milliseconds: half of that between two readings of the proxies, so that none waits for long. */
const LOOK_MS = 500;

interface Trial {
  /** Which revision is tried: another one is judged from the beginning. */
  readonly release: string;
  readonly sides: Sides;
  readonly settings: JudgeSettings;
  state: JudgeState;
  verdict: CanaryJudgement['verdict'];
}

export interface Judges {
  /** From now on the release of the canary `key` is looked at; what was seen of another release of it is forgotten. */
  watch(key: string, release: string, sides: Sides, settings: JudgeSettings): void;
  forget(key: string): void;
  /** Undefined when it is not watched, or was not yet looked at. */
  judgement(key: string): CanaryJudgement | undefined;
  /** Keys of canaries of which something was proven. */
  readonly proofs: Source;
}

/** Looks until the signal aborts, at no more than what is watched. */
export function createJudges(options: { metrics: Metrics; clock: Clock; log: Log; signal: AbortSignal }): Judges {
  const { metrics, clock, log, signal } = options;
  const trials = new Map<string, Trial>();
  const listeners = new Set<(key: string) => void>();
  let looking = false;

  async function lookAt(key: string, trial: Trial): Promise<void> {
    const queries = queriesOf(trial.sides);
    const [requests, durations] = await Promise.all([metrics.select(queries.requests), metrics.select(queries.durations)]);
    if (trials.get(key) !== trial) return;
    trial.state = look(trial.state, readingsOf(trial.sides, requests, durations), clock.monotonic(), trial.settings);
    const { verdict } = judgementOf(trial.state, trial.settings, clock.now());
    if (verdict === trial.verdict) return;
    trial.verdict = verdict;
    if (verdict === 'harm' || verdict === 'safe') for (const tell of listeners) tell(key);
  }

  async function run(): Promise<void> {
    while (trials.size > 0 && !signal.aborted) {
      await Promise.all(
        Array.from(trials, ([key, trial]) =>
          lookAt(key, trial).catch((error: unknown) => log.debug('a canary could not be judged', { canary: key, error: messageOf(error) })),
        ),
      );
      await sleep(clock, LOOK_MS, signal);
    }
    looking = false;
  }

  return {
    watch(key, release, sides, settings) {
      if (trials.get(key)?.release === release) return;
      trials.set(key, { release, sides, settings, state: newJudge(), verdict: 'undecided' });
      if (looking) return;
      looking = true;
      void run();
    },
    forget: (key) => void trials.delete(key),
    judgement(key) {
      const trial = trials.get(key);
      return trial?.state.began === undefined ? undefined : judgementOf(trial.state, trial.settings, clock.now());
    },
    proofs: {
      synced: Promise.resolve(),
      start(enqueue) {
        listeners.add(enqueue);
        return () => listeners.delete(enqueue);
      },
    },
  };
}
