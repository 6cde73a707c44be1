/** Webhooks: gates, checks and notices that a Canary names, called as Flagger calls them. */
import type { Canary, CanaryPhase, CanaryWebhook, WebhookType } from '../api/index.ts';
import { canonicalJson, messageOf, parseDuration, sha256Hex, sleep, type Clock, type Log } from '../base/index.ts';
import { createLines } from './lines.ts';
import type { Http } from './ports.ts';

export interface HookResult {
  readonly hook: CanaryWebhook;
  readonly ok: boolean;
  /** Why not, in the hook's own words. */
  readonly error: string;
}

export interface Hooks {
  /** Calls a type's hooks in order; of gates and checks, the first that does not pass ends it. `phase` is what they are told. */
  run(canary: Canary, type: WebhookType, phase: CanaryPhase): Promise<HookResult[]>;
  /** Tells the `event` hooks of an event, in the order of events; nobody waits for them. */
  tell(canary: Canary, eventType: 'Normal' | 'Warning', eventMessage: string): void;
}

export interface HooksOptions {
  readonly http: Http;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 10_000;
/** Waits between two tries double from the first to the second. */
const RETRY_MS = { first: 1_000, most: 30_000 };
/** Events that a hook which does not answer may have before it. */
const MAX_UNTOLD = 100;

/** The hooks of one type; those without a type are `rollout` hooks. */
function hooksOf({ spec }: Canary, type: WebhookType): readonly CanaryWebhook[] {
  return (spec.analysis.webhooks ?? []).filter((h) => (h.type || 'rollout') === type);
}

/** Names what is released: another one, another checksum. */
function checksumOf({ status }: Canary): string {
  return sha256Hex(canonicalJson([status?.lastAppliedSpec ?? '', status?.trackedConfigs ?? {}]), 10);
}

export function createHooks({ http, clock, log, signal }: HooksOptions): Hooks {
  const telling = createLines(MAX_UNTOLD);

  async function call(canary: Canary, hook: CanaryWebhook, phase: CanaryPhase, metadata = hook.metadata): Promise<HookResult> {
    const { name = '', namespace = 'default' } = canary.metadata ?? {};
    const body = { name, namespace, phase, checksum: checksumOf(canary), ...(metadata ? { metadata } : {}) };
    const timeoutMs = parseDuration(hook.timeout ?? '') ?? TIMEOUT_MS;
    for (let left = hook.retries ?? 0, wait = RETRY_MS.first; ; left--, wait = Math.min(wait * 2, RETRY_MS.most)) {
      let error: string;
      let retriable = true;
      try {
        const { status, body: said } = await http.post(hook.url, body, timeoutMs);
        if (status >= 200 && status <= 202) return { hook, ok: true, error: '' };
        error = said.trim() || `status ${status}`;
        retriable = status === 429 || (status >= 500 && status !== 501);
      } catch (cause) {
        error = `POST ${hook.url}: ${messageOf(cause)}`;
      }
      if (!retriable || left <= 0 || signal.aborted) return { hook, ok: false, error };
      await sleep(clock, wait, signal);
    }
  }

  return {
    async run(canary, type, phase) {
      const results: HookResult[] = [];
      for (const hook of hooksOf(canary, type)) {
        const result = await call(canary, hook, phase);
        results.push(result);
        if (!result.ok && type !== 'rollback' && type !== 'post-rollout') break;
      }
      return results;
    },
    tell(canary, eventType, eventMessage) {
      const hooks = hooksOf(canary, 'event');
      if (hooks.length === 0) return;
      const key = `${canary.metadata?.namespace}/${canary.metadata?.name}`;
      const timestamp = String(Math.trunc(clock.now()));
      const begun = telling.add(key, async () => {
        for (const hook of hooks) {
          const metadata = { ...hook.metadata, eventMessage, eventType, timestamp };
          const { ok, error } = await call(canary, hook, canary.status?.phase ?? '', metadata);
          if (!ok) log.warn(`event webhook ${hook.name} failed: ${error}`, { canary: key });
        }
      });
      if (!begun) log.warn('event webhooks answer too slowly: an event was not sent', { canary: key });
    },
  };
}
