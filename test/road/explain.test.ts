/** What is said of a request, and what becomes of it: the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';

let it: Instance;

interface Explained {
  readonly explanation: {
    readonly route: { readonly from?: string };
    readonly targets: readonly { readonly endpoints: readonly { readonly address: string }[] }[];
    readonly expected: readonly { readonly percent: number; readonly status?: number; readonly why: string }[];
  };
  readonly fired?: {
    readonly status?: number;
    readonly upstream: readonly string[];
    readonly counted: readonly { readonly reporter: string; readonly flags?: string; readonly says?: string; readonly mtls?: boolean }[];
  };
}

const apply = (...objects: object[]): Promise<string> => kubectl(it, 'apply -f -', objects.map((o) => JSON.stringify(o)).join('\n---\n'));

const deployment = (name: string, app: string, container: object): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app, version: name } },
    template: {
      metadata: { labels: { app, version: name } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', ...container }] },
    },
  },
});

const hello = (version: string): object =>
  deployment(version, 'hello', {
    image: `docker.io/istio/examples-helloworld-${version}:1.0`,
    readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
  });

const istio = (kind: string, name: string, spec: object, group = 'networking'): object => ({
  apiVersion: `${group}.istio.io/v1`,
  kind,
  metadata: { name },
  spec,
});

before(async () => {
  it = await newInstance('explain');
  await it.up();
  await kubectl(it, 'label namespace default istio-injection=enabled');
  const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
  await apply(
    hello('v1'),
    hello('v2'),
    deployment('client', 'client', { image: 'curlimages/curl:8.16.0', command: idle }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'hello' },
      spec: { selector: { app: 'hello' }, ports: [{ name: 'http', port: 80, targetPort: 5000 }] },
    },
    istio('Gateway', 'door', {
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.example.com'] }],
    }),
    istio('DestinationRule', 'hello', { host: 'hello', subsets: ['v1', 'v2', 'v3'].map((v) => ({ name: v, labels: { version: v } })) }),
    istio('VirtualService', 'hello', {
      hosts: ['hello', 'hello.example.com'],
      gateways: ['mesh', 'door'],
      http: [
        { match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [{ destination: { host: 'hello', subset: 'v2' } }] },
        {
          match: [{ uri: { prefix: '/broken' } }],
          fault: { abort: { httpStatus: 555, percentage: { value: 100 } } },
          route: [{ destination: { host: 'hello', subset: 'v1' } }],
        },
        { match: [{ uri: { prefix: '/nobody' } }], route: [{ destination: { host: 'hello', subset: 'v3' } }] },
        { route: [{ destination: { host: 'hello', subset: 'v1' } }] },
      ],
    }),
    istio(
      'AuthorizationPolicy',
      'hello',
      { selector: { matchLabels: { app: 'hello' } }, action: 'DENY', rules: [{ to: [{ operation: { paths: ['/secret*'] } }] }] },
      'security',
    ),
  );
  await kubectl(it, 'wait --for=condition=Available deployment --all --timeout=60s');
});
after(() => it.close());

async function explain(...args: string[]): Promise<Explained> {
  const done = await it.sluice(['explain', '-o', 'json', ...args]);
  assert.equal(done.code, 0, done.stderr);
  return JSON.parse(done.stdout) as Explained;
}

test('the answer that is foretold is the answer that comes, from a pod and through the ingress', async () => {
  const cases: { args: string[]; rule: string; status: number; foretold: number | undefined; flags?: RegExp }[] = [
    { args: ['http://hello/hello', '-H', 'end-user: jason'], rule: 'spec.http[0].match[0]', status: 200, foretold: undefined },
    { args: ['http://hello/hello'], rule: 'spec.http[3]', status: 200, foretold: undefined },
    { args: ['http://hello/broken'], rule: 'spec.http[1].match[0]', status: 555, foretold: 555, flags: /FI.*fault/ },
    { args: ['http://hello/nobody'], rule: 'spec.http[2].match[0]', status: 503, foretold: 503, flags: /UH.*endpoint/ },
    { args: ['http://hello/secret/x'], rule: 'spec.http[3]', status: 403, foretold: 403 },
  ];
  for (const { args, rule, status, foretold, flags } of cases) {
    for (const [from, named] of [
      ['client', args],
      ['ingress', args.map((a) => a.replace('//hello/', '//hello.example.com/'))],
    ] as const) {
      const found = await eventually(`${named.join(' ')} from ${from}`, 15, async () => {
        const e = await explain('GET', ...named, '--from', from, '--fire');
        // Until the client's proxy knows the service, its bytes are passed on as they are.
        const known = status !== 200 || e.fired?.counted.some((c) => c.reporter === 'destination' && c.mtls);
        return e.fired?.status === status && known && e;
      });
      const { explanation, fired } = found;
      assert.equal(explanation.route.from, `VirtualService default/hello ${rule}`);
      assert.deepEqual(
        explanation.expected.map((o) => [o.percent, o.status]),
        [[100, foretold]],
      );
      const source = fired!.counted.find((c) => c.reporter === 'source');
      if (flags) assert.match(`${source?.flags} ${source?.says}`, flags);
      if (status === 200) {
        assert.deepEqual(
          fired!.upstream,
          explanation.targets[0]!.endpoints.map((p) => p.address),
        );
        assert.equal(fired!.counted.find((c) => c.reporter === 'destination')?.mtls, true);
      }
    }
  }
});

test('it reads well, and says what is wrong with the question', async () => {
  const good = await it.sluice(['explain', 'http://hello/hello', '--from', 'deploy/client']);
  assert.match(good.stdout, /^GET http:\/\/hello\/hello from default\/client-/);
  assert.match(
    good.stdout,
    /no +VirtualService default\/hello +spec\.http\[0\]\.match\[0\] +headers\[end-user\] exact "jason": the request has none/,
  );
  assert.match(good.stdout, /To expect\n {2}100% +the application answers/);
  const cases: [string[], RegExp][] = [
    [['GET', 'hello', '--from', 'client'], /"hello" is not a URL\nWrite it as in/],
    [['GET', 'http://hello/'], /not said who sends[^]*--from/],
    [['GET', 'http://hello/', '--from', 'nobody'], /no pod, Deployment or app "nobody"[^]*There are: client, v1, v2/],
    [['GET', 'http://hello/', '--from', 'client', '-H', 'x'], /"x" is not a header/],
  ];
  for (const [args, says] of cases) {
    const bad = await it.sluice(['explain', ...args]);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, says);
  }
});
