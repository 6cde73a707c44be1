/** The steps of a Rollout as the analysis of a Canary: its weights, its pace, its gates. Pure. */
import type { CanaryAnalysis, CanaryWebhook, StringMatch } from '../../api/index.ts';
import { PREVIEW } from '../routes.ts';
import { durationMs, intervalText } from './durations.ts';
import type { Asked } from './metrics.ts';
import { fields, items, number, type Fields, type Notes, type Source } from './source.ts';

/** How a Rollout goes, as far as its strategy says so. */
export interface Course {
  readonly analysis: CanaryAnalysis;
  /** Templates that measure it. */
  readonly asked: readonly Asked[];
}

/** Pace of what has no pauses. */
const PACE_MS = 60_000;
/** Where people are asked, by convention. */
const GATE = 'http://flagger-loadtester';

const gate = (type: 'confirm-traffic-increase' | 'confirm-promotion', namespace: string | undefined): CanaryWebhook => ({
  type,
  name: type === 'confirm-promotion' ? 'promotion-gate' : 'traffic-gate',
  url: `${GATE}.${namespace ?? 'default'}/gate/check`,
});
const GATED =
  'a pause without an end is a gate: it asks the load tester (install flagger-loadtester, or change the URL), is opened by its /gate/open, and passed by "sluice rollout promote"';

export function canaryCourse(rollout: Source, notes: Notes): Course {
  const strategy = fields(fields(rollout.spec['strategy'])['canary']);
  const at = 'spec.strategy.canary';
  const steps = items(strategy['steps']).map(fields);
  const asked: Asked[] = [];
  const background = fields(strategy['analysis']);
  if (items(background['templates']).length > 0) asked.push(askedOf(background, `${at}.analysis`));
  if (background['startingStep'] !== undefined)
    notes.add(rollout, `${at}.analysis.startingStep`, 'left out: metrics are asked from the first step on');

  const weights: number[] = [];
  const pauses: number[] = [];
  const gates = new Set<'confirm-traffic-increase' | 'confirm-promotion'>();
  const headers: Record<string, StringMatch>[] = [];
  let mirror: Pick<CanaryAnalysis, 'mirror' | 'mirrorWeight'> = {};
  let ready: number | undefined;
  const lastWeight = steps.findLastIndex((s) => s['setWeight'] !== undefined);
  for (const [i, step] of steps.entries()) {
    const path = `${at}.steps[${i}]`;
    const [word = '', value] = Object.entries(step)[0] ?? [];
    switch (word) {
      case 'setWeight': {
        const weight = Math.min(number(value) ?? 0, 100);
        if (weight > (weights.at(-1) ?? 0)) weights.push(weight);
        else if (weight > 0 || weights.length > 0)
          notes.add(rollout, path, `setWeight ${weight} is left out: the weights of a Canary only grow`);
        break;
      }
      case 'pause': {
        const ms = durationMs(fields(value)['duration']);
        if (ms !== undefined) pauses.push(ms);
        else {
          const type = i > lastWeight ? 'confirm-promotion' : 'confirm-traffic-increase';
          gates.add(type);
          notes.add(
            rollout,
            path,
            type === 'confirm-promotion' ? GATED : `${GATED}. It is asked before every step, not before this one alone`,
          );
        }
        break;
      }
      case 'analysis':
        asked.push(askedOf(fields(value), path));
        notes.add(rollout, path, 'its metrics are asked at every step, not at this one alone');
        break;
      case 'experiment':
        asked.push(...experiment(fields(value), path));
        notes.add(
          rollout,
          path,
          'left out but for its metrics: nothing is run beside primary and canary; the judge compares these two for requests',
        );
        break;
      case 'setHeaderRoute':
        headers.push(...items(fields(value)['match']).map((m) => headerOf(fields(m))));
        break;
      case 'setMirrorRoute':
        if (number(fields(value)['percentage']) !== undefined || items(fields(value)['match']).length > 0) {
          const mirrorWeight = number(fields(value)['percentage']) ?? 100;
          mirror = { mirror: true, ...(mirrorWeight === 100 ? {} : { mirrorWeight }) };
          notes.add(rollout, path, 'requests are mirrored for one interval before the first weight, all alike: match is left out');
        }
        break;
      case 'setCanaryScale':
        notes.add(
          rollout,
          path,
          'left out: the canary has the replicas of the Deployment (or of its autoscaler) from the first step on, so that it can take any share',
        );
        break;
      case 'replicaProgressThreshold':
        ready = readyOf(fields(value), rollout, path, notes);
        break;
      case 'plugin':
        notes.add(
          rollout,
          path,
          'left out: plugins of Argo do not run here; a webhook of type rollout or confirm-traffic-increase can ask the same',
        );
        break;
      default:
        notes.add(rollout, path, `${word || 'an empty step'} is not known here and left out`);
    }
  }
  ready ??= readyOf(fields(strategy['replicaProgressThreshold']), rollout, `${at}.replicaProgressThreshold`, notes);
  const pace = paceOf(pauses, rollout, notes);
  const webhooks = [...gates].map((type) => gate(type, rollout.namespace));
  const common = { ...pace, ...(ready === undefined ? {} : { canaryReadyThreshold: ready }), ...(webhooks.length > 0 ? { webhooks } : {}) };
  const byHeader = headers.length > 0 && (weights.length === 0 || (weights.length === 1 && weights[0] === 100));
  if (byHeader) {
    notes.add(rollout, at, 'header routes without weights are A/B testing: who has the header gets the canary, until the promotion');
    return { asked, analysis: { ...common, iterations: Math.max(pauses.length, 1), match: headers.map((h) => ({ headers: h })) } };
  }
  const preview = previewIn(headers);
  if (headers.length > 0)
    notes.add(
      rollout,
      `${at}.steps`,
      preview
        ? 'setHeaderRoute is analysis.previewHeader: from the first weight until the promotion, whatever the step'
        : `setHeaderRoute is left out: beside weights a header leads to the canary by analysis.previewHeader, with the value "${PREVIEW}" and no other; by any header, instead of weights, analysis.match does with iterations`,
    );
  if (weights.length === 0) notes.add(rollout, `${at}.steps`, 'there are no weights: all requests go over in one step of 100');
  const shares = weights.length > 0 ? stepsOf(weights) : { stepWeights: [100] };
  return { asked, analysis: { ...common, ...mirror, ...shares, ...(preview ? { previewHeader: preview } : {}) } };
}

