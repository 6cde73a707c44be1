/** The mesh on real pods: what the routing rules say is what requests do, and mutual TLS is between them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { selfSigned } from '../support/certificate.ts';
import { eventually, kubectl, newInstance, ROOT, type Instance } from '../support/instance.ts';
import { runSteps } from '../support/steps.ts';

let it: Instance;
before(async () => {
  it = await newInstance('mesh');
  await it.up();
});
after(() => it.close());

interface App {
  readonly name: string;
  readonly image: string;
  readonly port: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
}

const deployment = ({ name, image, port, labels = { app: name }, command }: App): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'app',
              image,
              ...(command ? { command } : { readinessProbe: { tcpSocket: { port }, periodSeconds: 1 } }),
            },
          ],
        },
      },
    },
  });

const service = (name: string, port: number, targetPort: number): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort }] },
  });

const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
const hello = (version: string): string =>
  deployment({
    name: `hello-${version}`,
    image: `docker.io/istio/examples-helloworld-${version}:1.0`,
    port: 5000,
    labels: { app: 'hello', version },
  });
const httpbin = [
  deployment({ name: 'httpbin', image: 'docker.io/mccutchen/go-httpbin:v2.15.0', port: 8080 }),
  service('httpbin', 8000, 8080),
];
const client = deployment({ name: 'client', image: 'curlimages/curl:8.16.0', port: 0, command: idle });

const istio = (kind: string, name: string, spec: unknown, version = 'networking.istio.io/v1'): string =>
  JSON.stringify({ apiVersion: version, kind, metadata: { name }, spec });
const apply = (...objects: string[]): Promise<string> => kubectl(it, 'apply -f -', objects.join('\n---\n'));

const v1 = { destination: { host: 'hello', subset: 'v1' } };
const v2 = { destination: { host: 'hello', subset: 'v2' } };
const routes = (host: string, http: unknown, gateways: string[] = ['mesh', 'door']): string =>
  istio('VirtualService', host, { hosts: [host, `${host}.example.com`], gateways, http });

/** curl in a pod of the mesh: what it printed, then the status. */
const curl = (args: string, options: { namespace?: string } = {}): Promise<string> =>
  kubectl(it, [
    '-n',
    options.namespace ?? 'default',
    'exec',
    'deploy/client',
    '-c',
    'app',
    '--',
    'sh',
    '-c',
    `curl -s ${args} -w '%{http_code} %{time_total}\\n'`,
  ]);

const fromOutside = (path: string, headers: Record<string, string> = {}) => it.get(path, { host: 'hello.example.com', ...headers });

test('pods in a labelled namespace get a sidecar, others none', async () => {
  await kubectl(it, 'label namespace default istio-injection=enabled');
  await kubectl(it, 'create namespace plain');
  await apply(hello('v1'), hello('v2'), service('hello', 80, 5000), ...httpbin, client);
  await kubectl(it, '-n plain apply -f -', [client, ...httpbin].join('\n---\n'));
  await apply(
    istio('DestinationRule', 'hello', {
      host: 'hello',
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'v2', labels: { version: 'v2' } },
      ],
    }),
    istio('Gateway', 'door', {
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.example.com'] }],
    }),
    routes('hello', [{ route: [v1] }]),
  );
  await runSteps(it.kubectl, [
    { run: 'wait --for=condition=Available deployment --all --timeout=30s', out: /condition met/ },
    { run: '-n plain wait --for=condition=Available deployment --all --timeout=30s', out: /condition met/ },
    { run: 'get pods', out: /^NAME.*\n(\S+\s+2\/2\s+Running\s+0\s+\S+\n){4}$/ },
    { run: '-n plain get pods', out: /^NAME.*\n(\S+\s+1\/1\s+Running\s+0\s+\S+\n){2}$/ },
    { run: ['get', 'pods', '-l', 'app=client', '-o', 'jsonpath={.items[0].spec.containers[*].name}'], out: /istio-proxy/ },
  ]);
  await eventually('the gateway routes', 10, async () => (await fromOutside('/hello')).status === 200);
});

