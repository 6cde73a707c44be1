import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toYaml, VirtualClock } from '../base/index.ts';
import { clusterFromKubeconfig, clusterOfPod } from './kubeconfig.edge.ts';
import { execCredentialOf, kubeContextOf } from './kubeconfig.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const dir = mkdtempSync(join(tmpdir(), 'sluice-kubeconfig-'));
after(() => rmSync(dir, { recursive: true, force: true }));

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  readonly more?: object;
}

const config = ({ cluster = {}, user = {}, context = {}, more = {} }: Parts = {}): string =>
  toYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
    'current-context': 'x',
    ...more,
  });

const EXEC = {
  apiVersion: 'client.authentication.k8s.io/v1',
  command: 'aws',
  args: ['eks', 'get-token'],
  env: [{ name: 'A', value: 'b' }],
};

const READ: Record<string, { given: Parts; is: object }> = {
  'a token': { given: { user: { token: 't' } }, is: { server: 'https://10.0.0.1:6443', token: { data: 't' }, context: 'x' } },
  'a file of a token comes first': { given: { user: { token: 't', tokenFile: 'f' } }, is: { token: { file: 'f' } } },
  'an authority inline': { given: { cluster: { 'certificate-authority-data': base64(PEM) } }, is: { ca: { data: PEM } } },
  'an authority in a file': { given: { cluster: { 'certificate-authority': 'ca.crt' } }, is: { ca: { file: 'ca.crt' } } },
  'a certificate of the client': {
    given: { user: { 'client-certificate-data': base64(PEM), 'client-key': '/key' } },
    is: { cert: { data: PEM }, key: { file: '/key' } },
  },
  'no check, another name, a namespace': {
    given: { cluster: { 'insecure-skip-tls-verify': true, 'tls-server-name': 'api' }, context: { namespace: 'n' } },
    is: { insecureSkipTlsVerify: true, serverName: 'api', namespace: 'n' },
  },
  'a plugin': {
    given: { user: { exec: { ...EXEC, provideClusterInfo: true } } },
    is: { exec: { ...EXEC, env: { A: 'b' }, provideClusterInfo: true, installHint: undefined } },
  },
  'a context without a user': { given: { context: { user: '' } }, is: { token: undefined } },
};

for (const [name, { given, is }] of Object.entries(READ))
  test(`a kubeconfig is read: ${name}`, () => {
    const read = kubeContextOf(config(given), undefined, 'file') as unknown as Record<string, unknown>;
    assert.deepEqual(Object.fromEntries(Object.keys(is).map((k) => [k, read[k]])), is);
  });

const REFUSED: Record<string, { text: string; context?: string; says: RegExp }> = {
  'not YAML': { text: '{', says: /file cannot be read: file, line 1/ },
  'something else': { text: 'kind: Pod', says: /is not a kubeconfig: it has no clusters/ },
  empty: { text: '', says: /is not a kubeconfig/ },
  'no context': { text: config({ more: { 'current-context': '' } }), says: /has no current-context/ },
  'a context that is not there': { text: config(), context: 'y', says: /has no context "y"/ },
  'a cluster that is not there': { text: config({ context: { cluster: 'z' } }), says: /has no cluster "z"/ },
  'a user that is not there': { text: config({ context: { user: 'z' } }), says: /has no user "z"/ },
  'a server that is no URL': { text: config({ cluster: { server: '10.0.0.1' } }), says: /the server "10\.0\.0\.1"/ },
  'an authority that is no PEM': { text: config({ cluster: { 'certificate-authority-data': 'YWJj' } }), says: /not the base64 of PEM/ },
  'a proxy': { text: config({ cluster: { 'proxy-url': 'http://p' } }), says: /by a proxy/ },
  'a password': { text: config({ user: { username: 'u', password: 'p' } }), says: /has a password/ },
  'an auth-provider': { text: config({ user: { 'auth-provider': { name: 'gcp' } } }), says: /has an auth-provider/ },
  'an old plugin': { text: config({ user: { exec: { ...EXEC, apiVersion: 'client.authentication.k8s.io/v1alpha1' } } }), says: /v1alpha1/ },
};

for (const [name, { text, context, says }] of Object.entries(REFUSED))
  test(`a kubeconfig is refused with what to do: ${name}`, () => {
    assert.throws(
      () => kubeContextOf(text, context, 'file'),
      (error: Error & { hint?: string }) => says.test(error.message) && Boolean(error.hint),
    );
  });

