import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerAuthentication } from '../api/index.ts';
import { acceptedHosts } from './gateway.ts';
import { bySpecificity, covers, fullHost, intersect, lookupHost, visible } from './host.ts';
import { PeerAuthentications } from './peer-authentication.ts';
import { protocolOf, type Protocol } from './protocol.ts';
import { gatewayName } from './virtual-service.ts';

test('short names mean the namespace of the object that says them', () => {
  assert.equal(fullHost('reviews', 'shop', 'cluster.local'), 'reviews.shop.svc.cluster.local');
  assert.equal(fullHost('Reviews.Shop', 'default', 'cluster.local'), 'reviews.shop');
  assert.equal(fullHost('*', 'shop', 'cluster.local'), '*');
  assert.equal(gatewayName('web', 'shop'), 'shop/web');
  assert.equal(gatewayName('other/web', 'shop'), 'other/web');
  assert.equal(gatewayName('web.other.svc.cluster.local', 'shop'), 'other/web');
});

test('wildcards', () => {
  assert.ok(covers('*', 'a.b'));
  assert.ok(covers('*.b', 'a.b'));
  assert.ok(covers('*.b', '*.a.b'));
  assert.ok(!covers('*.b', 'b'));
  assert.ok(!covers('*.a.b', '*.b'));
  assert.equal(intersect('*.b', 'x.b'), 'x.b');
  assert.equal(intersect('x.b', 'y.b'), undefined);
  assert.deepEqual(['*', 'a.b', '*.b', '*.a.b'].sort(bySpecificity), ['a.b', '*.a.b', '*.b', '*']);
  const table = new Map([
    ['*', 0],
    ['*.b', 1],
    ['*.a.b', 2],
    ['x.a.b', 3],
  ]);
  assert.deepEqual(
    ['x.a.b', 'y.a.b', 'y.b', 'c'].map((h) => lookupHost(table, h)),
    [3, 2, 1, 0],
  );
});

test('who may see an object', () => {
  assert.ok(visible(undefined, 'a', 'b'));
  assert.ok(visible(['*'], 'a', 'b'));
  assert.ok(visible(['.'], 'a', 'a'));
  assert.ok(!visible(['.'], 'a', 'b'));
  assert.ok(visible(['b'], 'a', 'b'));
  assert.ok(!visible(['~'], 'a', 'a'));
});

test('what a port speaks', () => {
  const cases: [Parameters<typeof protocolOf>[0], Protocol][] = [
    [{ name: 'http', port: 80 }, 'http'],
    [{ name: 'http-web', port: 80 }, 'http'],
    [{ name: 'http2-x', port: 80 }, 'http2'],
    [{ name: 'grpc', port: 80 }, 'grpc'],
    [{ name: 'grpc-web-x', port: 80 }, 'grpc'],
    [{ name: 'https', port: 443 }, 'tls'],
    [{ name: 'tcp-redis', port: 6379 }, 'tcp'],
    [{ name: 'web', port: 80 }, 'auto'],
    [{ port: 80 }, 'auto'],
    [{ port: 3306 }, 'tcp'],
    [{ name: 'tcp', appProtocol: 'http', port: 80 }, 'http'],
    [{ name: 'http', appProtocol: 'kubernetes.io/h2c', port: 80 }, 'http2'],
    [{ name: 'http', appProtocol: 'example.com/unheard-of', port: 80 }, 'http'],
    [{ name: 'dns', protocol: 'UDP', port: 53 }, 'udp'],
  ];
  for (const [port, protocol] of cases) assert.equal(protocolOf(port), protocol, JSON.stringify(port));
});

test('mTLS: port, workload, namespace, mesh; the oldest at each level; a selector in the root namespace is nothing', () => {
  const policy = (name: string, namespace: string, spec: PeerAuthentication['spec'], day = 1): PeerAuthentication => ({
    metadata: { name, namespace, creationTimestamp: `2026-01-0${day}T00:00:00Z` as never },
    spec,
  });
  const of = (...all: PeerAuthentication[]) => new PeerAuthentications(all, 'istio-system');
  const app = { app: 'web' };
  const mesh = policy('mesh', 'istio-system', { mtls: { mode: 'STRICT' } });
  assert.equal(of().of('a', app).ofPort(80), 'PERMISSIVE');
  assert.equal(of(mesh).of('a', app).ofPort(80), 'STRICT');
  assert.equal(
    of(mesh, policy('ns', 'a', { mtls: { mode: 'DISABLE' } }))
      .of('a', app)
      .ofPort(80),
    'DISABLE',
  );
  assert.equal(
    of(mesh, policy('ns', 'a', { mtls: { mode: 'UNSET' } }))
      .of('a', app)
      .ofPort(80),
    'STRICT',
  );
  const own = policy('own', 'a', { selector: { matchLabels: app }, portLevelMtls: { 80: { mode: 'DISABLE' } } });
  assert.equal(of(mesh, own).of('a', app).text, 'STRICT DISABLE:80');
  assert.equal(of(mesh, own).of('a', { app: 'other' }).text, 'STRICT');
  assert.equal(
    of(policy('x', 'istio-system', { selector: { matchLabels: app }, mtls: { mode: 'STRICT' } })).of('istio-system', app).text,
    'PERMISSIVE',
  );
  const younger = policy('a-younger', 'a', { mtls: { mode: 'DISABLE' } }, 3);
  const older = policy('b-older', 'a', { mtls: { mode: 'STRICT' } }, 2);
  assert.equal(of(younger, older).of('a', app).text, 'STRICT');
});

test('a gateway server takes the hosts it names, from the namespaces it names', () => {
  const accepts = (hosts: string[]) =>
    acceptedHosts(
      { gateway: 'infra/web', listen: 80, spec: { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts } },
      'cluster.local',
    );
  assert.deepEqual(accepts(['*'])('a.example', 'shop'), ['a.example']);
  assert.deepEqual(accepts(['*.example'])('*', 'shop'), ['*.example']);
  assert.deepEqual(accepts(['a.example', 'b.example'])('*', 'shop'), ['a.example', 'b.example']);
  assert.deepEqual(accepts(['*', '*.example'])('a.example', 'shop'), ['a.example']);
  assert.deepEqual(accepts(['./a.example'])('a.example', 'shop'), []);
  assert.deepEqual(accepts(['./a.example'])('a.example', 'infra'), ['a.example']);
  assert.deepEqual(accepts(['shop/*'])('a.example', 'shop'), ['a.example']);
  assert.deepEqual(accepts(['b.example'])('a.example', 'shop'), []);
});
