/** Istio's networking on real pods: ports shared by TCP services, entries for machines and blocks of addresses, localities, EnvoyFilters. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';

let it: Instance;
/** Addresses of the two servers without a sidecar. */
const servers: Record<string, string> = {};

const container = (image: string, more: object): object => ({ name: 'app', image, ...more });
const deployment = (name: string, spec: object): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name, 'istio-locality': 'us.west.a' } },
      spec: { terminationGracePeriodSeconds: 1, containers: [spec] },
    },
  },
});
const hello = (version: string): object =>
  deployment(
    version,
    container(`docker.io/istio/examples-helloworld-${version}:1.0`, { readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 } }),
  );
const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
const service = (name: string, port: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: `${name}-${(port as { name?: string }).name ?? 'any'}` },
  spec: { selector: { app: name }, ports: [{ port: 9000, targetPort: 5000, ...port }] },
});
const istio = (kind: string, name: string, spec: object, version = 'networking.istio.io/v1'): object => ({
  apiVersion: version,
  kind,
  metadata: { name },
  spec,
});
const filter = (name: string, spec: object): object => istio('EnvoyFilter', name, spec, 'networking.istio.io/v1alpha3');

const apply = (...objects: object[]): Promise<string> => kubectl(it, 'apply -f -', objects.map((o) => JSON.stringify(o)).join('\n---\n'));
/** What curl in the client's pod printed, then the status; `000` when it was not answered. */
const curl = async (args: string): Promise<string> =>
  kubectl(it, ['exec', 'deploy/client', '-c', 'app', '--', 'sh', '-c', `curl -s -m 5 ${args} -w '%{http_code}' || true`]);
const envoy = (path: string): Promise<string> => curl(`http://127.0.0.1:15000${path}`);
const condition = async (kind: string, name: string): Promise<string> =>
  kubectl(it, [
    'get',
    kind,
    name,
    '-o',
    'jsonpath={.status.conditions[?(@.type=="Accepted")].status} {.status.conditions[?(@.type=="Accepted")].message}',
  ]);

/** What the client's proxy is started with. */
const settings = { selector: { matchLabels: { app: 'client' } }, concurrency: 2, environmentVariables: { SHOP: 'blue' } };

before(async () => {
  it = await newInstance('networking');
  await it.up();
  await kubectl(it, 'label namespace default istio-injection=enabled');
  await kubectl(it, 'create namespace machines');
  await apply(istio('ProxyConfig', 'client', settings, 'networking.istio.io/v1beta1'));
  await apply(deployment('client', container('curlimages/curl:8.16.0', { command: idle })), hello('v1'), hello('v2'));
  await kubectl(it, '-n machines apply -f -', [hello('v1'), hello('v2')].map((o) => JSON.stringify(o)).join('\n---\n'));
  await kubectl(it, 'wait --for=condition=Available deployment --all --timeout=30s');
  await kubectl(it, '-n machines wait --for=condition=Available deployment --all --timeout=30s');
  for (const version of ['v1', 'v2'])
    servers[version] = await kubectl(it, `-n machines get pods -l app=${version} -o jsonpath={.items[0].status.podIP}`);
});
after(() => it.close());

test('TCP services share the listener of their port, told apart by address; HTTP on the same port keeps any other; what says nothing is looked at', async () => {
  await apply(service('v1', { name: 'tcp' }), service('v2', { name: 'tcp' }), service('v1', { name: 'http' }));
  const ask = (host: string): Promise<string> => curl(`http://${host}:9000/hello`);
  await eventually('all three answer', 15, async () =>
    (await Promise.all(['v1-tcp', 'v2-tcp', 'v1-http'].map(ask))).every((answer) => answer.endsWith('200')),
  );
  assert.match(await ask('v1-tcp'), /version: v1/);
  assert.match(await ask('v2-tcp'), /version: v2/);
  const listeners = (await envoy('/listeners')).split('\n').filter((l) => l.includes('_9000'));
  assert.deepEqual(
    listeners.map((l) => l.split('::')[0]),
    ['0.0.0.0_9000'],
  );

  // With a service that has to be inspected on the port, those whose server may speak first get listeners of their own.
  await apply(
    service('v2', {}),
    istio('VirtualService', 'any', {
      hosts: ['v2-any'],
      http: [{ headers: { response: { set: { 'x-seen': 'http' } } }, route: [{ destination: { host: 'v2-any' } }] }],
    }),
  );
  await eventually('HTTP is recognised', 15, async () => /x-seen: http/i.test(await curl('-i http://v2-any:9000/hello')));
  assert.match(await ask('v1-tcp'), /version: v1/);
  assert.match(await ask('v2-tcp'), /version: v2/);
  assert.match(await ask('v1-http'), /version: v1/);
});

