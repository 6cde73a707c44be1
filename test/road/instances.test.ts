/** Instances beside each other, and what each keeps when it is down. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';
import { helloApp } from '../support/hello.ts';

let one: Instance;
let two: Instance;
before(async () => {
  [one, two] = await Promise.all([newInstance('one'), newInstance('two')]);
  await Promise.all([one.up(), two.up()]);
});
after(async () => {
  await Promise.all([one.close(), two.close()]);
});

const app = `${helloApp('*')}apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: hello }
spec: { hosts: ['*'], gateways: [door], http: [{ route: [{ destination: { host: hello } }] }] }
`;

const serves = async (it: Instance): Promise<boolean> => (await it.get('/hello')).body.startsWith('Hello version: v1');

test('two live side by side and do not see each other', async () => {
  await kubectl(one, 'apply -f -', app);
  await eventually('one serves', 20, () => serves(one));
  assert.equal((await two.kubectl.run(['get', 'deployment', 'hello'])).code, 1);
  await assert.rejects(two.get('/hello'), /hang up|ECONNRESET/, 'nothing is opened at its gateway');
  for (const it of [one, two]) {
    const { code, stdout } = await it.sluice(['status', '-o', 'json']);
    const status = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(code, 0, stdout);
    assert.equal(status.state, 'running', stdout);
    assert.equal(status.name, it.name);
    assert.equal(status.context, it.context);
    assert.equal(status.api, `https://127.0.0.1:${it.ports.api}`);
    assert.deepEqual(status.ingress, { http: `http://127.0.0.1:${it.ports.http}`, https: `https://127.0.0.1:${it.ports.https}` });
    assert.deepEqual(status.problems, []);
  }
});

test('doctor looks at the machine', async () => {
  const { code, stdout } = await one.sluice(['doctor', '-o', 'json']);
  const said = JSON.parse(stdout) as { ok: boolean; checks: { name: string; ok: boolean; found: string }[] };
  assert.equal(code, 0, stdout);
  assert.equal(said.ok, true);
  for (const name of ['Node', 'user namespaces', 'Envoy', 'disk', 'port of the Kubernetes API', 'kubectl'])
    assert.ok(
      said.checks.some((c) => c.name === name && c.ok && c.found !== ''),
      `${name}: ${stdout}`,
    );
});

test('"sluice kubectl" speaks to the instance, whatever the current context is', async () => {
  const none = join(one.dir, 'none');
  writeFileSync(none, '');
  const said = await one.sluice(['kubectl', 'get', 'deployment', 'hello', '-o', 'name'], { KUBECONFIG: none });
  assert.equal(said.stdout, 'deployment.apps/hello\n', said.stderr);
  assert.equal((await one.sluice(['kubectl', 'get', 'deployment', 'nothing'])).code, 1);
});

test('down keeps the state: after up the objects are there and the pods run', async () => {
  const uid = await kubectl(one, 'get deployment hello -o jsonpath={.metadata.uid}');
  const down = await one.sluice(['down']);
  assert.equal(down.code, 0, down.stderr);
  await assert.rejects(one.get('/hello'), /ECONNREFUSED/);
  assert.equal((await one.status()).state, 'stopped');
  assert.equal((await one.sluice(['status'])).code, 3);
  assert.match((await one.sluice(['down'])).stdout, /not running/);
  assert.equal((await two.status()).state, 'running', 'the other goes on');

  await one.up();
  assert.equal(await kubectl(one, 'get deployment hello -o jsonpath={.metadata.uid}'), uid);
  await eventually('it serves again', 20, () => serves(one));
  await eventually('its one pod runs', 10, async () =>
    /^hello-\S+\s+1\/1\s+Running\s[^\n]*\n$/.test(await kubectl(one, 'get pods --no-headers')),
  );
});

test('down --purge forgets it, and takes its context out of the kubeconfig', async () => {
  const foreign = 'apiVersion: v1\nkind: Config\nclusters:\n  - name: mine\n    cluster: { server: https://example.com }\n';
  const both = join(one.dir, 'both');
  writeFileSync(both, foreign);
  assert.match((await one.sluice(['up'], { KUBECONFIG: both })).stdout, /up already/);
  assert.match(readFileSync(both, 'utf8'), new RegExp(`current-context: ${one.context}`));
  const down = await one.sluice(['down', '--purge'], { KUBECONFIG: both });
  assert.equal(down.code, 0, down.stderr);
  const left = readFileSync(both, 'utf8');
  assert.match(left, /name: mine/);
  assert.doesNotMatch(left, new RegExp(one.context));
  assert.equal(existsSync(join(one.dir, 'state', one.name)), false);
  await one.up();
  assert.equal((await one.kubectl.run(['get', 'deployment', 'hello'])).code, 1);
});
