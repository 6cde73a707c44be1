/** What people ask of a release (annotations of the Canary, `api/kinds/flagger/control.ts`), and what becomes of it. Pure. */
import { openRequest, parseRequest, type CanaryAnswer, type CanaryRequest, type CanaryStatus } from '../api/index.ts';
import { humanDuration, rfc3339 } from '../base/index.ts';
import { begin, progress, rollBack, startPromotion } from './analysis.ts';
import { applied, isApplied, isChanged, isPromoted } from './change.ts';
import {
  byRequest,
  canaryIs,
  decision,
  info,
  kindOf,
  NO_ANSWERS,
  phaseOf,
  previousReadiness,
  primaryReadiness,
  SOON_MS,
  targetIs,
  targetReadiness,
  warn,
  type Decision,
  type Observation,
  type Said,
} from './decision.ts';
import { isLocked, together } from './group.ts';
import { isUndoing, isUndone } from './previous.ts';
import { rescue, undo } from './promotion.ts';
import { ALL_PRIMARY } from './routes.ts';
import { strategyOf } from './strategies/index.ts';

/** What is done about a request that is open; undefined when none is. */
export function obey(o: Observation): Decision | undefined {
  const text = openRequest(o.canary);
  // What is not initialized yet takes its first request then.
  if (text === undefined || phaseOf(o) === 'Initializing') return undefined;
  const request = parseRequest(text);
  // Nor does what is about to be promoted with its group: it can no longer go back alone.
  if (isLocked(o)) return undefined;
  // Nor is what is being promoted; soon it is.
  if (request?.do === 'undo' && ending(o) && !isUndoing(o)) return undefined;
  if (!request)
    return refused(
      o,
      text,
      `"${text}" is not a request: write promote, abort, retry, restart, undo or set-weight=30, and anything after a space`,
    );
  const course = courses[request.do](o, request as never);
  if (typeof course === 'string') return refused(o, text, course);
  return course.waits ? course.decision : answered(o, text, course.decision);
}

/** What is to be done; `waits`: the release is not ready for the request, which stays open. */
interface Course {
  readonly decision: Decision;
  readonly waits?: true;
}

/** A course, or why there is none. */
type Courses = { readonly [R in CanaryRequest as R['do']]: (o: Observation, request: R) => Course | string };

const underWay = (o: Observation): boolean => phaseOf(o) === 'Progressing' || phaseOf(o) === 'WaitingPromotion';
const ending = (o: Observation): boolean => phaseOf(o) === 'Promoting' || phaseOf(o) === 'Finalising';

const NOTHING = 'no release is under way';

/** The course for a release that can take it now: its target is what was begun with, awake and ready. Until then it waits. */
function onceReady(o: Observation, course: () => Decision): Course {
  const ready = isApplied(o) && !kindOf(o).isAsleep(o.target!) && targetReadiness(o).state === 'ready';
  return ready ? { decision: course() } : { decision: progress(o, NO_ANSWERS), waits: true };
}

const courses: Courses = {
  promote(o) {
    if (underWay(o))
      return onceReady(o, () => {
        const says = [info(`Promoting ${canaryIs(o)} ${byRequest(o)}: what is left of the analysis is skipped`)];
        return together(o, says, () => startPromotion(o, says));
      });
    if (ending(o)) return 'it is being promoted already';
    if (isChanged(o)) return start(o, `Starting the release of ${targetIs(o)} ${byRequest(o)}: no gate is asked`);
    if (isUndone(o)) return 'it was undone: release it again with retry';
    return phaseOf(o) === 'Failed' && !isPromoted(o)
      ? 'the release has failed: try it again with retry'
      : 'there is nothing to promote: the target is what was promoted';
  },
  abort(o) {
    const says = warn(`Rolling back ${canaryIs(o)} aborted ${byRequest(o)}`);
    if (underWay(o)) return { decision: rollBack(o, says) };
    if (phaseOf(o) === 'Waiting') return { decision: rollBack(o, says, applied(o)) };
    return ending(o) ? 'the primary is being updated already' : NOTHING;
  },
  retry(o) {
    if (isUndone(o) && !underWay(o) && !ending(o))
      return start(o, `Releasing ${targetIs(o)} again ${byRequest(o)}, although it was undone`);
    if (phaseOf(o) !== 'Failed')
      return underWay(o) ? 'the release is under way: begin it anew with restart' : 'the last release has not failed';
    if (isPromoted(o)) return 'there is nothing to try: the target is what the primary runs';
    if (o.weights?.canary === 100) return { decision: o.previous && o.canary.status?.undone ? undo(o, o.previous) : rescue(o) };
    return start(o, `Retrying the release of ${targetIs(o)} ${byRequest(o)}`);
  },
  restart(o) {
    if (!underWay(o)) return `${NOTHING}: try a failed one again with retry`;
    const status: Partial<CanaryStatus> = { phase: 'Progressing', canaryWeight: 0, failedChecks: 0, iterations: 0, ...applied(o) };
    const says = [info(`Restarting analysis for ${targetIs(o)} ${byRequest(o)}`)];
    return { decision: decision(o, { effects: [{ do: 'route', weights: ALL_PRIMARY }], says, status, after: 0, begins: true }) };
  },
  undo(o) {
    if (isUndoing(o)) return 'it is being undone already';
    if (underWay(o)) return 'a release is under way: roll it back with abort';
    if (!o.previous || !o.canary.status?.previous) return `no version before is kept: ${keeping(o)}. Apply the older version to release it`;
    const ready = previousReadiness(o, o.previous);
    if (ready.state === 'failed') return `the version before does not run: ${ready.message}`;
    if (ready.state === 'waiting') return { decision: decision(o, { effects: [{ do: 'wake-previous' }], after: SOON_MS }), waits: true };
    return { decision: undo(o, o.previous) };
  },
  'set-weight'(o, { weight }) {
    if (!underWay(o)) return NOTHING;
    const { name } = strategyOf(o.settings);
    if (name !== 'canary') return `its traffic does not move by weights (${name})`;
    return onceReady(o, () =>
      decision(o, {
        effects: [{ do: 'route', weights: { primary: 100 - weight, canary: weight } }],
        says: [info(`Set ${canaryIs(o)} canary weight ${weight} ${byRequest(o)}`)],
        status: { phase: 'Progressing', canaryWeight: weight },
        after: o.settings.intervalMs,
        stepped: true,
      }),
    );
  },
};

const keeping = ({ settings: { undoWindowMs: ms } }: Observation): string =>
  ms === 0
    ? 'spec.undoWindow is 0s'
    : `it is after a promotion for ${humanDuration(ms)} (spec.undoWindow), or until the next release begins`;

function start(o: Observation, text: string): Course | string {
  const primary = primaryReadiness(o);
  return primary.state === 'ready' ? { decision: begin(o, [info(text)]) } : `the primary is not ready: ${primary.message}`;
}

function answer(o: Observation, request: string, done: boolean, message: string): CanaryAnswer {
  return { request, done, message, time: rfc3339(o.now) };
}

function answered(o: Observation, request: string, course: Decision): Decision {
  const { status = decision(o, { status: {} }).status! } = course;
  return { ...course, status: { ...status, handled: answer(o, request, true, course.says[0]?.message ?? '') } };
}

function refused(o: Observation, request: string, why: string): Decision {
  const says: Said[] = [warn(`Refused to ${parseRequest(request)?.do ?? 'obey'} ${canaryIs(o)}: ${why}`)];
  return decision(o, { says, status: { handled: answer(o, request, false, why) }, after: 0 });
}
