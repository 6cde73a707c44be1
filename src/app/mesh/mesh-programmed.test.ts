import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events, Ingresses, VirtualServices, type VirtualService } from '../../api/index.ts';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { createInformers } from '../../control/index.ts';
import { FakeClient } from '../../control/testing.ts';
import { TypeUrl, type EnvoyResource } from '../../envoy/index.ts';
import { problemText, type Problem } from '../../mesh/index.ts';
import { createConditionWriter } from './mesh-conditions.ts';
import { ingressHearing } from './ingress-hearing.ts';
import { conditionHearing, createProgrammedReporter, type ProgrammedReporter } from './mesh-programmed.ts';
import type { Holder } from './programmed.ts';

const id = (name: string): string => `VirtualService default/${name}`;
const table = (...from: string[]): EnvoyResource => ({ typeUrl: TypeUrl.route, name: '80', version: '1', bytes: new Uint8Array(), from });

/** A proxy whose table is made of these objects. */
function holder(proxy: string, objects: readonly string[], state: Partial<Holder['state']> = {}): Holder {
  const sync = {
    cluster: 'synced',
    endpoint: 'synced',
    listener: 'synced',
    route: 'synced',
    virtualHost: 'synced',
    secret: 'synced',
  } as const;
  const none = new Map<string, EnvoyResource>();
  return {
    proxy,
    origins: { listeners: [], others: new Set(objects), behind: (cluster) => (cluster === 'outbound|80||x' ? [id('behind')] : []) },
    resources: { listeners: none, clusters: none, endpoints: none, virtualHosts: none, routes: new Map([['80', table(...objects)]]) },
    state: { connected: true, published: 3, acked: 3, sync, rejections: [], ...state },
  };
}
const refusal = (message: string): Partial<Holder['state']> => ({
  rejections: [{ typeUrl: TypeUrl.route, name: '80', version: '1', message }],
});

interface World {
  readonly clock: VirtualClock;
  readonly client: FakeClient;
  readonly reporter: ProgrammedReporter;
  holders: Holder[];
  writes: number;
  said(name: string): Promise<string | undefined>;
  change(name: string): Promise<void>;
  pass(ms: number): Promise<void>;
}

