import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { messageFields } from '../../api/index.ts';
import { negotiate } from './accept.ts';
import { decodeBody, decodePatch, readBody } from './body.ts';
import { decodeProtobuf } from './protobuf.ts';
import { deleteQuery, flag, listQuery, watchQuery, writeQuery } from './query.ts';
import { parsePath } from './request-info.ts';

const resource = (fields: object): object => ({
  type: 'resource',
  group: '',
  version: 'v1',
  namespace: undefined,
  name: undefined,
  subresource: undefined,
  ...fields,
});

for (const [path, expected] of [
  ['/api', { type: 'discovery', legacy: true, group: undefined, version: undefined }],
  ['/apis', { type: 'discovery', legacy: false, group: undefined, version: undefined }],
  ['/api/v1', { type: 'discovery', legacy: true, group: undefined, version: 'v1' }],
  ['/apis/apps', { type: 'discovery', legacy: false, group: 'apps', version: undefined }],
  ['/apis/apps/v1/', { type: 'discovery', legacy: false, group: 'apps', version: 'v1' }],
  ['/api/v1/pods', resource({ plural: 'pods' })],
  ['/api/v1/namespaces', resource({ plural: 'namespaces' })],
  ['/api/v1/namespaces/a', resource({ plural: 'namespaces', name: 'a' })],
  ['/api/v1/namespaces/a/finalize', resource({ plural: 'namespaces', name: 'a', subresource: 'finalize' })],
  ['/api/v1/namespaces/a/pods', resource({ plural: 'pods', namespace: 'a' })],
  ['/api/v1/namespaces/a/pods/b/log', resource({ plural: 'pods', namespace: 'a', name: 'b', subresource: 'log' })],
  ['/api/v1/namespaces/a/pods/b/proxy/x/y', resource({ plural: 'pods', namespace: 'a', name: 'b', subresource: 'proxy' })],
  ['/apis/apps/v1/namespaces/a/deployments/b%20c', resource({ group: 'apps', plural: 'deployments', namespace: 'a', name: 'b c' })],
  ['/version', { type: 'other', path: '/version' }],
  ['/api/v1/pods/%zz', undefined],
] as const) {
  test(`the path ${path}`, () => assert.deepEqual(parsePath(path), expected));
}

test('the first form that a client accepts and that is served is the one sent', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  for (const [accept, expected] of [
    [undefined, 'json'],
    ['*/*', 'json'],
    [`${table},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`, 'table'],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json', 'json'],
    ['application/vnd.kubernetes.protobuf,application/json', 'json'],
    ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'metadata-list'],
    ['application/yaml', 'yaml'],
    ['application/vnd.kubernetes.protobuf', undefined],
    ['text/html', undefined],
  ] as const) {
    assert.equal(negotiate(accept), expected, accept);
  }
});

test('options are read, and nonsense in them is named', () => {
  const q = (s: string): URLSearchParams => new URLSearchParams(s);
  assert.deepEqual(listQuery(q('limit=500&labelSelector=a%3Db&continue=')), {
    labelSelector: 'a=b',
    fieldSelector: undefined,
    resourceVersion: undefined,
    resourceVersionMatch: undefined,
    limit: 500,
    continue: undefined,
  });
  assert.equal(flag(q('watch='), 'watch'), true);
  assert.equal(watchQuery(q('timeoutSeconds=5&timeout=9m')).timeout, 5000);
  assert.equal(watchQuery(q('timeout=9m10s')).timeout, 550_000);
  assert.equal(watchQuery(q('timeout=0')).timeout, undefined);
  assert.equal(watchQuery(q('timeoutSeconds=99999999999')).timeout, 24 * 3_600_000, 'what no timer can count');
  for (const timeout of ['-1s', 'soon']) assert.throws(() => watchQuery(q(`timeout=${timeout}`)), /the option timeout/);
  assert.deepEqual(writeQuery(q('dryRun=All&fieldValidation=Strict&force=true&fieldManager=me'), 'prog/v1 (linux)'), {
    userAgent: 'prog',
    fieldManager: 'me',
    fieldValidation: 'Strict',
    dryRun: true,
    force: true,
  });
  assert.deepEqual(
    deleteQuery(q('gracePeriodSeconds=9'), { gracePeriodSeconds: 0, propagationPolicy: 'Foreground', preconditions: { uid: 'u' } }),
    {
      propagationPolicy: 'Foreground',
      gracePeriodSeconds: 0,
      preconditions: { uid: 'u', resourceVersion: undefined },
      dryRun: false,
    },
  );
  assert.equal(deleteQuery(q('orphanDependents=true'), undefined).propagationPolicy, 'Orphan');
  for (const bad of ['limit=x', 'limit=-1']) assert.throws(() => listQuery(q(bad)), /limit/);
  for (const bad of ['dryRun=Some', 'fieldValidation=Perhaps', 'force=maybe'])
    assert.throws(() => writeQuery(q(bad)), { reason: 'BadRequest' });
});

