import { ApiError, type AnyObject, type KindDef, type Served } from '../../api/index.ts';
import { messageOf, uuid, type Clock, type Log, type Rng, type Metrics } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import { decode } from '../decode.ts';
import { storeKey } from '../entry.ts';
import { forbidden } from '../errors.ts';
import { copy, equal, isRecord } from '../json.ts';
import { carryOver, type Draft } from '../lifecycle.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { withReplicas } from '../scale.ts';
import type { AdmissionRequest } from './admission.ts';
import { derived } from './derived.ts';
import { activationOf, EvaluationError, hold } from './expressions.ts';
import { indexHooks, type Endpoint, type Hook } from './hooks.ts';
import { denial, reviewOf, reviewVersion, shownTo, verdictOf, type Verdict } from './review.ts';

/**
 * Posts a review, and resolves with the body of an answer of success; an Error says why there is none, in the words
 * that come after the address.
 */
export type CallWebhook = (endpoint: Endpoint, body: Buffer, timeoutSeconds: number) => Promise<Buffer>;

/** Told of each call, for metrics. */
export type ObserveWebhook = (call: {
  readonly name: string;
  readonly type: 'admit' | 'validating';
  readonly operation: string;
  readonly rejected: boolean;
  /** Milliseconds. */
  readonly took: number;
}) => void;

const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
const WHAT = ['name', 'type', 'operation', 'rejected'];

export function observeWebhooks(metrics: Metrics): ObserveWebhook {
  const total = metrics.counter('apiserver_admission_webhook_request_total', 'Calls of webhooks.', WHAT);
  const duration = metrics.histogram('apiserver_admission_webhook_admission_duration_seconds', 'Time webhooks took.', WHAT, BOUNDS);
  return ({ name, type, operation, rejected, took }) => {
    const values = [name, type, operation, String(rejected)];
    total(values);
    duration(values, took / 1000);
  };
}

export interface Webhooks {
  /** Asks mutating webhooks, one after another. `tidy` follows a change; `again` runs what else mutates, once, after all. */
  mutate(request: AdmissionRequest, tidy: () => void, again: () => Promise<void>): Promise<void>;
  /** Asks validating webhooks, all at once. */
  validate(request: AdmissionRequest): Promise<void>;
}

export interface WebhooksOptions {
  readonly store: Store<AnyObject>;
  readonly namespaces: KindDef;
  readonly call: CallWebhook;
  readonly observe: ObserveWebhook;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** A webhook that could not be asked, as against one that refused. */
class CallFailure extends Error {}

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { store, namespaces, call, observe, clock, rng, log } = options;
  const mutating = derived(store, ['admissionregistration.k8s.io/mutatingwebhookconfigurations/'], indexHooks);
  const validating = derived(store, ['admissionregistration.k8s.io/validatingwebhookconfigurations/'], indexHooks);
  const labelsOf = (name: string): Readonly<Record<string, string>> | undefined =>
    store.get(storeKey(namespaces, undefined, name))?.object.metadata?.labels;

  /** The version in which a webhook is to see the request; undefined: it is not asked about it. */
  const concerned = async (hook: Hook, request: AdmissionRequest): Promise<Served | undefined> => {
    const as = hook.matcher.match(request, labelsOf);
    if (!as || hook.conditions.length === 0) return as;
    try {
      return (await hold(hook.conditions, activationOf(request, as))) ? as : undefined;
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      if (hook.ignoresFailure) return undefined;
      throw forbidden(request.def, request.name, error.message);
    }
  };

  /** Asks one webhook. Undefined when it could not be asked and that does not matter. */
  const ask = async (hook: Hook, as: Served, request: AdmissionRequest, type: 'admit' | 'validating'): Promise<Verdict | undefined> => {
    const { name } = hook;
    if (request.dryRun && !hook.dryRun)
      throw new ApiError('BadRequest', `admission webhook ${JSON.stringify(name)} does not support dry run`);
    const started = clock.now();
    let rejected = true;
    try {
      const verdict = await post(hook, as, request, type === 'admit');
      for (const warning of verdict.warnings) request.warn(warning);
      if (!verdict.allowed) throw denial(name, verdict.status);
      rejected = false;
      return verdict;
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      const message = `failed calling webhook ${JSON.stringify(name)}: ${error.message}`;
      rejected = !hook.ignoresFailure;
      log.warn(rejected ? 'a webhook failed, and the request with it' : 'a webhook failed, and was passed over', { error: message });
      if (rejected) throw internal(message);
      return undefined;
    } finally {
      observe({ name, type, operation: request.operation, rejected, took: clock.now() - started });
    }
  };