test('weights: requests are split as asked, and all go where 100 % is', async () => {
  await apply(
    routes('hello', [
      {
        route: [
          { ...v1, weight: 70 },
          { ...v2, weight: 30 },
        ],
      },
    ]),
  );
  await eventually('both versions answer', 10, async () => (await fromOutside('/hello')).body.includes('version: v2'));
  const n = 600;
  let second = 0;
  for (let i = 0; i < n; i++) {
    const { status, body } = await fromOutside('/hello');
    assert.equal(status, 200);
    if (body.includes('version: v2')) second++;
  }
  assert.ok(Math.abs(second - 0.3 * n) <= 4 * Math.sqrt(n * 0.3 * 0.7), `${second} of ${n} went to v2, of which 30 % were asked for`);
  await apply(routes('hello', [{ route: [v2] }]));
  await eventually('v1 no longer answers', 10, async () => {
    for (let i = 0; i < 10; i++) if (!(await fromOutside('/hello')).body.includes('version: v2')) return false;
    return true;
  });
});

test('match: by header and by path, in the mesh and at the gateway; rewrite', async () => {
  await apply(
    routes('hello', [
      { match: [{ headers: { 'x-user': { exact: 'tester' } } }], route: [v2] },
      { match: [{ uri: { prefix: '/greet/' } }], rewrite: { uri: '/' }, route: [v2] },
      { match: [{ headers: { cookie: { regex: '^(.*; )?group=b(;.*)?$' } } }], route: [v2] },
      { route: [v1] },
    ]),
  );
  await eventually('the header counts', 10, async () => (await curl(`-H 'x-user: tester' http://hello/hello`)).includes('v2'));
  await eventually('others go to v1', 10, async () => (await curl('http://hello/hello')).includes('v1'));
  assert.match(await curl('http://hello.default.svc.cluster.local/greet/hello'), /version: v2/);
  assert.match((await fromOutside('/hello')).body, /version: v1/);
  assert.match((await fromOutside('/hello', { 'x-user': 'tester' })).body, /version: v2/);
  assert.match((await fromOutside('/hello', { cookie: 'a=1; group=b' })).body, /version: v2/);
  assert.match((await fromOutside('/greet/hello')).body, /version: v2/);
  assert.equal((await it.get('/hello', { host: 'unknown.example.com' })).status, 404);
});

test('faults: an abort, and a delay', async () => {
  await apply(
    routes('hello', [
      {
        match: [{ headers: { 'x-break': { exact: 'yes' } } }],
        fault: { abort: { httpStatus: 418, percentage: { value: 100 } } },
        route: [v1],
      },
      {
        match: [{ headers: { 'x-slow': { exact: 'yes' } } }],
        fault: { delay: { fixedDelay: '1s', percentage: { value: 100 } } },
        route: [v1],
      },
      { route: [v1] },
    ]),
  );
  await eventually('the abort is there', 10, async () => (await curl(`-H 'x-break: yes' http://hello/hello`)).includes('418 '));
  const [status, seconds] = (await curl(`-o /dev/null -H 'x-slow: yes' http://hello/hello`)).split(' ').map(Number);
  assert.equal(status, 200);
  assert.ok(seconds! > 0.95 && seconds! < 2, `${seconds} s`);
});

