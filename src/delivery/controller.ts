/** Runs the canary machine over every Canary: observe, ask, decide, enact, write the status. */
import { ApiError, Canaries, parseKey, type Canary, type CanaryJudgement, type WebhookType } from '../api/index.ts';
import type { Clock, Log, Metrics as OwnMetrics } from '../base/index.ts';
import {
  again,
  eventRecorder,
  runController,
  settled,
  updateStatus,
  type Informers,
  type Outcome,
  type ReconcileContext,
} from '../control/index.ts';
import { createAlerts } from './alerts/alerts.ts';
import { alertOf } from './alerts/changes.ts';
import { measuringProblems, runMetrics } from './checks.ts';
import { heldUp } from './conditions.ts';
import { decide, wanted } from './decide.ts';
import { ageOf, canaryIs, warn, type Answers, type Observation, type Said } from './decision.ts';
import { createEnactor } from './enact.ts';
import { badRequestsOf } from './bad-requests.ts';
import { beganAt, withHistory } from './history.ts';
import { missingGateways } from './gateways.ts';
import { createHooks, type HookResult } from './hooks.ts';
import { createObserver } from './observe.ts';
import { withEvidence } from './judge/evidence.ts';
import { incomparable, silent, UNCOUNTED } from './judge/judgement.ts';
import { createJudges } from './judge/judges.ts';
import { canaryName, primaryName } from './names.ts';
import { createMeasures } from './measures.ts';
import type { Http, Metrics, RequestLog, Web } from './ports.ts';
import { settingsOf, unheeded, type Defaults, type Settings } from './settings.ts';
import { sourcesOf } from './sources.ts';
import { createTally } from './tally.ts';
import type { Environment } from './web-address.ts';

