import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { BuiltinImage } from '../../node/index.ts';
import { defaultInjection, injectSidecar } from '../../mesh/index.ts';
import { createImages, proxySocketDir } from './images.ts';

const images = createImages({
  samplesDir: '/src/samples',
  nodeBinary: '/opt/node24/bin/node',
  envoyBinary: '/cache/envoy',
  xdsDir: '/run/x/xds',
  istiodDir: '/run/x/istiod',
  flaggerDir: '/run/x/flagger',
  flaggerLogDir: '/state/x/logs/flagger',
  proxyDir: '/run/x/proxy',
});
const uid = '01234567-89ab-cdef-0123-456789abcdef';
const pod: Pod = injectSidecar(
  {
    metadata: { name: 'web-1', namespace: 'default', uid, labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image: 'podinfo' }] },
  },
  { 'istio-injection': 'enabled' },
  defaultInjection,
);
const sidecar = pod.spec!.containers.find((c) => c.name === 'istio-proxy')!;

function builtin(found: ReturnType<typeof images.resolve>): BuiltinImage {
  assert.ok('kind' in found, JSON.stringify(found));
  return found;
}

test('a sample app runs on our Node, from our files, and sees nothing else of the host', () => {
  const app = builtin(images.resolve('docker.io/istio/examples-bookinfo-reviews-v2:1.20.3'));
  assert.deepEqual(
    app.mounts.map((m) => [m.source, m.target, m.readOnly ?? true]),
    [
      ['/src/samples', '/opt/sluice/samples', true],
      ['/opt/node24/bin', '/opt/sluice/node', true],
    ],
  );
  assert.match(app.env['PATH']!, /(^|:)\/opt\/sluice\/node(:|$)/);
  assert.equal(app.netAdmin ?? false, false);
});

test('the proxy is told who it is, and where its sockets are; only its own directory can be written', () => {
  const proxy = builtin(images.resolve(sidecar.image!, { pod, container: sidecar, podIP: '10.244.0.9' }));
  assert.equal(proxy.netAdmin, true);
  assert.deepEqual(
    proxy.mounts.filter((m) => m.readOnly === false).map((m) => m.source),
    [proxySocketDir('/run/x/proxy', uid)],
  );
  const bootstrap = JSON.parse(proxy.files!['/etc/istio/proxy/bootstrap.json']!) as { node: { id: string } };
  assert.match(bootstrap.node.id, /^sidecar~10\.244\.0\.9~web-1\.default~/);
});

test('the proxy has one thread, or as many as its container says; 0 is one a processor', () => {
  const flags = (concurrency?: number): string => {
    const env = concurrency === undefined ? [] : [{ name: 'PROXY_CONFIG', value: JSON.stringify({ concurrency }) }];
    const image = builtin(images.resolve(sidecar.image!, { pod, container: { ...sidecar, env }, podIP: '10.244.0.9' }));
    return /--concurrency \d+/.exec(image.command.join(' '))?.[0] ?? 'none';
  };
  assert.deepEqual([flags(), flags(3), flags(0), flags(-1)], ['--concurrency 1', '--concurrency 3', 'none', '--concurrency 1']);
});

test("Flagger's own image stands for delivery here, whoever deploys it, and nothing of it can be written", () => {
  for (const image of ['sluice/flagger:1.44.0', 'ghcr.io/fluxcd/flagger:1.41.0', 'weaveworks/flagger:1.0.0']) {
    const found = builtin(images.resolve(image));
    assert.deepEqual(
      found.mounts.slice(2).map((m) => [m.source, m.target, m.readOnly ?? true]),
      [
        ['/run/x/flagger', '/run/flagger', true],
        ['/state/x/logs/flagger', '/var/log/flagger', true],
      ],
      image,
    );
  }
  assert.match(builtin(images.resolve('ghcr.io/fluxcd/flagger-loadtester:0.38.0')).note, /load tester/);
});

test('what is not built in is refused with what is', () => {
  const refused = images.resolve('docker.io/library/nginx:1.29');
  assert.ok('error' in refused);
  assert.match(refused.error, /nginx:1\.29.*podinfo/);
});

test('a socket directory is short, and one a pod', () => {
  assert.equal(proxySocketDir('/run/x/proxy', uid), '/run/x/proxy/0123456789ab');
});