test('files beside a kubeconfig are seen from where it is, and a token is read again when it is refused', async () => {
  writeFileSync(join(dir, 'ca.crt'), PEM);
  writeFileSync(join(dir, 'token'), 'one\n');
  writeFileSync(join(dir, 'config'), config({ cluster: { 'certificate-authority': 'ca.crt' }, user: { tokenFile: 'token' } }));
  const clock = new VirtualClock();
  const { server } = clusterFromKubeconfig(join(dir, 'config'), undefined, {}, clock);
  assert.equal(server.ca, PEM);
  assert.equal((await server.credentials!(false)).token, 'one');
  writeFileSync(join(dir, 'token'), 'two\n');
  assert.equal((await server.credentials!(false)).token, 'one');
  assert.equal((await server.credentials!(true)).token, 'two');
  writeFileSync(join(dir, 'token'), 'three\n');
  await clock.advance(61_000);
  assert.equal((await server.credentials!(false)).token, 'three');
});

test('a plugin is asked once for as long as its answer holds, told of the cluster, and its failures are said', async () => {
  const clock = new VirtualClock();
  const until = (ms: number): string => new Date(clock.now() + ms).toISOString();
  const plugin = join(dir, 'plugin');
  const script = (status: string): string =>
    `#!/bin/sh\nprintf '%s' "$KUBERNETES_EXEC_INFO" > ${dir}/told\necho run >> ${dir}/runs\necho '{"status": ${status}}'\n`;
  writeFileSync(plugin, script(`{"token": "t", "expirationTimestamp": "${until(60_000)}"}`));
  chmodSync(plugin, 0o755);
  const exec = { ...EXEC, command: './plugin', provideClusterInfo: true };
  writeFileSync(join(dir, 'exec'), config({ user: { exec } }));
  const { server } = clusterFromKubeconfig(join(dir, 'exec'), undefined, { PATH: process.env['PATH'] }, clock);
  const ask = server.credentials!;
  assert.deepEqual(
    (await Promise.all([ask(false), ask(false)])).map((c) => c.token),
    ['t', 't'],
  );
  await ask(false);
  const runs = (): number => readFileSync(join(dir, 'runs'), 'utf8').split('\n').length - 1;
  assert.equal(runs(), 1);
  const told = JSON.parse(readFileSync(join(dir, 'told'), 'utf8')) as { spec: { cluster: { server: string } } };
  assert.equal(told.spec.cluster.server, 'https://10.0.0.1:6443');
  await ask(true);
  assert.equal(runs(), 2);
  await clock.advance(55_000);
  await ask(false);
  assert.equal(runs(), 3);
  writeFileSync(plugin, '#!/bin/sh\necho "log in first" >&2; exit 1\n');
  await assert.rejects(ask(true), { code: 'CredentialPluginFailed', message: /failed: log in first/ });
  rmSync(plugin);
  await assert.rejects(ask(true), { code: 'CredentialPluginFailed', message: /is not there/ });
});

test('what a plugin says is held to its form', () => {
  assert.throws(() => execCredentialOf('hello', 'p'), { code: 'CredentialPluginFailed' });
  assert.throws(() => execCredentialOf('{"status": {}}', 'p'), { message: /neither a token nor a certificate/ });
  assert.deepEqual(execCredentialOf('{"status": {"clientCertificateData": "c", "clientKeyData": "k"}}', 'p'), {
    token: undefined,
    cert: 'c',
    key: 'k',
    expiresAt: undefined,
  });
});

test('a pod is told of its cluster by the environment and its account', async () => {
  const account = join(dir, 'account');
  const clock = new VirtualClock();
  assert.equal(clusterOfPod({}, clock, account), undefined);
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  assert.equal(clusterOfPod(env, clock, account), undefined, 'no token is mounted');
  mkdirSync(account);
  for (const [name, text] of Object.entries({ token: 'pod\n', 'ca.crt': PEM, namespace: 'flagger-system\n' }))
    writeFileSync(join(account, name), text);
  const cluster = clusterOfPod(env, clock, account)!;
  assert.deepEqual([cluster.server.baseUrl, cluster.server.ca, cluster.namespace], ['https://[fd00::1]:443', PEM, 'flagger-system']);
  assert.deepEqual(await cluster.server.credentials!(false), { token: 'pod' });
});