export interface DeliveryOptions {
  readonly informers: Informers;
  /** What is built in; undefined: a Prometheus is asked, and requests are not counted by route. */
  readonly metrics: Metrics | undefined;
  /** Absent: nobody tells of requests one by one. */
  readonly requests?: RequestLog;
  /** What holds where a Canary says nothing else. */
  readonly defaults?: Defaults;
  /** Where it counts what it does, under Flagger's names; undefined: nowhere. */
  readonly counted?: OwnMetrics | undefined;
  readonly http: Http;
  readonly web: Web;
  /** Of the process: credentials of clouds. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How many canaries are worked on at a time: a hook that answers slowly holds up only its own. */
const CONCURRENCY = 8;
/** How long what is held up waits for another try at most, in milliseconds. */
const LONGEST_RETRY_MS = 10_000;

/** Resolves when the signal has aborted and the work in hand is over. */
export async function startDelivery(options: DeliveryOptions): Promise<void> {
  const { informers, metrics, requests, defaults, counted, http, web, env, clock, signal } = options;
  const { client } = informers;
  const log = options.log.with({ component: 'flagger' });
  const events = eventRecorder(client, { component: 'flagger', clock, log });
  const observe = createObserver(client);
  const webhooks = createHooks({ http, clock, log, signal });
  const measures = createMeasures({ metrics, client, web, clock, env });
  const lost = (canary: Canary, message: string): void => void say(canary, 'Warning', message);
  const alerts = createAlerts({ client, web, clock, signal, lost });
  const enactor = createEnactor(client, webhooks);
  const judges = metrics && createJudges({ metrics, clock, log, signal });
  const tally = counted && createTally(counted, informers.of(Canaries));
  /** When the next step of a canary's analysis is due, in milliseconds of the monotonic clock; absent: now. */
  const due = new Map<string, number>();
  /** What each canary has been told it asks for in vain. */
  const told = new Map<string, string>();
  /** The generation of each canary that was last checked up. */
  const checked = new Map<string, number>();

  /** What was said of each canary while it only waited, and when: every change of its pods brings a look, and not always news. */
  const waiting = new Map<string, ReadonlyMap<string, number>>();

  /** What has not been said within an interval. */
  function news(key: string, says: readonly Said[], intervalMs: number): readonly Said[] {
    const now = clock.monotonic();
    const before = [...(waiting.get(key) ?? [])].filter(([, at]) => now - at < intervalMs);
    const known = new Set(before.map(([message]) => message));
    const fresh = says.filter(({ message }) => !known.has(message));
    waiting.set(key, new Map([...before, ...fresh.map(({ message }) => [message, now] as const)]));
    return fresh;
  }

  /** What comparing the canary with the primary has come to; undefined when no release is under way, or it has only begun. */
  function judging(canary: Canary, settings: Settings, key: string): CanaryJudgement | undefined {
    const { status } = canary;
    if (!settings.judge.enabled || (status?.phase !== 'Progressing' && status?.phase !== 'WaitingPromotion')) {
      judges?.forget(key);
      return undefined;
    }
    if (!judges) return silent(UNCOUNTED, clock.now());
    const why = incomparable(settings, canary);
    if (why) return silent(why, clock.now());
    const { namespace, apex } = settings;
    const release = `${beganAt(status ?? {})} ${status?.lastAppliedSpec} ${JSON.stringify(status?.trackedConfigs ?? {})}`;
    // An Ingress leads to the apex Service, which selects the primary.
    const primary = settings.provider === 'nginx' ? apex : primaryName(apex);
    judges.watch(key, release, { namespace, primary, canary: canaryName(apex) }, settings.judge);
    return judges.judgement(key);
  }

  async function ask(o: Observation): Promise<Answers> {
    const asked = wanted(o);
    const { phase = '' } = o.canary.status ?? {};
    // What waits for promotion is still told that it is under analysis, as hooks of Flagger's expect.
    const toldPhase = phase === 'WaitingPromotion' ? 'Progressing' : phase;
    const hooks: Partial<Record<WebhookType, readonly HookResult[]>> = {};
    const call = async (type: WebhookType): Promise<readonly HookResult[]> => (hooks[type] = await webhooks.run(o.canary, type, toldPhase));
    for (const type of asked.hooks) {
      const results = await call(type);
      if (type === 'rollback' ? results.some((r) => r.ok) : results.some((r) => !r.ok)) return { hooks, metrics: undefined };
    }
    const found = asked.metrics ? await runMetrics(measures, o.settings, canaryIs(o), ageOf(o)) : undefined;
    const answers: Answers = { hooks, metrics: found?.stopped, ...(found ? { measured: found.metrics } : {}) };
    if (found?.stopped) return answers;
    for (const type of asked.gates) if ((await call(type)).some((r) => !r.ok)) break;
    return answers;
  }

  async function say(canary: Canary, type: 'Normal' | 'Warning', message: string): Promise<void> {
    log[type === 'Normal' ? 'info' : 'warn'](message, { canary: `${canary.metadata?.name}.${canary.metadata?.namespace}` });
    webhooks.tell(canary, type, message);
    await events.record({ apiVersion: 'flagger.app/v1beta1', kind: 'Canary', ...canary }, type, 'Synced', message);
  }

  /** Says at once what a release would find out too late: a metric that cannot be asked, an alert that reaches nobody, no way in. */
  async function checkUp(key: string, canary: Canary, settings: Settings): Promise<void> {
    const generation = canary.metadata?.generation ?? 0;
    if (checked.get(key) === generation) return;
    checked.set(key, generation);
    const [unasked, untold, missing] = await Promise.all([
      measuringProblems(measures, settings),
      alerts.problems(canary),
      missingGateways(client, canary, settings),
    ]);
    if (unasked.length > 0) await say(canary, 'Warning', `Error checking metric providers: ${unasked.join('; ')}`);
    else if (!canary.status?.phase || canary.status.phase === 'Initializing')
      await say(canary, 'Normal', 'all the metrics providers are available!');
    if (untold.length > 0) await say(canary, 'Warning', `Error checking alert providers: ${untold.join('; ')}`);
    for (const message of missing) await say(canary, 'Warning', message);
  }

  async function tellUnheeded(key: string, canary: Canary, settings: Settings): Promise<void> {
    const fields = unheeded(canary, settings).join(', ');
    if (fields === (told.get(key) ?? '')) return;
    told.set(key, fields);
    if (fields) await say(canary, 'Warning', `Without effect, since not supported yet: ${fields}`);
  }

  async function reconcile(key: string, _ctx: ReconcileContext): Promise<Outcome> {
    const canary = await client.get(Canaries, parseKey(key));
    if (!canary) {
      due.delete(key);
      told.delete(key);
      checked.delete(key);
      waiting.delete(key);
      judges?.forget(key);
      alerts.forget(key);
      return settled;
    }
    const settings = settingsOf(canary, defaults);
    if ('problem' in settings) {
      const status = heldUp(canary, settings.problem, clock.now());
      if (status) await say(canary, 'Warning', settings.problem);
      if (status) await updateStatus(client, Canaries, canary, status);
      return settled;
    }
    await tellUnheeded(key, canary, settings);
    await checkUp(key, canary, settings);
    const dueIn = Math.max(0, (due.get(key) ?? 0) - clock.monotonic());
    const judge = judging(canary, settings, key);
    const badRequests = badRequestsOf(canary, settings, requests);
    const observation = await observe({ canary, settings, judge, badRequests, dueIn, now: clock.now() });
    const answers = await ask(observation);
    const made = decide(observation, answers);
    const { effects, status, after, stepped } = made;
    const waits = !stepped && (status?.phase ?? canary.status?.phase) === canary.status?.phase;
    const says = waits ? news(key, made.says, settings.intervalMs) : made.says;
    const came: Said[] = [];
    for (const effect of effects) came.push(...((await enactor.enact(observation, effect)) ?? []));
    if (!waits) waiting.delete(key);
    // A release that ends well says so after its last hooks, one that fails before them.
    const inOrder = status?.phase === 'Failed' ? [...says, ...came] : [...came, ...says];
    for (const { type, message } of inOrder) await say(canary, type, message);
    const written = status && withHistory(withEvidence(status, observation, answers, { ...made, says }), observation, made);
    const next = written ?? heldUp(canary, made.problem, clock.now());
    if (next) await updateStatus(client, Canaries, canary, next);
    tally?.looked(observation, answers, written, clock.now() - observation.now);
    const alert = alertOf({ observation, answers, says, status: written });
    if (alert) alerts.tell(canary, alert);
    if (stepped) due.set(key, clock.monotonic() + settings.intervalMs);
    return after === undefined ? settled : again(after);
  }

  /** What the API refuses is for the Canary's author to mend: it is said there, and tried again like a step. */
  async function reconcileOrSay(key: string, ctx: ReconcileContext): Promise<Outcome> {
    try {
      return await reconcile(key, ctx);
    } catch (error) {
      // A conflict says that something moved on while we looked.
      if (!(error instanceof ApiError) || error.code >= 500 || error.reason === 'Conflict') throw error;
      const canary = await client.get(Canaries, parseKey(key));
      const settings = canary && settingsOf(canary, defaults);
      if (!settings || 'problem' in settings) throw error;
      for (const { type, message } of news(key, [warn(error.message)], settings.intervalMs)) await say(canary, type, message);
      const status = heldUp(canary, error.message, clock.now());
      if (status) await updateStatus(client, Canaries, canary, status);
      return again(Math.min(settings.intervalMs, LONGEST_RETRY_MS));
    }
  }

  await runController({
    name: 'canary',
    concurrency: CONCURRENCY,
    sources: [...sourcesOf(informers), ...(judges ? [judges.proofs] : [])],
    reconcile: reconcileOrSay,
    clock,
    log,
    signal,
  });
}
