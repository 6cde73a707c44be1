/** What people ask of a release (annotations of the Canary, `api/kinds/flagger/control.ts`), and what becomes of it. Pure. */
import { openRequest, parseRequest, type CanaryAnswer, type CanaryRequest, type CanaryStatus } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import { begin, progress, rollBack, startPromotion } from './analysis.ts';
import { applied, isApplied, isChanged, isPromoted } from './change.ts';
import {
  canaryIs,
  decision,
  info,
  kindOf,
  NO_ANSWERS,
  phaseOf,
  primaryReadiness,
  targetIs,
  targetReadiness,
  warn,
  type Decision,
  type Observation,
  type Said,
} from './decision.ts';
import { rescue } from './promotion.ts';
import { ALL_PRIMARY } from './routes.ts';
import { strategyOf } from './strategies/index.ts';

/** What is done about a request that is open; undefined when none is. */
export function obey(o: Observation): Decision | undefined {
  const text = openRequest(o.canary);
  // What is not initialized yet takes its first request then.
  if (text === undefined || phaseOf(o) === 'Initializing') return undefined;
  const request = parseRequest(text);
  if (!request)
    return refused(
      o,
      text,
      `"${text}" is not a request: write promote, abort, retry, restart or set-weight=30, and anything after a space`,
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
      return onceReady(o, () => startPromotion(o, [info(`Promoting ${canaryIs(o)} by request: what is left of the analysis is skipped`)]));
    if (ending(o)) return 'it is being promoted already';
    if (isChanged(o)) return start(o, `Starting the release of ${targetIs(o)} by request: no gate is asked`);
    return phaseOf(o) === 'Failed' && !isPromoted(o)
      ? 'the release has failed: try it again with retry'
      : 'there is nothing to promote: the target is what was promoted';
  },
  abort(o) {
    const says = warn(`Rolling back ${canaryIs(o)} aborted by request`);
    if (underWay(o)) return { decision: rollBack(o, says) };
    if (phaseOf(o) === 'Waiting') return { decision: rollBack(o, says, applied(o)) };
    return ending(o) ? 'the primary is being updated already' : NOTHING;
  },
  retry(o) {
    if (phaseOf(o) !== 'Failed')
      return underWay(o) ? 'the release is under way: begin it anew with restart' : 'the last release has not failed';
    if (isPromoted(o)) return 'there is nothing to try: the target is what the primary runs';
    if (o.weights?.canary === 100) return { decision: rescue(o) };
    return start(o, `Retrying the release of ${targetIs(o)} by request`);
  },
  restart(o) {
    if (!underWay(o)) return `${NOTHING}: try a failed one again with retry`;
    const status: Partial<CanaryStatus> = { phase: 'Progressing', canaryWeight: 0, failedChecks: 0, iterations: 0, ...applied(o) };
    const says = [info(`Restarting analysis for ${targetIs(o)} by request`)];
    return { decision: decision(o, { effects: [{ do: 'route', weights: ALL_PRIMARY }], says, status, after: 0, begins: true }) };
  },
  'set-weight'(o, { weight }) {
    if (!underWay(o)) return NOTHING;
    const { name } = strategyOf(o.settings);
    if (name !== 'canary') return `its traffic does not move by weights (${name})`;
    return onceReady(o, () =>
      decision(o, {
        effects: [{ do: 'route', weights: { primary: 100 - weight, canary: weight } }],
        says: [info(`Set ${canaryIs(o)} canary weight ${weight} by request`)],
        status: { phase: 'Progressing', canaryWeight: weight },
        after: o.settings.intervalMs,
        stepped: true,
      }),
    );
  },
};

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
