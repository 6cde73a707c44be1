/** What webhooks are sent, when they pass, and how often they are tried. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Canary, CanaryWebhook, WebhookType } from '../api/index.ts';
import { silentLog, VirtualClock } from '../base/index.ts';
import { createHooks } from './hooks.ts';
import type { HttpAnswer } from './ports.ts';

const URL = 'http://gate.test/check';

const canaryWith = (...webhooks: CanaryWebhook[]): Canary => ({
  metadata: { name: 'podinfo', namespace: 'test' },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
    service: { port: 80 },
    analysis: { interval: '10s', threshold: 1, stepWeight: 10, webhooks },
  },
  status: { phase: 'Progressing', lastAppliedSpec: 'a1', trackedConfigs: { 'configmap/a': '0' } },
});

function world(answers: (HttpAnswer | Error)[]) {
  const clock = new VirtualClock();
  const sent: { url: string; body: Record<string, unknown>; timeoutMs: number; at: number }[] = [];
  const http = {
    async post(url: string, body: unknown, timeoutMs: number): Promise<HttpAnswer> {
      sent.push({ url, body: body as Record<string, unknown>, timeoutMs, at: clock.monotonic() });
      const answer = answers.shift() ?? { status: 200, body: '' };
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { clock, sent, hooks: createHooks({ http, clock, log: silentLog, signal: new AbortController().signal }) };
}

test('the payload: who, in which phase, which release, and what the hook itself asked to be told', async () => {
  const { hooks, sent } = world([]);
  const canary = canaryWith({ name: 'load', url: URL, timeout: '5s', metadata: { cmd: 'hey http://a/' } });
  await hooks.run(canary, 'rollout', 'Progressing');
  const { checksum, ...body } = sent[0]!.body;
  assert.deepEqual(body, { name: 'podinfo', namespace: 'test', phase: 'Progressing', metadata: { cmd: 'hey http://a/' } });
  assert.equal(sent[0]!.timeoutMs, 5000);
  assert.match(String(checksum), /^[0-9a-f]{10}$/);
  for (const status of [{ lastAppliedSpec: 'a2' }, { trackedConfigs: { 'configmap/a': '1' } }]) {
    await hooks.run({ ...canary, status: { ...canary.status, ...status } }, 'rollout', 'Progressing');
    assert.notEqual(sent.at(-1)!.body['checksum'], checksum, JSON.stringify(status));
  }
  await hooks.run(canaryWith({ name: 'plain', url: URL }), 'rollout', '');
  assert.equal('metadata' in sent.at(-1)!.body, false);
});

test('200, 201 and 202 pass; anything else fails, in its own words', async () => {
  const table: [HttpAnswer | Error, string | undefined][] = [
    [{ status: 200, body: '' }, undefined],
    [{ status: 201, body: '' }, undefined],
    [{ status: 202, body: '' }, undefined],
    [{ status: 204, body: '' }, 'status 204'],
    [{ status: 403, body: 'Forbidden\n' }, 'Forbidden'],
    [{ status: 500, body: 'command a failed: no\n' }, 'command a failed: no'],
    [new Error('refused'), `POST ${URL}: refused`],
  ];
  for (const [answer, want] of table) {
    const { hooks } = world([answer]);
    const [result] = await hooks.run(canaryWith({ name: 'gate', url: URL }), 'rollout', '');
    assert.equal(result?.ok ? undefined : result?.error, want);
  }
});

test('what may pass is tried again, each time after twice as long', async () => {
  const down = { status: 503, body: 'down' };
  const table: [answers: (HttpAnswer | Error)[], retries: number, ok: boolean, times: number[]][] = [
    [[down], 1, true, [0, 1000]],
    [[down, new Error('refused'), { status: 429, body: '' }], 3, true, [0, 1000, 3000, 7000]],
    [[down, down], 1, false, [0, 1000]],
    [[{ status: 403, body: '' }], 3, false, [0]],
    [[down], 0, false, [0]],
    [Array.from({ length: 8 }, () => down), 7, false, [0, 1000, 3000, 7000, 15_000, 31_000, 61_000, 91_000]],
  ];
  for (const [answers, retries, ok, times] of table) {
    const { clock, hooks, sent } = world([...answers]);
    const start = clock.monotonic();
    const results = hooks.run(canaryWith({ name: 'a', url: URL, retries }), 'rollout', '');
    await clock.advance(120_000);
    assert.equal((await results)[0]?.ok, ok);
    assert.deepEqual(
      sent.map((s) => s.at - start),
      times,
    );
  }
});

test('hooks of a type are called in order; the first that fails ends checks and gates', async () => {
  const named = (type: WebhookType): CanaryWebhook[] => ['a', 'b', 'c'].map((name) => ({ name, type, url: URL }));
  const table: [WebhookType, string[]][] = [
    ['confirm-rollout', ['a', 'b']],
    ['pre-rollout', ['a', 'b']],
    ['rollout', ['a', 'b']],
    ['confirm-traffic-increase', ['a', 'b']],
    ['confirm-promotion', ['a', 'b']],
    ['post-rollout', ['a', 'b', 'c']],
    ['rollback', ['a', 'b', 'c']],
  ];
  for (const [type, want] of table) {
    const { hooks } = world([
      { status: 200, body: '' },
      { status: 403, body: '' },
    ]);
    const others = named(type === 'rollout' ? 'rollback' : 'rollout');
    const results = await hooks.run(canaryWith(...named(type), ...others), type, '');
    assert.deepEqual(
      results.map((r) => r.hook.name),
      want,
      type,
    );
  }
  const { hooks } = world([]);
  assert.equal((await hooks.run(canaryWith({ name: 'untyped', url: URL }), 'rollout', '')).length, 1);
});

test('event hooks are told each event in order, with its text, and nobody waits for them', async () => {
  const { clock, hooks, sent } = world([{ status: 500, body: '' }]);
  const canary = canaryWith({ name: 'log', type: 'event', url: URL, retries: 1, metadata: { eventType: 'mine', team: 'a' } });
  hooks.tell(canary, 'Normal', 'first');
  hooks.tell(canary, 'Warning', 'second');
  await clock.advance(2000);
  assert.deepEqual(
    sent.map((s) => (s.body['metadata'] as Record<string, string>)['eventMessage']),
    ['first', 'first', 'second'],
  );
  const { timestamp, ...metadata } = sent[2]!.body['metadata'] as Record<string, string>;
  assert.deepEqual(metadata, { eventMessage: 'second', eventType: 'Warning', team: 'a' });
  assert.match(timestamp ?? '', /^\d+$/);
});
