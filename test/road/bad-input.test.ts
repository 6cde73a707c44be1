/** What people get wrong: each time a sentence that says what to do, and nothing else is disturbed. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';
import { helloApp } from '../support/hello.ts';

let it: Instance;
let checking: Promise<void>;
const bystander = { served: 0, failed: [] as string[], over: false };

before(async () => {
  it = await newInstance('bad');
  await it.up();
  await kubectl(it, 'label namespace default istio-injection=enabled');
  await kubectl(it, 'apply -f -', good);
  await eventually('the good app serves', 20, async () => (await ask('good')).status === 200);
  checking = keepAsking();
});
after(async () => {
  bystander.over = true;
  await checking;
  await it.close();
});

const ask = (name: string) => it.get('/hello', { host: `${name}.example.com` });

/** A request every 20 ms to an app that has nothing to do with what goes wrong. */
async function keepAsking(): Promise<void> {
  while (!bystander.over) {
    try {
      const { status } = await ask('good');
      if (status === 200) bystander.served++;
      else bystander.failed.push(`status ${status}`);
    } catch (error) {
      bystander.failed.push(String(error));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const good = `${helloApp('*.example.com')}${route('good', '{ host: hello }')}`;

function route(name: string, destination: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}.example.com]
  gateways: [door]
  http: [{ route: [{ destination: ${destination} }] }]
`;
}

/** kubectl that is to be refused: what it said. */
async function refused(args: string, input = ''): Promise<string> {
  const done = await it.kubectl.run(args.split(' '), { input });
  assert.notEqual(done.code, 0, `kubectl ${args} was to be refused\n${done.stdout}`);
  return done.stderr;
}

const condition = (kind: string, name: string): Promise<string> =>
  kubectl(it, ['get', kind, name, '-o', 'jsonpath={range .status.conditions[*]}{.status} {.reason} {.message}{"\\n"}{end}']);

test('kubectl: YAML that cannot be read, unknown kinds and fields, values out of range', async () => {
  assert.match(await refused('apply -f -', 'kind: [unclosed\n'), /error parsing STDIN|error converting YAML/);
  assert.match(
    await refused('apply -f -', 'apiVersion: v1\nkind: Nonsense\nmetadata: { name: x }\n'),
    /no matches for kind "Nonsense" in version "v1"/,
  );
  const typo = good.replace('selector: { matchLabels', 'replica: 2\n  selector: { matchLabels');
  assert.match(await refused('apply -f -', typo), /strict decoding error: unknown field "spec\.replica"/);
  const loose = await it.kubectl.run(['apply', '-f', '-', '--validate=false', '--dry-run=server'], { input: typo });
  assert.equal(loose.code, 0, loose.stderr);
  assert.match(
    await refused('apply -f -', route('bad', '{ host: hello, subsett: v1 }')),
    /unknown field "spec\.http\[0\]\.route\[0\]\.destination\.subsett"/,
  );
  assert.match(await refused('create configmap Upper'), /"Upper".*(RFC 1123|lower)/is);
  const negative = good.replace('selector: { matchLabels', 'replicas: -1\n  selector: { matchLabels');
  assert.match(await refused('apply -f -', negative), /spec\.replicas.*-1.*(greater than or equal to 0)/s);
  assert.match(await refused('get nothing'), /doesn't have a resource type "nothing"/);
});

test('a VirtualService to a missing host, and to a missing subset', async () => {
  await kubectl(it, 'apply -f -', route('nohost', '{ host: helo }'));
  assert.match(
    await eventually('the object says what is wrong', 10, async () => (await condition('virtualservice', 'nohost')) || undefined),
    /^False IST0101 spec\.http\[0\]\.route\[0\]\.destination\.host: there is no service helo\.default\.svc\.cluster\.local.* Create the Service or a ServiceEntry, or correct the name/,
  );
  await eventually('its requests are answered', 10, async () => (await ask('nohost')).status === 503);
  assert.match(await kubectl(it, 'describe virtualservice nohost'), /Warning\s+IST0101.*there is no service helo/);

  await kubectl(it, 'apply -f -', route('nosubset', '{ host: hello, subset: v9 }'));
  assert.match(
    await eventually('the object says what is wrong', 10, async () => (await condition('virtualservice', 'nosubset')) || undefined),
    /^False IST0101 .*no DestinationRule names a subset v9 of hello.* Create a DestinationRule with that subset/,
  );
  await eventually('its requests are answered', 10, async () => (await ask('nosubset')).status === 503);

  await kubectl(it, 'apply -f -', route('nohost', '{ host: hello }'));
  await eventually('once corrected, it says so', 10, async () => (await condition('virtualservice', 'nohost')).startsWith('True '));
  assert.equal((await ask('nohost')).status, 200);
  assert.match(await kubectl(it, 'get events --field-selector involvedObject.name=good'), /^$/);
});

const canary = (name: string, more: string): string => `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: { name: ${name} }
spec:
  targetRef: { apiVersion: apps/v1, kind: Deployment, name: ${name} }
  service: { port: 80, targetPort: 5000 }
${more}`;

test('a Canary for a Deployment that is not there, and one that asks for what is not supported', async () => {
  await kubectl(it, 'apply -f -', canary('missing', '  analysis: { interval: 1s, threshold: 1, maxWeight: 50, stepWeight: 10 }'));
  assert.match(
    await eventually('the Canary says what is wrong', 10, async () => (await condition('canary', 'missing')) || undefined),
    /Deployment missing\.default not found: create it, or correct spec\.targetRef\.name/,
  );
  assert.match(await kubectl(it, 'describe canary missing'), /Warning\s+Synced.*Deployment missing\.default not found/);
  const iterations = 'analysis: { interval: 1s, threshold: 1, iterations: 5, mirror: true }';
  await kubectl(it, 'apply -f -', canary('routeless', `  provider: gatewayapi:v1\n  ${iterations}`));
  assert.match(
    await eventually('the Canary says what is wrong', 10, async () => (await condition('canary', 'routeless')) || undefined),
    /GatewayRefs must be specified when using Gateway API as a provider/,
  );
  await kubectl(it, 'apply -f -', canary('hello', `  provider: kubernetes\n  ${iterations}`));
  await eventually('the Canary says what it does without', 10, async () =>
    /Warning\s+Synced.*Without effect, since not supported yet: spec\.analysis\.mirror/.test(await kubectl(it, 'describe canary hello')),
  );
});

test('an image that is not built in', async () => {
  await kubectl(it, 'run noimage --image=registry.example/shop:1');
  await eventually('the pod waits', 10, async () => /ErrImagePull|ImagePullBackOff/.test(await kubectl(it, 'get pod noimage')));
  assert.match(await kubectl(it, 'describe pod noimage'), /there is no built-in image registry\.example\/shop:1.*Built in are: /);
  assert.match(await refused('logs noimage -c noimage'), /waiting to start|trying and failing to pull/);
});

test('the command line: ports, names, formats, Envoy', async () => {
  const other = await newInstance('other');
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(other.ports.http, '127.0.0.1', resolve));
  const table: [what: string, args: string[], env: Record<string, string>, said: RegExp, code?: number][] = [
    [
      'a taken port',
      ['up', `--http-port=${other.ports.http}`],
      {},
      new RegExp(
        `port ${other.ports.http}, which the ingress gateway is to listen on, is taken by \\S+ \\(pid ${process.pid}\\)\\n.*--http-port`,
      ),
    ],
    ['no port', ['up', '--http-port=http'], {}, /"http" is not a port\nGive a number from 1 to 65535/],
    [
      'a missing Envoy',
      ['up', `--api-port=${other.ports.api}`],
      { SLUICE_ENVOY: '/nonexistent' },
      /SLUICE_ENVOY names \/nonexistent, which is not an executable file\n.*unset it/,
    ],
    ['a bad name', ['up', '--name', 'Not_A_Name'], {}, /"Not_A_Name" cannot name an instance\n.*lower-case/],
    ['an unknown format', ['status', '-o', 'xml'], {}, /"xml" is not an output format\n.*-o json/],
    ['an unknown flag', ['up', '--prots=1'], {}, /unknown option '--prots=1'/, 2],
    ['an unknown command', ['upp'], {}, /unknown command|unknown option/, 2],
  ];
  try {
    for (const [what, args, env, said, code = 1] of table) {
      const done = await other.sluice(args, env);
      assert.equal(done.code, code, `${what}: ${done.stdout}${done.stderr}`);
      assert.match(done.stderr, said, what);
      assert.doesNotMatch(done.stderr, /\n\s+at /, `${what}: no stack`);
    }
    const doctor = await other.sluice(['doctor'], { SLUICE_ENVOY: '/nonexistent' });
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout, /FAIL\s+Envoy[^]*Envoy: .*SLUICE_ENVOY/);
    assert.equal((await other.status()).state, 'stopped', 'nothing was started');
  } finally {
    holder.close();
    await other.close();
  }
});

test('nobody else was disturbed', async () => {
  assert.deepEqual(bystander.failed, []);
  assert.ok(bystander.served > 50, `${bystander.served} requests`);
  const status = await it.status();
  assert.deepEqual(status.problems, []);
  assert.equal(status.state, 'running');
});