/** Equal steps in the shorter form. */
function stepsOf(weights: readonly number[]): Pick<CanaryAnalysis, 'stepWeight' | 'maxWeight' | 'stepWeights'> {
  const [first = 0] = weights;
  const even = weights.length > 1 && weights.every((w, i) => w === first * (i + 1));
  return even ? { stepWeight: first, maxWeight: weights.at(-1)! } : { stepWeights: [...weights] };
}

function paceOf(pauses: readonly number[], rollout: Source, notes: Notes): { interval: string } {
  const ms = pauses.length > 0 ? Math.max(...pauses) : PACE_MS;
  if (new Set(pauses).size > 1)
    notes.add(
      rollout,
      'spec.strategy.canary.steps',
      `pauses differ; a Canary has one interval for all steps: the longest, ${intervalText(ms)}`,
    );
  if (pauses.length === 0)
    notes.add(rollout, 'spec.strategy.canary.steps', `no pause has a duration: a step is taken each ${intervalText(ms)}`);
  return { interval: intervalText(ms) };
}

const askedOf = (analysis: Fields, path: string): Asked => ({
  path,
  templates: items(analysis['templates']),
  args: items(analysis['args']),
  dryRun: items(analysis['dryRun']),
});

const experiment = (value: Fields, path: string): Asked[] =>
  items(value['analyses'])
    .map(fields)
    .map((a, i) => ({ path: `${path}.analyses[${i}]`, templates: [a], args: items(a['args']), dryRun: items(value['dryRun']) }));

function headerOf(match: Fields): Record<string, StringMatch> {
  return { [String(match['headerName'])]: fields(match['headerValue']) };
}

/** The header of which one value leads to the canary, where that is the value that a Canary knows. */
function previewIn([only, ...more]: readonly Record<string, StringMatch>[]): string | undefined {
  const [[name, value] = ['', undefined], ...others] = Object.entries(only ?? {});
  return more.length === 0 && others.length === 0 && value?.exact === PREVIEW ? name : undefined;
}

function readyOf(threshold: Fields, rollout: Source, path: string, notes: Notes): number | undefined {
  const value = number(threshold['value']);
  if (value === undefined) return undefined;
  if (threshold['type'] === 'Percentage') return value;
  notes.add(rollout, path, `a number of pods has no equivalent: analysis.canaryReadyThreshold is a percentage`);
  return undefined;
}

const BLUE_GREEN: Readonly<Record<string, string>> = {
  previewReplicaCount: 'left out: the canary has the replicas of the Deployment',
  scaleDownDelaySeconds: 'left out: the old version is the primary, which follows by a rolling update after users are on the new one',
  scaleDownDelayRevisionLimit: 'left out: there are two versions at most',
  abortScaleDownDelaySeconds: 'left out: a canary that is rolled back is scaled down at once',
  antiAffinity: 'left out: write podAntiAffinity into the template of the Deployment; the primary has its own by itself',
  activeMetadata: 'left out: the pods of primary and canary differ by the selector label',
  previewMetadata: 'left out: the pods of primary and canary differ by the selector label',
  maxUnavailable: 'left out: it is in the strategy of the Deployment',
};

export function blueGreenCourse(
  rollout: Source,
  notes: Notes,
): { course: Course; pace: (count: number | undefined, intervalMs: number | undefined) => CanaryAnalysis } {
  const strategy = fields(fields(rollout.spec['strategy'])['blueGreen']);
  const at = 'spec.strategy.blueGreen';
  for (const [field, why] of Object.entries(BLUE_GREEN)) if (strategy[field] !== undefined) notes.add(rollout, `${at}.${field}`, why);
  if (strategy['postPromotionAnalysis'] !== undefined)
    notes.add(
      rollout,
      `${at}.postPromotionAnalysis`,
      'left out: a promoted version is not measured any more; let its metrics be asked before, with more iterations',
    );
  const before = fields(strategy['prePromotionAnalysis']);
  const asked = items(before['templates']).length > 0 ? [askedOf(before, `${at}.prePromotionAnalysis`)] : [];
  const soonMs = durationMs(strategy['autoPromotionSeconds']);
  const waits = strategy['autoPromotionEnabled'] === false && soonMs === undefined;
  if (waits) notes.add(rollout, `${at}.autoPromotionEnabled`, GATED);
  const webhooks = waits ? { webhooks: [gate('confirm-promotion', rollout.namespace)] } : {};
  return {
    course: { asked, analysis: webhooks },
    pace(count, intervalMs) {
      const ms = intervalMs ?? Math.min(soonMs ?? PACE_MS, PACE_MS);
      const iterations = Math.max(count ?? 1, Math.ceil((soonMs ?? 0) / ms), 1);
      return { interval: intervalText(ms), iterations };
    },
  };
}
