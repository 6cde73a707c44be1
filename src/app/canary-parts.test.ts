/** The parts of a Canary over the API's verbs, with a controller that is played. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiError, apiResourceList, Canaries, createCatalog, Namespaces, openRequest, REQUEST, type AnyObject } from '../api/index.ts';
import { ADMIN, createRegistry, type Registry } from '../apiserver/index.ts';
import { seededRng, silentLog, VirtualClock } from '../base/index.ts';
import { memoryStore } from '../store/index.ts';
import { canaryAccounts, canaryCommands } from './canary-parts.ts';

const NS = 'test';
const USER = { name: 'jane', groups: [] };
const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
const stop = new AbortController();
let registry: Registry;

before(async () => {
  const core = { store: memoryStore<AnyObject>(), catalog: createCatalog(), clock, rng: seededRng(1), log: silentLog };
  const answers = canaryCommands({ clientOf: (user) => registry.client(user), clock, signal: stop.signal });
  registry = createRegistry({ ...core, answers, accounts: canaryAccounts });
  const client = registry.client(ADMIN);
  await client.create(Namespaces, { metadata: { name: NS } });
  await client.create(Canaries, {
    metadata: { name: 'podinfo', namespace: NS },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
      service: { port: 9898 },
      analysis: { interval: '10s', threshold: 2, stepWeight: 20 },
    },
  });
});
after(() => stop.abort());

const at = (subresource: string, name = 'podinfo') => ({
  served: registry.catalog.find(Canaries.group, Canaries.version, Canaries.plural)!,
  namespace: NS,
  name,
  subresource,
  user: USER,
});

/** Answers what is open on the Canary, as the controller would. */
async function control(done: boolean, message: string): Promise<void> {
  const client = registry.client(ADMIN);
  const canary = (await client.get(Canaries, { namespace: NS, name: 'podinfo' }))!;
  const request = openRequest(canary);
  if (request === undefined) return;
  const time = new Date(clock.now()).toISOString();
  await client.update(Canaries, { ...canary, status: { handled: { request, done, message, time } } }, { subresource: 'status' });
}

async function post(part: string, body: unknown, controlled?: [done: boolean, message: string], query = {}): Promise<string> {
  let said: string | undefined;
  const posted = registry.create(at(part), { value: body }, query).then(
    ({ object }) => (said = `${object.kind}: ${(object['status'] as { message: string }).message}`),
    (error: ApiError) => (said = `${error.code} ${error.message}`),
  );
  for (let t = 0; t < 140 && said === undefined; t++) {
    await clock.advance(250);
    if (controlled) await control(...controlled);
  }
  return posted;
}

const CASES: [string, string, unknown, [boolean, string] | undefined, RegExp][] = [
  ['done', 'promote', {}, [true, 'Promoting podinfo.test by request'], /^CanaryRequest: Promoting podinfo\.test by request\.$/],
  [
    'refused',
    'abort',
    {},
    [false, 'no release is under way'],
    /^409 Operation cannot be fulfilled on canaries\.flagger\.app "podinfo": no release is under way$/,
  ],
  [
    'nobody answers',
    'retry',
    {},
    undefined,
    /^504 No answer on canaries\.flagger\.app "podinfo": it has not taken up the request within 30 s/,
  ],
  ['at once', 'pause', {}, undefined, /^CanaryRequest: Paused: it stays as it is until "resume"\.$/],
  ['at once, again', 'pause', {}, undefined, /^CanaryRequest: It is paused already\.$/],
  ['a weight', 'set-weight', { spec: { weight: 35 } }, [true, 'Set weight 35'], /^CanaryRequest: Set weight 35\.$/],
  [
    'no weight',
    'set-weight',
    { weight: 35 },
    undefined,
    /^422 CanaryRequest\.flagger\.app "" is invalid: spec\.weight: Required value: the share of requests that the canary gets, from 0 to 100$/,
  ],
  ['too much weight', 'set-weight', { spec: { weight: 101 } }, undefined, /^422 .* must be between 0 and 100, inclusive$/],
  ['no number', 'set-weight', { spec: { weight: 'half' } }, undefined, /^422 .*spec\.weight.* must be of type integer/],
  ['a weight for another', 'promote', { spec: { weight: 5 } }, undefined, /^422 .*Forbidden: only set-weight takes a weight$/],
  ['another kind', 'promote', { kind: 'Scale' }, undefined, /^400 the kind in the data \(Scale\) does not match/],
];

test('what is posted to a part of a Canary', async (t) => {
  for (const [name, part, body, controlled, want] of CASES)
    await t.test(name, async () => assert.match(await post(part, body, controlled), want));
  await t.test('a dry run', async () => assert.match(await post('undo', {}, undefined, { dryRun: true }), /^400 undo knows no dry run/));
  await t.test('a canary that is not there', () =>
    assert.rejects(registry.create(at('promote', 'nobody'), { value: {} }, {}), { reason: 'NotFound', code: 404 }),
  );
});

test('what is asked stays with the Canary', async () => {
  await post('restart', {}, [true, 'Restarting']);
  const { object } = await registry.get({ ...at('status'), subresource: undefined });
  assert.match(object.metadata?.annotations?.[REQUEST] ?? '', /^restart 2026-01-01T\S+ by jane$/);
  assert.ok(object.metadata?.managedFields?.some((f) => f.manager === 'sluice-rollout'));
});

test('the account of a release', async () => {
  const why = (await registry.get(at('why'))).object;
  assert.deepEqual([why.kind, why.metadata?.name, (why['request'] as { done: boolean }).done], ['CanaryWhy', 'podinfo', true]);
  const history = (await registry.get(at('history'))).object;
  assert.deepEqual([history.kind, history['releases']], ['CanaryHistory', []]);
  await assert.rejects(registry.get(at('why', 'nobody')), { reason: 'NotFound' });
  await assert.rejects(registry.get(at('promote')), { reason: 'MethodNotAllowed' });
});

test('discovery names the parts', () => {
  const { resources } = apiResourceList(registry.catalog, Canaries.group, Canaries.version) as {
    resources: { name: string; verbs: string[] }[];
  };
  const parts = resources.filter((r) => r.name.startsWith('canaries/')).map((r) => `${r.name.slice(9)} ${r.verbs.join()}`);
  assert.deepEqual(parts, [
    'abort create',
    'history get',
    'pause create',
    'promote create',
    'restart create',
    'resume create',
    'retry create',
    'set-weight create',
    'status get,patch,update',
    'undo create',
    'why get',
  ]);
});