test('timeout and retries', async () => {
  const tries = async (n: number): Promise<string[]> =>
    (
      await kubectl(it, [
        'exec',
        'deploy/client',
        '-c',
        'app',
        '--',
        'hey',
        '-o',
        'csv',
        '-n',
        String(n),
        '-c',
        '4',
        'http://httpbin:8000/unstable?failure_rate=0.5',
      ])
    )
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(',')[1] ?? '');
  assert.match((await tries(40)).join(' '), /500/, 'it is unstable indeed');
  await apply(
    istio('VirtualService', 'httpbin', {
      hosts: ['httpbin'],
      http: [
        { match: [{ uri: { prefix: '/delay' } }], timeout: '500ms', route: [{ destination: { host: 'httpbin' } }] },
        { retries: { attempts: 20, perTryTimeout: '2s', retryOn: '5xx' }, route: [{ destination: { host: 'httpbin' } }] },
      ],
    }),
  );
  await eventually('the timeout ends the request', 10, async () => {
    const [status, seconds] = (await curl('-o /dev/null http://httpbin:8000/delay/3')).split(' ').map(Number);
    return status === 504 && seconds! > 0.4 && seconds! < 1.5;
  });
  assert.deepEqual([...new Set(await tries(40))], ['200'], 'every request is tried until it succeeds');
});

test('mirror: the shadow gets a copy, the caller the answer of the other', async () => {
  const received = async (): Promise<number> =>
    (await it.promql('sum(istio_requests_total{reporter="destination",destination_workload="hello-v2",request_protocol="http"})'))[0]
      ?.value ?? 0;
  const before = await received();
  await apply(routes('hello', [{ route: [v1], mirror: v2.destination, mirrorPercentage: { value: 100 } }]));
  await eventually('the copies arrive', 15, async () => {
    assert.match(await curl('http://hello/hello'), /version: v1/);
    return (await received()) > before;
  });
});

test('sidecars by file; annotations keep traffic from them', async () => {
  const annotated = (app: App, annotations: Record<string, string>): string => {
    const object = JSON.parse(deployment(app)) as { spec: { template: { metadata: object } } };
    Object.assign(object.spec.template.metadata, { annotations });
    return JSON.stringify(object);
  };
  const bin = { image: 'docker.io/mccutchen/go-httpbin:v2.15.0', port: 8080 };
  const file = join(it.dir, 'apps.yaml');
  const apps = [
    deployment({ name: 'taken', ...bin }),
    annotated({ name: 'left', ...bin }, { 'traffic.sidecar.istio.io/excludeInboundPorts': '8080' }),
    annotated(
      { name: 'caller', image: 'curlimages/curl:8.16.0', port: 0, command: idle },
      { 'traffic.sidecar.istio.io/excludeOutboundPorts': '8000' },
    ),
    service('taken', 8000, 8080),
    service('left', 8000, 8080),
  ];
  writeFileSync(file, apps.join('\n---\n'));
  const injected = await promisify(execFile)(process.execPath, [join(ROOT, 'bin/sluice.mjs'), 'inject', '-f', file]);
  await kubectl(it, '-n plain apply -f -', injected.stdout);
  await kubectl(it, '-n plain wait --for=condition=Available deployment taken left caller --timeout=60s');
  // The client has no sidecar: what an Envoy adds to the answer is the server's.
  const headers = (to: string): Promise<string> => curl(`-D - -o /dev/null http://${to}:8000/get`, { namespace: 'plain' });
  await eventually('both answer', 10, async () => /200 OK/i.test(await headers('taken')) && /200 OK/i.test(await headers('left')));
  assert.match(await headers('taken'), /x-envoy-upstream-service-time/i);
  assert.doesNotMatch(await headers('left'), /x-envoy/i);
  // A client with a sidecar knows that nobody takes mTLS there.
  await eventually('plain text to the port that is left alone', 10, async () => /200 /.test(await curl('http://left.plain:8000/get')));
  assert.doesNotMatch(await curl('http://left.plain:8000/get'), /X-Forwarded-Client-Cert/);
  assert.match(await curl('http://taken.plain:8000/get'), /X-Forwarded-Client-Cert[^]*200 /);
  const past = await kubectl(it, '-n plain exec deploy/caller -c app -- curl -s http://taken.plain:8000/get');
  assert.doesNotMatch(past, /X-Forwarded-Client-Cert/, 'its own sidecar did not take it');
  await kubectl(it, '-n plain delete deployment taken left caller');
});