  const post = async (hook: Hook, as: Served, request: AdmissionRequest, mutates: boolean): Promise<Verdict> => {
    const version = reviewVersion(hook.reviewVersions);
    if (!version)
      throw new CallFailure('could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)');
    const uid = uuid(rng);
    const body = Buffer.from(JSON.stringify(reviewOf(request, as, version, uid)));
    let answer: Buffer;
    try {
      answer = await call(hook.endpoint, body, hook.timeout);
    } catch (error) {
      throw new CallFailure(`failed to call webhook: ${messageOf(error)}`);
    }
    try {
      return verdictOf(answer, uid, version, mutates);
    } catch (error) {
      throw new CallFailure(`received invalid webhook response: ${messageOf(error)}`);
    }
  };

  return {
    async mutate(request, tidy, again) {
      const hooks = mutating().of(request.def);
      if (hooks.length === 0) return;
      // Those that want to be asked again when somebody behind them has changed something.
      const passed = new Set<Hook>();
      const due = new Set<Hook>();
      let changed = false;
      const behind = (): void => {
        for (const hook of passed) due.add(hook);
        passed.clear();
      };
      const round = async (second: boolean): Promise<void> => {
        for (const hook of hooks) {
          if (second && !due.has(hook)) continue;
          const as = await concerned(hook, request);
          if (!as) continue;
          const verdict = await ask(hook, as, request, 'admit');
          if (verdict && change(request, hook, as, verdict.patch)) {
            tidy();
            changed = true;
            behind();
          }
          if (hook.reinvoked) passed.add(hook);
        }
      };
      await round(false);
      if (!changed) return;
      const before = copy(request.object);
      await again();
      if (!equal(before, request.object)) behind();
      await round(true);
    },

    async validate(request) {
      const asked = validating()
        .of(request.def)
        .map(async (hook) => {
          const as = await concerned(hook, request);
          if (as) await ask(hook, as, request, 'validating');
        });
      if (asked.length === 0) return;
      const refusal = (await Promise.allSettled(asked)).find((outcome) => outcome.status === 'rejected');
      if (refusal) throw refusal.reason;
    },
  };
}

/** Changes the object of a request, in place, as a webhook's patch says; false when it says nothing new. */
function change(request: AdmissionRequest, hook: Hook, as: Served, patch: unknown): boolean {
  if (patch === undefined || (Array.isArray(patch) && patch.length === 0)) return false;
  if (request.operation === 'DELETE' || request.operation === 'CONNECT') {
    throw internal(
      `admission webhook ${JSON.stringify(hook.name)} attempted to modify the object, which is not supported for this operation`,
    );
  }
  const object = request.object as Draft;
  const before = copy(object as AnyObject);
  let patched: AnyObject;
  try {
    patched = asStored(request, as, applyJsonPatch(shownTo(request, as, object), patch));
  } catch (error) {
    throw internal(messageOf(error));
  }
  const next = carryOver(request.def, request.subresource, before, patched as Draft);
  if (equal(before, next)) return false;
  replace(object.metadata, next.metadata);
  replace(object, { ...next, metadata: object.metadata });
  return true;
}

/** The stored form of what a webhook made of an object. */
function asStored({ served, object, subresource }: AdmissionRequest, as: Served, value: unknown): AnyObject {
  if (subresource !== 'scale') return decode(as, { value }, 'Ignore').object;
  const spec = isRecord(value) && isRecord(value['spec']) ? value['spec'] : {};
  return withReplicas(served, object, Number(spec['replicas'] ?? 0));
}

function replace(target: object, content: object): void {
  const fields = target as Record<string, unknown>;
  for (const field of Object.keys(fields)) if (!(field in content)) delete fields[field];
  Object.assign(fields, content);
}

function internal(message: string): ApiError {
  return new ApiError('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}