async function world(...names: string[]): Promise<World> {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  for (const name of names) await client.create(VirtualServices, { metadata: { namespace: 'default', name }, spec: { hosts: [name] } });
  const { signal } = new AbortController();
  const informers = createInformers(client, { clock, log: silentLog, signal });
  await Promise.all([informers.of(VirtualServices).synced, informers.of(Ingresses).synced]);
  const w: World = {
    clock,
    client,
    holders: [],
    writes: 0,
    reporter: createProgrammedReporter({
      client,
      hearings: [conditionHearing(informers, createConditionWriter({ client, clock })), ingressHearing(informers)],
      holders: () => w.holders,
      clock,
      log: silentLog,
      signal,
    }),
    async said(name) {
      const object = await client.get(VirtualServices, { namespace: 'default', name });
      const c = object?.status?.conditions?.find((found) => found.type === 'Programmed');
      return c && `${c.status} ${c.reason} ${c.observedGeneration}: ${c.message}`;
    },
    async change(name) {
      const object = (await client.get(VirtualServices, { namespace: 'default', name })) as VirtualService;
      await client.update(VirtualServices, { ...object, spec: { ...object.spec, exportTo: ['.'] } });
    },
    async pass(ms) {
      await clock.advance(ms);
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
  client.hooks.before = ({ verb }) => {
    if (verb === 'patch') w.writes++;
  };
  return w;
}

test('an object is told how many of its proxies took it, and pushes that say nothing new write nothing', async () => {
  const w = await world('a', 'b');
  w.holders = [holder('p1.default', [id('a')]), holder('p2.default', [id('a')])];
  w.reporter.changed();
  await w.pass(600);
  assert.equal(await w.said('a'), 'True Programmed 1: ACKed by 2 of 2 proxies.');
  assert.equal(await w.said('b'), 'Unknown NotHeld 1: No proxy that is connected needs it.');
  assert.equal(w.writes, 2);
  for (let push = 0; push < 50; push++) {
    w.reporter.changed();
    await w.pass(100);
  }
  assert.equal(w.writes, 2);
  w.holders = [w.holders[0]!];
  w.reporter.changed();
  await w.pass(600);
  assert.equal(await w.said('a'), 'True Programmed 1: ACKed by 1 of 1 proxy.');
});

test('a proxy that is slow is waited for, and named when it stays so', async () => {
  const w = await world('a');
  w.holders = [holder('p1.default', [id('a')]), holder('slow.default', [id('a')], { acked: 2 })];
  w.reporter.changed();
  await w.pass(14_000);
  assert.equal(await w.said('a'), undefined);
  await w.pass(3000);
  assert.equal(await w.said('a'), 'Unknown Pending 1: ACKed by 1 of 2 proxies; no answer yet from slow.default.');
  w.holders = [holder('p1.default', [id('a')]), holder('slow.default', [id('a')])];
  w.reporter.changed();
  await w.pass(600);
  assert.equal(await w.said('a'), 'True Programmed 1: ACKed by 2 of 2 proxies.');
});

test('a refusal is said on the object that changed, not on those that share its table', async () => {
  const w = await world('good', 'bad');
  const both = [id('good'), id('bad')];
  w.holders = [holder('p1.default', both)];
  w.reporter.changed();
  await w.pass(600);
  await w.change('bad');
  w.holders = [holder('p1.default', both, refusal('bad regex'))];
  w.reporter.changed();
  await w.pass(600);
  assert.equal(await w.said('good'), 'True Programmed 1: ACKed by 1 of 1 proxy.');
  assert.equal(
    await w.said('bad'),
    'False Rejected 2: Refused by 1 of 1 proxies, which keep the last good configuration: RouteConfiguration 80: bad regex. Correct the object, or take back its last change.',
  );
  assert.deepEqual(w.reporter.refused().map(problemText), [
    'VirtualService default/bad spec: Refused by 1 of 1 proxies, which keep the last good configuration: RouteConfiguration 80: bad regex. (SLU0013) Correct the object, or take back its last change.',
  ]);
  w.holders = [holder('p1.default', both)];
  w.reporter.changed();
  await w.pass(600);
  assert.deepEqual(w.reporter.refused(), []);
});

test('proxies that refuse different things are all counted, and one reason is given', async () => {
  const w = await world('bad');
  const two = [holder('p1.default', [id('bad')], refusal('bad regex')), holder('p2.default', [id('bad')], refusal('bad path'))];
  w.holders = [...two, holder('p3.default', [id('bad')])];
  w.reporter.changed();
  await w.pass(600);
  assert.match(
    (await w.said('bad'))!,
    /Refused by 2 of 3 proxies, .*: RouteConfiguration 80: bad regex \(and 1 more of what is made of it\)\./,
  );
});

test('a problem comes first, with what is left of the object', async () => {
  const w = await world('a');
  const object = { kind: 'VirtualService', namespace: 'default', name: 'a' };
  const problem: Problem = { object, code: 'IST0101', severity: 'error', path: 'spec.http[0]', message: 'no host x.', fix: 'Correct it.' };
  w.holders = [holder('p1.default', [id('a')])];
  w.reporter.report([problem]);
  await w.pass(600);
  assert.equal(await w.said('a'), 'False IST0101 1: spec.http[0]: no host x. Correct it. The rest of it: ACKed by 1 of 1 proxy.');
  w.reporter.report([]);
  await w.pass(600);
  assert.equal(await w.said('a'), 'True Programmed 1: ACKed by 1 of 1 proxy.');
});

test('a refusal of what nobody is named in falls on what this proxy has not taken yet; of a cluster, on the entries behind it', async () => {
  const refused = (typeUrl: TypeUrl, name: string): Partial<Holder['state']> => ({
    rejections: [{ typeUrl, name, version: '1', message: 'no' }],
  });
  const w = await world('old', 'new', 'behind');
  const reasons = async (): Promise<(string | undefined)[]> =>
    Promise.all(['old', 'new', 'behind'].map(async (name) => (await w.said(name))?.split(' ')[1]));
  w.holders = [holder('p1.default', [id('old')])];
  w.reporter.changed();
  await w.pass(600);
  w.holders = [holder('p1.default', [id('old'), id('new')], refused(TypeUrl.listener, '0.0.0.0_80'))];
  w.reporter.changed();
  await w.pass(600);
  assert.deepEqual(await reasons(), ['Programmed', 'Rejected', 'NotHeld']);
  w.holders = [holder('p1.default', [id('old'), id('new'), id('behind')], refused(TypeUrl.cluster, 'outbound|80||x'))];
  w.reporter.changed();
  await w.pass(600);
  assert.deepEqual(await reasons(), ['Programmed', 'Programmed', 'Rejected']);
});

test('an Ingress hears of a refusal by an Event, once', async () => {
  const w = await world();
  const ingress = 'Ingress default/site';
  await w.client.create(Ingresses, { metadata: { namespace: 'default', name: 'site' }, spec: {} });
  const events = async (): Promise<string[]> =>
    (await w.client.list(Events)).items.map((e) => `${e.involvedObject.kind} ${e.type} ${e.reason} ${e.count}: ${e.message}`);
  w.holders = [holder('gw.istio-system', [ingress])];
  w.reporter.changed();
  await w.pass(600);
  assert.deepEqual(await events(), []);
  w.holders = [holder('gw.istio-system', [ingress], refusal('bad path'))];
  for (let push = 0; push < 3; push++) {
    w.reporter.changed();
    await w.pass(600);
  }
  assert.deepEqual(await events(), [
    'Ingress Warning Rejected 1: Refused by 1 of 1 proxies, which keep the last good configuration: RouteConfiguration 80: bad path. Correct the object, or take back its last change.',
  ]);
});
