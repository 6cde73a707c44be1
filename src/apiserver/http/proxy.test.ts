import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headersIn, headersOut, pathBehind, proxiedIn } from './proxy.ts';

test('names of what is behind the proxy', () => {
  for (const [text, expected] of [
    ['web', { tls: false, name: 'web', port: undefined }],
    ['web:8080', { tls: false, name: 'web', port: '8080' }],
    ['web:http', { tls: false, name: 'web', port: 'http' }],
    ['https:web:', { tls: true, name: 'web', port: undefined }],
    ['https:web:443', { tls: true, name: 'web', port: '443' }],
    ['http:web:80', { tls: false, name: 'web', port: '80' }],
  ] as const) {
    assert.deepEqual(proxiedIn(text, 'service'), expected, text);
  }
  for (const text of ['', ':80', 'ftp:web:21', 'a:b:c:d']) assert.throws(() => proxiedIn(text, 'service'), /invalid service request/, text);
});

test('the path behind the proxy is as it was written', () => {
  const pod = '/api/v1/namespaces/a/pods/web:80/proxy';
  for (const [pathname, path] of [
    [pod, undefined],
    [`${pod}/`, '/'],
    [`${pod}//x/%2Fy/?`, '//x/%2Fy/?'],
    [`${pod}/proxy/proxy`, '/proxy/proxy'],
  ] as const) {
    assert.deepEqual(pathBehind(pathname), { prefix: pod, path }, pathname);
  }
  assert.deepEqual(pathBehind('/api/v1/nodes/n/proxy/pods'), { prefix: '/api/v1/nodes/n/proxy', path: '/pods' });
});

test('credentials and what is between neighbours stay here', () => {
  const headers = {
    host: '127.0.0.1:1',
    authorization: 'Bearer secret',
    'impersonate-user': 'jane',
    'x-remote-group': 'system:masters',
    connection: 'Upgrade, X-Mine',
    upgrade: 'websocket',
    'x-mine': '1',
    'transfer-encoding': 'chunked',
    cookie: 'a=b',
    accept: 'text/html',
  };
  const kept = {
    host: '127.0.0.1:1',
    cookie: 'a=b',
    accept: 'text/html',
    'x-forwarded-uri': '/p',
    'x-forwarded-host': '127.0.0.1:1',
    'x-forwarded-proto': 'https',
  };
  assert.deepEqual(headersIn(headers, '/p', false), kept);
  assert.deepEqual(headersIn(headers, '/p', true), { ...kept, connection: 'Upgrade', upgrade: 'websocket' });
  const { host, connection: _connection, upgrade: _upgrade, ...rest } = headers;
  const overHttp2 = { ...rest, ':authority': host, ':path': '/p', ':method': 'GET', ':scheme': 'https' };
  assert.deepEqual(headersIn(overHttp2, '/p', false), { ...kept, 'x-mine': '1' });
  assert.deepEqual(headersOut({ connection: 'close', 'keep-alive': 'x', 'access-control-allow-origin': '*', etag: 'e' }, '/p', 'h'), {
    etag: 'e',
  });
});

test('redirects within the host lead back through the proxy', () => {
  for (const [location, expected] of [
    ['/login?x#y', '/p/proxy/login?x#y'],
    ['/', '/p/proxy/'],
    ['next', 'next'],
    ['../up', '../up'],
    ['?page=2', '?page=2'],
    ['http://me:1/login', 'http://me:1/p/proxy/login'],
    ['//me:1/login', '//me:1/p/proxy/login'],
    ['https://elsewhere.example/login', 'https://elsewhere.example/login'],
    ['/p/proxy/there', '/p/proxy/there'],
  ] as const) {
    assert.equal(headersOut({ location }, '/p/proxy', 'me:1').location, expected, location);
  }
});
