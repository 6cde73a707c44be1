/** The official JavaScript client against the server: what programs that people write against Kubernetes need of it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Status,
} from '@kubernetes/client-node';
import { Pods } from '../../src/api/index.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';

let api: TestApi;
let config: KubeConfig;
let core: CoreV1Api;
before(async () => {
  api = await startTestApi();
  config = new KubeConfig();
  config.loadFromFile(join(api.dir, 'kubeconfig'));
  core = config.makeApiClient(CoreV1Api);
});
after(() => api.close());

const namespace = 'default';
const map = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({ metadata: { name }, data });

function refused(code: number): (error: unknown) => boolean {
  return (error) => error instanceof ApiException && error.code === code;
}

test('objects are written, read, patched and deleted', async () => {
  const made = await core.createNamespacedConfigMap({ namespace, body: map('one', { a: '1' }) });
  assert.ok(made.metadata?.creationTimestamp instanceof Date);
  await assert.rejects(core.createNamespacedConfigMap({ namespace, body: map('one') }), refused(409));
  await core.replaceNamespacedConfigMap({ namespace, name: 'one', body: { metadata: made.metadata, data: { a: '2' } } });
  await assert.rejects(core.replaceNamespacedConfigMap({ namespace, name: 'one', body: { metadata: made.metadata } }), refused(409));
  await core.patchNamespacedConfigMap(
    { namespace, name: 'one', body: [{ op: 'add', path: '/data/b', value: '1' }] },
    setHeaderOptions('Content-Type', PatchStrategy.JsonPatch),
  );
  assert.deepEqual((await core.readNamespacedConfigMap({ namespace, name: 'one' })).data, { a: '2', b: '1' });
  const { items, metadata } = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=one' });
  assert.equal(items.length, 1);
  assert.ok(metadata?.resourceVersion);
  await core.deleteNamespacedConfigMap({ namespace, name: 'one' });
  await assert.rejects(core.readNamespacedConfigMap({ namespace, name: 'one' }), refused(404));
});

test('a client that knows kinds by discovery alone applies and deletes', async () => {
  const client = KubernetesObjectApi.makeApiClient(config);
  const labels = { app: 'web' };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'img' }] } },
    },
  };
  const apply = () => client.patch(deployment, undefined, undefined, 'tester', true, PatchStrategy.ServerSideApply);
  const first = await apply();
  const second = await apply();
  assert.deepEqual(second, first, 'saying the same again changes nothing');
  const apps = config.makeApiClient(AppsV1Api);
  const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'web' });
  assert.equal(scale.spec?.replicas, 2);
  await client.delete(deployment);
  await assert.rejects(client.read(deployment), refused(404));
});

test('kinds it has never heard of are plain objects', async () => {
  const client = config.makeApiClient(CustomObjectsApi);
  const at = { group: 'networking.istio.io', version: 'v1', namespace, plural: 'virtualservices' };
  const spec = { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] };
  const body = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'web' }, spec };
  await client.createNamespacedCustomObject({ ...at, body });
  const read = (await client.getNamespacedCustomObject({ ...at, name: 'web' })) as typeof body;
  assert.deepEqual(read.spec, spec);
});

test('an informer follows all changes, also past a history that was forgotten', async (t) => {
  await core.createNamespacedConfigMap({ namespace, body: map('early') });
  const seen: string[] = [];
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const informer = makeInformer<V1ConfigMap>(config, path, () => core.listNamespacedConfigMap({ namespace }));
  t.after(() => informer.stop());
  let noted = (): void => {};
  const until = async (event: string): Promise<void> => {
    while (!seen.includes(event)) await new Promise<void>((resolve) => (noted = resolve));
  };
  for (const verb of ['add', 'update', 'delete'] as const)
    informer.on(verb, (o) => {
      seen.push(`${verb} ${o.metadata?.name} ${JSON.stringify(o.data ?? {})}`);
      noted();
    });
  await informer.start();
  await until('add early {}');
  await core.createNamespacedConfigMap({ namespace, body: map('late') });
  await until('add late {}');
  await core.replaceNamespacedConfigMap({ namespace, name: 'late', body: map('late', { a: '1' }) });
  await until('update late {"a":"1"}');
  await informer.stop();
  await core.deleteNamespacedConfigMap({ namespace, name: 'late' });
  api.compact();
  await informer.start();
  await until('delete late {"a":"1"}');
  assert.equal(informer.get('early', namespace)?.metadata?.name, 'early');
  assert.equal(informer.get('late', namespace), undefined);
});

test('logs are read and commands run', async () => {
  await api.client.create(Pods, { metadata: { name: 'web', namespace }, spec: { containers: [{ name: 'app', image: 'img' }] } });
  api.kubelet.log(`${namespace}/web`, 'hello');
  const log = new PassThrough();
  await new Log(config).log(namespace, 'web', 'app', log);
  assert.equal(await text(log), 'hello\n');

  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const command = ['sh', '-c', 'read line; echo got $line; exit 3'];
  const stdin = new PassThrough();
  stdin.end('word\n');
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(config).exec(namespace, 'web', 'app', command, stdout, null, stdin, false, resolve).catch(reject);
  });
  assert.equal(out, 'got word\n');
  assert.deepEqual([status.status, status.reason, status.details?.causes?.[0]?.message], ['Failure', 'NonZeroExitCode', '3']);
});
