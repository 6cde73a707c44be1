/** HTTP/2 as client-go uses it: many watches on one connection, none in the way of another. */
import assert from 'node:assert/strict';
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { ConfigMaps } from '../../src/api/index.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { said } from '../support/steps.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

let api: TestApi;
let session: ClientHttp2Session;
before(async () => (api = await startTestApi()));
after(() => api.close());
beforeEach(async () => {
  session = connect(api.url, { ca: api.ca });
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  // As Go has it: what a connection may hold is more than one stream may.
  session.setLocalWindowSize(1 << 30);
});
afterEach(() => session.destroy());

const open = (path: string, headers: OutgoingHttpHeaders = {}, body?: string | Buffer): ClientHttp2Stream => {
  const stream = session.request({ ':path': path, authorization: `Bearer ${api.token}`, ...headers });
  stream.end(body);
  return stream;
};

async function ask(path: string, headers: OutgoingHttpHeaders = {}, body?: string | Buffer): Promise<{ code: number; text: string }> {
  const stream = open(path, headers, body);
  const code = new Promise<number>((resolve) => stream.once('response', (h) => resolve(h[':status'] ?? 0)));
  return { text: await text(stream), code: await code };
}

test('the verbs, and what is refused', async () => {
  const json = { 'content-type': 'application/json' };
  assert.equal((await ask(MAPS, { ':method': 'POST', ...json }, '{"metadata":{"name":"one"},"data":{"a":"1"}}')).code, 201);
  assert.equal(JSON.parse((await ask(`${MAPS}/one`)).text).data.a, '1');
  assert.deepEqual(await ask(`${MAPS}/one`, { ':method': 'HEAD' }), { code: 200, text: '' });
  const refused = await ask(`${MAPS}/none`);
  assert.deepEqual([refused.code, JSON.parse(refused.text).reason], [404, 'NotFound']);
  assert.equal((await ask(MAPS, { authorization: 'Bearer nobody' })).code, 401);
  assert.equal((await ask('/version', { ':authority': 'evil.example' })).code, 403);
  assert.equal((await ask(MAPS, { ':method': 'POST', ...json }, Buffer.alloc(4 * 2 ** 20, 32))).code, 413);
  assert.equal((await ask(`${MAPS}/one`)).code, 200, 'the connection has outlived it');
  const body = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}';
  const as = { 'impersonate-user': 'eve', 'impersonate-group': ['one', 'two'] };
  const me = await ask('/apis/authentication.k8s.io/v1/selfsubjectreviews', { ':method': 'POST', ...json, ...as }, body);
  assert.deepEqual(JSON.parse(me.text).status.userInfo.groups, ['one', 'two', 'system:authenticated']);
});

test('a hundred watches on one connection, and one of them is not read', async () => {
  const watches = Array.from({ length: 100 }, () => open(`${MAPS}?watch=true&fieldSelector=metadata.name%3Dwatched`));
  await Promise.all(watches.map((w) => new Promise((resolve) => w.once('response', resolve))));
  const [idle, ...others] = watches;
  idle!.pause();
  const data = { text: 'x'.repeat(20_000) };
  await api.client.create(ConfigMaps, { metadata: { namespace: 'default', name: 'watched' }, data });
  const seen = Promise.all(others.slice(0, 5).map((w) => said(w, /"round":"29"/)));
  for (const w of others.slice(5)) w.resume();
  for (let round = 0; round < 30; round++) {
    const body = { data: { round: String(round) } };
    await api.client.patch(ConfigMaps, { namespace: 'default', name: 'watched' }, { type: 'merge', body });
  }
  await seen;
  assert.equal((await ask('/readyz')).text, 'ok');
  for (const w of watches) w.close();
});

test('watches come and go in numbers on one connection', async () => {
  for (let round = 0; round < 3; round++) {
    const watches = Array.from({ length: 300 }, () => open(`${MAPS}?watch=true`));
    await Promise.all(watches.map((w) => new Promise((resolve) => w.once('response', resolve))));
    for (const w of watches) w.close();
    assert.equal((await ask('/readyz')).text, 'ok');
  }
});

test('a server that stops ends watches cleanly and closes the connection', async () => {
  const other = await startTestApi();
  const client = connect(other.url, { ca: other.ca });
  const watch = client.request({ ':path': `${MAPS}?watch=true`, authorization: `Bearer ${other.token}` });
  await new Promise((resolve) => watch.once('response', resolve));
  const closed = new Promise((resolve) => client.once('close', resolve));
  const ended = text(watch);
  await other.close();
  assert.equal(await ended, '');
  await closed;
});
