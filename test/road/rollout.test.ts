/** Releases that people take a hand in, by the command line and by the API. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { after, before, test } from 'node:test';
import { eventually, kubectl, newInstance, sample, type Instance } from '../support/instance.ts';

/** In many small steps: slow enough to be acted on. */
const CANARY = readFileSync(sample('podinfo/canary.yaml'), 'utf8')
  .replace('stepWeight: 20', 'stepWeight: 10')
  .replace('interval: 2s', 'interval: 1s')
  // Slow answers of a busy machine end no release here.
  .replace('threshold: 2', 'threshold: 50');

let it: Instance;
before(async () => {
  it = await newInstance('rollout');
  await it.up();
  await kubectl(it, ['apply', '-f', sample('podinfo/podinfo.yaml')]);
  await kubectl(it, 'apply -f -', CANARY);
  await kubectl(it, '-n test rollout status deployment/flagger-loadtester --timeout=20s');
  await kubectl(it, ['-n', 'test', 'wait', '--for=jsonpath={.status.phase}=Initialized', 'canary/podinfo', '--timeout=25s']);
});
after(() => it.close());

const setImage = (version: string) =>
  kubectl(it, ['-n', 'test', 'set', 'image', 'deployment/podinfo', `podinfod=ghcr.io/stefanprodan/podinfo:${version}`]);
const rollout = async (...words: string[]): Promise<string> => {
  const done = await it.sluice(['rollout', '-n', 'test', ...words]);
  assert.equal(done.code, 0, `${words.join(' ')}\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
};
const refused = async (...words: string[]): Promise<string> => {
  const done = await it.sluice(['rollout', '-n', 'test', ...words]);
  assert.equal(done.code, 1, done.stdout);
  return done.stderr;
};
const PARTS = '/apis/flagger.app/v1beta1/namespaces/test/canaries/podinfo';
/** What the API answers to a command that is posted, or the words of its refusal. */
const posted = async (part: string, body = '', ...flags: string[]): Promise<string> => {
  const { code, stdout, stderr } = await it.kubectl.run(['create', '--raw', `${PARTS}/${part}`, '-f', '-', ...flags], { input: body });
  return code === 0 ? (JSON.parse(stdout) as { status: { message: string } }).status.message : stderr;
};
const weight = () => kubectl(it, ['-n', 'test', 'get', 'virtualservice', 'podinfo', '-o', 'jsonpath={.spec.http[0].route[1].weight}']);

test('a release is paused, moved, resumed and promoted by hand', async () => {
  assert.match(await refused('abort', 'podinfo'), /^error: podinfo: no release is under way\n/);
  assert.match(await refused('get', 'nobody'), /there is no Canary nobody in namespace test\n/);
  await setImage('6.14.1');
  await eventually('the canary has traffic', 30, async () => Number(await weight()) > 0);
  assert.match(await rollout('pause', 'podinfo'), /Paused/);
  const { username } = userInfo();
  assert.equal(
    await rollout('set-weight', 'podinfo', '35'),
    `test/podinfo: Set podinfo.test canary weight 35 by request of ${username}.\n`,
  );
  assert.equal(await weight(), '35');
  // As a sync from Git would: what it does not name stays.
  await kubectl(it, 'apply -f -', CANARY);
  await eventually('the pause is noticed', 15, async () => (await rollout('list')).includes('Progressing, paused'));
  assert.equal(await weight(), '35');
  const why = await rollout('why', 'podinfo');
  assert.ok(why.includes(`The last request, set-weight=35 by ${username} at `), why);
  assert.equal(await posted('set-weight', '{"spec": {"weight": 40}}'), 'Set podinfo.test canary weight 40 by request of sluice-admin.');
  assert.equal(await weight(), '40');
  assert.match(await rollout('promote', 'podinfo'), /Promoting podinfo.test by request of /);
  assert.match(await rollout('wait', 'podinfo', '--timeout', '60s'), /promoted after/);
  const releases = JSON.parse(await rollout('history', 'podinfo', '-o', 'json')) as {
    outcome: string;
    images: string[];
    requests: { request: string; by: string }[];
  }[];
  assert.deepEqual(
    releases.map((r) => [r.outcome, r.images, r.requests.map(({ request, by }) => `${request} by ${by === username ? 'user' : by}`)]),
    [
      [
        'Promoted',
        ['ghcr.io/stefanprodan/podinfo:6.14.1'],
        ['pause by user', 'set-weight=35 by user', 'set-weight=40 by sluice-admin', 'promote by user'],
      ],
    ],
  );
});

test('the API takes the same commands from whoever may, and says what it refuses', async () => {
  await kubectl(it, 'create serviceaccount pauser -n test');
  await kubectl(it, 'create role pauser -n test --verb=create --resource=canaries.flagger.app/pause,canaries.flagger.app/resume');
  await kubectl(it, 'create rolebinding pauser -n test --role=pauser --serviceaccount=test:pauser');
  const pauser = '--as=system:serviceaccount:test:pauser';
  assert.equal(await posted('pause', '', pauser), 'Paused: it stays as it is until "resume".');
  assert.match(
    await kubectl(it, ['-n', 'test', 'get', 'canary', 'podinfo', '-o', 'jsonpath={.metadata.annotations}']),
    /"sluice.io\/paused":"20/,
  );
  assert.equal(await posted('resume', '', pauser), 'Resumed.');
  assert.match(await posted('abort', '', pauser), /\(Forbidden\).* cannot create resource "canaries\/abort" in API group "flagger\.app"/);
  assert.match(await posted('abort'), /\(Conflict\).* on canaries\.flagger\.app "podinfo": no release is under way\n/);
  assert.match(await posted('set-weight'), /spec\.weight: Required value/);
  const why = JSON.parse(await kubectl(it, ['get', '--raw', `${PARTS}/why`])) as { phase: string; evidence: { metrics?: unknown }[] };
  assert.equal(why.phase, 'Succeeded');
  assert.ok(why.evidence.some((e) => e.metrics));
});

test('a release is aborted, and the same version tried again', async () => {
  await setImage('6.14.2');
  await eventually('the canary has traffic', 30, async () => Number(await weight()) > 0);
  assert.match(await rollout('abort', 'podinfo'), /aborted by request/);
  const waited = await it.sluice(['rollout', '-n', 'test', 'wait', 'podinfo']);
  assert.equal(waited.code, 1, 'wait tells of the failure');
  assert.equal(await weight(), '0');
  assert.match(await rollout('retry', 'podinfo'), /Retrying the release/);
  assert.match(await rollout('wait', 'podinfo', '--timeout', '90s'), /promoted after/);
  const why = await rollout('why', 'podinfo');
  assert.match(why, /Metric request-success-rate was 100 \(at least 99 is asked\)\./);
  assert.match(why, /Webhook load-test \(rollout\) passed\./);
});
