/** Whole releases in virtual time, and what people are told of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertProviders, Deployments, type AlertProvider, type CanaryAnalysis } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import type { Client } from '../control/index.ts';
import { deployment, NS, world, type World } from './testing/world.ts';

const provider = (name: string, annotations: Record<string, string> = {}): AlertProvider => ({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'AlertProvider',
  metadata: { name, namespace: NS, annotations },
  spec: { type: 'generic', address: `https://${name}.example/hook` },
});

/** A world with AlertProviders `all`, `loud` and `quiet`, which hear of everything, of warnings and of errors. */
function listened(analysis: Partial<CanaryAnalysis> = {}, more: (client: Client) => Promise<unknown> = async () => {}): Promise<World> {
  const alerts = (['all', 'loud', 'quiet'] as const).map((name) => ({ name, providerRef: { name } }));
  const [all, loud, quiet] = alerts;
  return world({
    analysis: { alerts: [all!, { ...loud!, severity: 'warn' }, { ...quiet!, severity: 'error' }], ...analysis },
    before: async (client) => {
      await client.create(Deployments, deployment('podinfo:1'));
      for (const { name } of alerts) await client.create(AlertProviders, provider(name));
      await more(client);
    },
  });
}

interface Body {
  readonly severity: string;
  readonly phase: string;
  readonly metadata: { readonly eventMessage: string };
  readonly fields: readonly { readonly name: string; readonly value: string }[];
}

const heardBy = (w: World, name: string): Body[] =>
  w.sent.filter((r) => r.url.includes(`//${name}.`)).map((r) => JSON.parse(r.body!) as Body);
const texts = (w: World, name: string): string[] => heardBy(w, name).map((b) => `${b.severity}: ${b.metadata.eventMessage}`);

test('a release that goes well is told of once a change, to those who listen to that', async () => {
  const w = await listened();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  await w.pass(60_000);
  assert.deepEqual(texts(w, 'all'), [
    'info: New Deployment detected, initialization completed.',
    'info: New revision detected, progressing canary analysis.',
    'info: Canary analysis completed successfully, promotion finished.',
  ]);
  assert.deepEqual([texts(w, 'loud'), texts(w, 'quiet')], [[], []]);
  const fields = Object.fromEntries(heardBy(w, 'all')[1]!.fields.map((f) => [f.name, f.value]));
  assert.deepEqual(fields, {
    Target: 'Deployment/podinfo.test',
    'Failed checks threshold': '2',
    'Progress deadline': '600s',
    'Traffic routing': 'Weight step: 20 max: 50',
  });
  w.stop();
});

test('a release that fails says why, and what was measured', async () => {
  const w = await listened();
  await w.reach('Initialized');
  w.successRate = 91.25;
  await w.setImage('podinfo:2');
  await w.reach('Failed');
  await w.pass(5_000);
  assert.deepEqual(texts(w, 'quiet'), ['error: Failed checks threshold reached 2']);
  const [{ phase, fields }] = heardBy(w, 'quiet') as [Body];
  assert.equal(phase, 'Failed');
  assert.deepEqual(Object.fromEntries(fields.map((f) => [f.name, f.value])), {
    Target: 'Deployment/podinfo.test',
    'Canary weight': '20',
    'Last check': 'Halt podinfo.test advancement success rate 91.25% < 99%',
    'Metric request-success-rate': '91.25 (at least 99): fail',
  });
  w.stop();
});

test('requests that went badly at the canary are named, each by one decision', async () => {
  const w = await listened();
  await w.reach('Initialized');
  const asked = new Set<string>();
  const came = w.clock.now() + 15_000;
  const failed = { id: '4f2c', time: rfc3339(came), request: 'GET /api', status: 500, detail: 'via_upstream', ms: 12 };
  w.successRate = 50;
  w.requests = (service, since, slowMs) => {
    asked.add(`${service} ${slowMs}`);
    return came <= w.clock.now() && came >= since ? [failed] : [];
  };
  await w.setImage('podinfo:2');
  await w.reach('Failed');
  await w.pass(5_000);
  assert.deepEqual([...asked], ['podinfo-canary.test 500']);
  const named = (await w.canary()).status?.evidence?.map((e) => e.requests?.map((r) => r.id).join()) ?? [];
  assert.deepEqual(
    named.filter((ids) => ids !== undefined),
    ['4f2c'],
  );
  const [{ fields }] = heardBy(w, 'quiet') as [Body];
  assert.equal(fields.find((f) => f.name === 'Bad request')?.value, '4f2c: GET /api 500 (via_upstream) after 12 ms');
  w.stop();
});