test('bodies are read by their content type, and refused by it', async () => {
  assert.deepEqual(decodeBody(Buffer.from('{"a":1}'), 'application/json; charset=utf-8').value, { a: 1 });
  assert.deepEqual(decodeBody(Buffer.from('a: 1\nb: [x]\n'), 'application/yaml').value, { a: 1, b: ['x'] });
  assert.deepEqual(decodeBody(Buffer.from('{"a":{"b":1,"b":2}}'), 'application/json').duplicates, ['a.b']);
  assert.throws(() => decodeBody(Buffer.from('{"a":'), 'application/json'), { reason: 'BadRequest' });
  assert.throws(() => decodeBody(Buffer.from('a: 1\n---\nb: 1'), 'application/yaml'), /2 YAML documents/);
  assert.throws(() => decodeBody(Buffer.from('a: [1'), 'application/yaml'), { reason: 'BadRequest' });
  const long = '# '.padEnd(1024 * 1024 + 1, 'x');
  assert.throws(() => decodeBody(Buffer.from(long), 'application/yaml'), { reason: 'RequestEntityTooLarge' });
  assert.throws(() => decodeBody(Buffer.from('x'), 'text/plain'), { reason: 'UnsupportedMediaType' });
  assert.deepEqual(decodePatch(Buffer.from('{"a":null}'), 'application/merge-patch+json'), {
    type: 'merge',
    body: { value: { a: null }, duplicates: [] },
  });
  assert.deepEqual(decodePatch(Buffer.from('a: 1'), 'application/apply-patch+yaml'), { type: 'apply', body: { value: { a: 1 } } });
  assert.throws(() => decodePatch(Buffer.from('{}'), 'application/json'), { reason: 'UnsupportedMediaType' });
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(6);
    yield Buffer.alloc(6);
  }
  assert.equal((await readBody(chunks(), 12)).length, 12);
  await assert.rejects(readBody(chunks(), 11), { reason: 'RequestEntityTooLarge' });
});

type Field = [number: number, value: string | number | Buffer];
/** A message: strings and bytes are length-delimited, numbers are varints. */
function message(...fields: Field[]): Buffer {
  const w = new BinaryWriter();
  for (const [number, value] of fields) {
    if (typeof value === 'number') w.tag(number, 0).int64(value);
    else w.tag(number, 2).bytes(Buffer.from(value));
  }
  return Buffer.from(w.finish());
}
const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), message([1, message([1, apiVersion], [2, kind])], [2, raw], [3, ''], [4, ''])]);

test('a Deployment in protobuf is what its JSON would have been', () => {
  const port = message([1, 'http'], [2, 0], [3, 8080], [4, 'TCP'], [5, '']);
  const probe = message([1, message([2, message([1, '/healthz'], [2, message([1, 1], [2, 0], [3, 'http'])])])], [2, 0], [4, 5]);
  const quantity = message([1, 'cpu'], [2, message([1, '100m'])]);
  const container = message([1, 'web'], [2, 'img:1'], [6, port], [8, message([1, quantity])], [10, probe], [16, 0]);
  const volume = message([1, 'tmp'], [2, message([2, message()])]);
  const podSpec = message([1, volume], [2, container], [3, ''], [11, 0]);
  const meta = message([1, 'web'], [3, 'default'], [7, 0], [8, message()], [11, message([1, 'app'], [2, 'web'])]);
  const template = message([1, message([8, message()])], [2, podSpec]);
  const strategy = message([1, ''], [2, message([2, message([1, 1], [2, 0], [3, '25%'])])]);
  const spec = message([1, 0], [3, template], [4, strategy], [5, 0], [7, 0]);
  const decoded = decodeProtobuf(envelope('apps/v1', 'Deployment', message([1, meta], [2, spec], [3, message([1, 0])])), messageFields());
  assert.deepEqual(decoded, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    spec: {
      replicas: 0,
      template: {
        metadata: {},
        spec: {
          volumes: [{ name: 'tmp', emptyDir: {} }],
          containers: [
            {
              name: 'web',
              image: 'img:1',
              ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
              resources: { limits: { cpu: '100m' } },
              livenessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 5 },
            },
          ],
        },
      },
      strategy: { rollingUpdate: { maxSurge: '25%' } },
    },
    status: {},
  });
});

test('secrets, options and times in protobuf', () => {
  const secret = message(
    [1, message([1, 's'], [8, message([1, 1_767_225_600])])],
    [2, message([1, 'k'], [2, Buffer.from([0xff, 0])])],
    [3, 'Opaque'],
  );
  assert.deepEqual(decodeProtobuf(envelope('v1', 'Secret', secret), messageFields()), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', creationTimestamp: '2026-01-01T00:00:00Z' },
    data: { k: '/wA=' },
    type: 'Opaque',
  });
  assert.deepEqual(decodeProtobuf(envelope('apps/v1', 'DeleteOptions', message([1, 0], [4, 'Foreground'])), messageFields()), {
    apiVersion: 'apps/v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
    propagationPolicy: 'Foreground',
  });
});

test('protobuf that is damaged, or of a kind without such a form, is refused', () => {
  assert.throws(() => decodeProtobuf(Buffer.from('{"a":1}'), messageFields()), { reason: 'BadRequest' });
  assert.throws(() => decodeProtobuf(envelope('v1', 'Secret', Buffer.from([0x0a, 0x7f])), messageFields()), { reason: 'BadRequest' });
  assert.throws(() => decodeProtobuf(envelope('flagger.app/v1beta1', 'Canary', message()), messageFields()), {
    reason: 'UnsupportedMediaType',
  });
  assert.throws(() => decodeProtobuf(envelope('v1', '__proto__', message()), messageFields()), { reason: 'UnsupportedMediaType' });
});