test('mutual TLS between sidecars, plain text towards others, and STRICT refuses these', async () => {
  const served = (policy: string, source: string): Promise<readonly { labels: Readonly<Record<string, string>>; value: number }[]> =>
    it.promql(
      `sum by (source_principal) (istio_requests_total{reporter="destination",destination_workload="httpbin",destination_workload_namespace="default",connection_security_policy="${policy}",source_workload="${source}"})`,
    );
  const ask = (namespace: string): Promise<string> => curl('http://httpbin.default:8000/get', { namespace });
  assert.match(await ask('default'), /"X-Forwarded-Client-Cert"[^]*spiffe:\/\/cluster\.local\/ns\/default\/sa\/default[^]*200 /);
  assert.match(await ask('plain'), /200 /);
  const [meshed] = await eventually('the request is counted as mutual TLS', 15, async () => {
    const found = await served('mutual_tls', 'client');
    return found.length > 0 && found;
  });
  assert.equal(meshed?.labels.source_principal, 'spiffe://cluster.local/ns/default/sa/default');
  await eventually('the other as plain text', 15, async () => (await served('none', 'unknown')).length > 0);
  assert.equal((await served('none', 'client')).length, 0, 'no request of the mesh went in plain text');

  await apply(istio('PeerAuthentication', 'default', { mtls: { mode: 'STRICT' } }, 'security.istio.io/v1'));
  await eventually('the client without a certificate is refused', 10, async () => {
    const done = await it.kubectl.run('-n plain exec deploy/client -- curl -sS http://httpbin.default:8000/get'.split(' '));
    return done.code !== 0 && /reset|refused/i.test(done.stderr);
  });
  assert.match(await ask('default'), /200 /);
  assert.equal((await fromOutside('/hello')).status, 200);
});

test('a ServiceEntry names something outside the mesh', async () => {
  const address = await kubectl(it, '-n plain get pods -l app=httpbin -o jsonpath={.items[0].status.podIP}');
  await apply(
    istio('ServiceEntry', 'outside', {
      hosts: ['api.outside.example'],
      addresses: ['240.0.0.9'],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
      resolution: 'STATIC',
      location: 'MESH_EXTERNAL',
      endpoints: [{ address }],
    }),
  );
  // Nobody resolves its name here, as in a cluster without DNS capture: its address leads there, its name is routed by.
  await eventually('it answers', 10, async () =>
    (await curl('-o /dev/null --resolve api.outside.example:80:240.0.0.9 http://api.outside.example/get')).startsWith('200 '),
  );
});

test('the gateway ends TLS with the certificate of a Secret', async () => {
  const host = 'secure.example.com';
  const { cert, key } = await selfSigned(host);
  const [certFile, keyFile] = [join(it.dir, 'tls.crt'), join(it.dir, 'tls.key')];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  await kubectl(it, ['-n', 'istio-system', 'create', 'secret', 'tls', 'secure', `--cert=${certFile}`, `--key=${keyFile}`]);
  await apply(
    istio('Gateway', 'secure', {
      selector: { istio: 'ingressgateway' },
      servers: [
        { port: { number: 443, name: 'https', protocol: 'HTTPS' }, tls: { mode: 'SIMPLE', credentialName: 'secure' }, hosts: [host] },
      ],
    }),
    istio('VirtualService', 'secure', { hosts: [host], gateways: ['secure'], http: [{ route: [v1] }] }),
  );
  await eventually('it answers', 10, async () => /version: v1/.test(await overTls(host, cert)));
});

/** What the gateway says over TLS to one who trusts nothing but this certificate. */
function overTls(host: string, ca: string): Promise<string> {
  const options = {
    host: '127.0.0.1',
    port: it.ports.https,
    servername: host,
    ca,
    path: '/hello',
    headers: { host },
    agent: false,
  } as const;
  return new Promise((resolve, reject) => {
    const r = request(options, (response) => void text(response).then(resolve, reject));
    r.on('error', reject);
    r.end();
  });
}