test('machines: WorkloadEntries behind a ServiceEntry, by their labels; one that is not well gets nothing', async () => {
  await apply(
    istio('ServiceEntry', 'machines', {
      hosts: ['machines.internal'],
      addresses: ['240.0.0.10'],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      workloadSelector: { labels: { kind: 'machine' } },
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 5000 }],
    }),
    ...['v1', 'v2'].map((v) => istio('WorkloadEntry', v, { address: servers[v], labels: { kind: 'machine', version: v } })),
  );
  const ask = (): Promise<string> => curl('http://240.0.0.10/hello');
  const seen = async (): Promise<string> => {
    const answers = await Promise.all(Array.from({ length: 12 }, ask));
    return [...new Set(answers.map((a) => /version: (v\d)/.exec(a)?.[1] ?? a))].sort().join();
  };
  await eventually('both answer', 15, async () => (await seen()) === 'v1,v2');
  const ill = { status: { conditions: [{ type: 'Healthy', status: 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }] } };
  await kubectl(it, ['patch', 'workloadentry', 'v2', '--subresource=status', '--type=merge', '-p', JSON.stringify(ill)]);
  await eventually('the ill one gets nothing', 15, async () => (await seen()) === 'v1');
});

test('REGISTRY_ONLY: a block of addresses that a ServiceEntry names is let through, others are not', async () => {
  const direct = (v: string): Promise<string> => curl(`http://${servers[v]}:5000/hello`);
  assert.match(await direct('v1'), /version: v1/);
  await apply(istio('Sidecar', 'strict', { egress: [{ hosts: ['*/*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } }));
  await eventually('undeclared addresses are refused', 15, async () => (await direct('v1')).endsWith('000'));
  await apply(
    istio('ServiceEntry', 'block', {
      hosts: ['block.internal'],
      addresses: [`${servers['v1']}/32`, '203.0.113.0/24'],
      resolution: 'NONE',
      ports: [{ number: 5000, name: 'tcp', protocol: 'TCP' }],
    }),
  );
  await eventually('what is declared is let through', 15, async () => /version: v1/.test(await direct('v1')));
  assert.match(await direct('v2'), /000$/);
  await kubectl(it, 'delete sidecar strict');
});

test('localities: near endpoints get the requests, those further away when these fail; and shares', async () => {
  const endpoints = [
    { address: servers['v1'], locality: 'us/west/a' },
    { address: servers['v2'], locality: 'eu/north/a' },
  ];
  const entry = (near: object): object =>
    istio('ServiceEntry', 'placed', {
      hosts: ['placed.internal'],
      addresses: ['240.0.0.11'],
      resolution: 'STATIC',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 5000 }],
      endpoints: [{ ...endpoints[0], ...near }, endpoints[1]],
    });
  const rule = (policy: object): object => istio('DestinationRule', 'placed', { host: 'placed.internal', trafficPolicy: policy });
  const outlierDetection = { consecutive5xxErrors: 1, interval: '100ms', baseEjectionTime: '60s', maxEjectionPercent: 100 };
  const counts = async (n: number): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (const answer of await Promise.all(Array.from({ length: n }, () => curl('http://240.0.0.11/hello')))) {
      const version = /version: (v\d)/.exec(answer)?.[1] ?? 'none';
      found[version] = (found[version] ?? 0) + 1;
    }
    return found;
  };
  await apply(entry({}), rule({ outlierDetection }));
  await eventually('only the near one is asked', 15, async () => (await counts(10))['v1'] === 10);
  await apply(entry({ ports: { http: 5999 } }));
  await eventually('the far one takes over', 15, async () => (await counts(10))['v2'] === 10);
  await apply(entry({}), rule({ loadBalancer: { localityLbSetting: { distribute: [{ from: 'us/*', to: { 'us/*': 1, 'eu/*': 99 } }] } } }));
  await eventually('most go where the share is', 15, async () => ((await counts(20))['v2'] ?? 0) >= 17);
});

test('EnvoyFilter: a patch has effect; what Envoy refuses leaves the last good one in force, and is said; so is what matches nothing', async () => {
  const header = (value: string): object => ({
    applyTo: 'VIRTUAL_HOST',
    match: { context: 'SIDECAR_OUTBOUND', routeConfiguration: { vhost: { name: 'v1-http.default.svc.cluster.local:9000' } } },
    patch: { operation: 'MERGE', value: { response_headers_to_add: [{ header: { key: 'x-patched', value } }] } },
  });
  const patched = (value: string) => async () => new RegExp(`x-patched: ${value}`, 'i').test(await curl('-i http://v1-http:9000/hello'));
  await apply(filter('patch', { workloadSelector: { labels: { app: 'client' } }, configPatches: [header('one')] }));
  await eventually('the header is there', 15, patched('one'));

  // Envoy knows the field, and does not take the value: no such operator.
  await apply(filter('patch', { workloadSelector: { labels: { app: 'client' } }, configPatches: [header('%NOSUCHTHING%')] }));
  await eventually('the refusal is said', 15, async () => /^False .*refuses.*stays in force/.test(await condition('envoyfilter', 'patch')));
  assert.equal(await patched('one')(), true);
  const analyzed = async (): Promise<string[]> => {
    const problems = JSON.parse((await it.sluice(['analyze', '-o', 'json'])).stdout) as { code: string; object: { name: string } }[];
    return problems.filter((p) => p.code.startsWith('SLU001')).map((p) => `${p.code} ${p.object.name}`);
  };
  assert.deepEqual(await analyzed(), ['SLU0012 patch']);
  await apply(filter('patch', { workloadSelector: { labels: { app: 'client' } }, configPatches: [header('two')] }));
  await eventually('the next good one counts', 15, patched('two'));
  await eventually('and nothing is wrong any more', 15, async () => (await condition('envoyfilter', 'patch')).startsWith('True'));

  await apply(
    filter('lost', {
      configPatches: [{ applyTo: 'CLUSTER', match: { cluster: { service: 'nobody.example.com' } }, patch: { operation: 'REMOVE' } }],
    }),
  );
  await eventually('that it matches nothing is said', 15, async () => /changes nothing/.test(await condition('envoyfilter', 'lost')));
  assert.deepEqual(await analyzed(), ['SLU0011 lost']);
});

test('ProxyConfig: the proxy has the threads and the environment that it says', async () => {
  const { command_line_options: options } = JSON.parse((await envoy('/server_info')).replace(/\d{3}$/, '')) as {
    command_line_options: { concurrency: number };
  };
  assert.equal(options.concurrency, 2);
  const value = { response_headers_to_add: [{ header: { key: 'x-shop', value: '%ENVIRONMENT(SHOP)%' } }] };
  const configPatches = [
    {
      applyTo: 'ROUTE_CONFIGURATION',
      match: { context: 'SIDECAR_OUTBOUND', routeConfiguration: { name: '9000' } },
      patch: { operation: 'MERGE', value },
    },
  ];
  await apply(filter('environment', { workloadSelector: { labels: { app: 'client' } }, configPatches }));
  await eventually('the variable is there', 15, async () => /x-shop: blue/i.test(await curl('-i http://v1-http:9000/hello')));
});