test('pods that never become ready are told of, too', async () => {
  const w = await listened();
  await w.reach('Initialized');
  w.broken.add('podinfo:2');
  await w.setImage('podinfo:2');
  await w.reach('Failed', 1_200_000);
  await w.pass(5_000);
  assert.match(texts(w, 'quiet').join(), /^error: Progress deadline exceeded: /);
  w.stop();
});

test('whoever waits for approval says so once, unless the gate is muted', async () => {
  for (const muteAlert of [false, true]) {
    const closed = new Set(['http://start', 'http://more', 'http://end']);
    const hook = (type: 'confirm-rollout' | 'confirm-traffic-increase' | 'confirm-promotion', name: string) => ({
      type,
      name,
      url: `http://${name}`,
      muteAlert,
    });
    const w = await listened({
      webhooks: [hook('confirm-rollout', 'start'), hook('confirm-traffic-increase', 'more'), hook('confirm-promotion', 'end')],
    });
    w.hook = (url) => (closed.has(url) ? 403 : 200);
    await w.reach('Initialized');
    await w.setImage('podinfo:2');
    await w.pass(60_000);
    closed.delete('http://start');
    await w.pass(60_000);
    closed.delete('http://more');
    await w.reach('WaitingPromotion');
    await w.pass(60_000);
    closed.delete('http://end');
    await w.reach('Succeeded');
    await w.pass(5_000);
    const waits = ['Canary is waiting', 'Canary traffic increase is waiting', 'Canary promotion is waiting'].map(
      (t) => `warn: ${t} for approval.`,
    );
    assert.deepEqual(texts(w, 'loud'), muteAlert ? [] : waits);
    w.stop();
  }
});

test('a webhook that rolls back is a warning; a revert and a newer revision are news', async () => {
  const w = await listened({ webhooks: [{ type: 'rollback', name: 'stop', url: 'http://stop' }] });
  w.hook = () => 500;
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.pass(15_000);
  await w.setImage('podinfo:3');
  await w.pass(15_000);
  await w.setImage('podinfo:1');
  await w.reach('Succeeded');
  await w.setImage('podinfo:4');
  await w.reach('Progressing');
  w.hook = () => 200;
  await w.reach('Failed');
  await w.pass(5_000);
  assert.deepEqual(texts(w, 'all').slice(1), [
    'info: New revision detected, progressing canary analysis.',
    'info: New revision detected, restarting canary analysis.',
    'info: Revision reverted, canary analysis ended.',
    'info: New revision detected, progressing canary analysis.',
    'warn: Rolling back manual webhook invoked',
  ]);
  w.stop();
});

test('a canary without alerts of its own is told of to those who listen to everybody', async () => {
  const w = await listened({ alerts: [] }, async (client) => {
    await client.create(AlertProviders, provider('everybody', { 'sluice.io/alerts': 'error' }));
    await client.create(AlertProviders, provider('nobody', { 'sluice.io/alerts': 'never' }));
  });
  await w.reach('Initialized');
  w.p99 = 900;
  await w.setImage('podinfo:2');
  await w.reach('Failed');
  await w.pass(5_000);
  assert.deepEqual(texts(w, 'everybody'), ['error: Failed checks threshold reached 2']);
  assert.deepEqual(new Set(w.sent.map((r) => new URL(r.url).host)), new Set(['everybody.example']));
  w.stop();
});

test('nobody waits for alerts: a release goes on when they are not taken, and the Canary says why', async () => {
  const w = await listened();
  w.answer = () => ({ status: 403, body: 'wrong' });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  const said = (await w.events()).filter((m) => m.startsWith('Alert all'));
  assert.deepEqual(said, ['Alert all was not sent: all.example answers: 403 wrong']);
  w.stop();
});

test('what is missing is said before a release needs it', async () => {
  const w = await listened({ alerts: [{ name: 'on-call', severity: 'error', providerRef: { name: 'pager', namespace: 'ops' } }] });
  await w.reach('Initialized');
  const events = await w.events();
  assert.ok(events.includes('all the metrics providers are available!'));
  assert.ok(
    events.includes(
      'Error checking alert providers: Alert on-call cannot be sent: AlertProvider pager.ops not found: create it, or correct providerRef',
    ),
    events.join('\n'),
  );
  w.stop();
});
