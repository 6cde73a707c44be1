/**
 * Runs pods on a real node as whoever runs it. Run by `node-pods.test.ts`; ends with a failure at the first thing that is
 * not as on a cluster.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1.js';
import { ConfigMaps, Events, Leases, Namespaces, Nodes, Pods } from '../../src/api/index.ts';
import { createKubeletClient } from '../../src/apiserver/http/kubelet-client.edge.ts';
import { silentLog, systemClock } from '../../src/base/index.ts';
import { FakeClient } from '../../src/control/testing.ts';
import { startNode, stopNode, type NodeSandbox } from '../../src/node/index.ts';
import { serveFakeApi } from './fake-api.edge.ts';

const AGENT = fileURLToPath(new URL('./agent.edge.ts', import.meta.url));
const runDir = mkdtempSync(join(tmpdir(), 'np-'));
const podsDir = join(runDir, 'pods');
const namespace = 'test';
const client = new FakeClient(systemClock);
const kubelet = createKubeletClient({ socketPath: join(runDir, 'node.sock') });
const step = (what: string): void => void process.stdout.write(`- ${what}\n`);

async function startAgent(node: NodeSandbox): Promise<ChildProcess> {
  const child = node.enter(process.execPath, ['--disable-warning=ExperimentalWarning', AGENT, runDir, podsDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([once(child.stdout!, 'data'), once(child, 'exit').then(() => assert.fail('the agent ended at once'))]);
  return child;
}

const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'shell:1',
  args: [script],
  ...more,
});

function create(name: string, containers: Container[], spec: Partial<PodSpec> = {}): Promise<Pod> {
  return client.create(Pods, {
    metadata: { name, namespace, labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 5, nodeName: 'sluice', ...spec, containers },
  });
}

const pod = (name: string): Promise<Pod | undefined> => client.get(Pods, { namespace, name });

async function until(name: string, what: string, ok: (pod: Pod) => boolean | undefined, seconds = 10): Promise<Pod> {
  for (let i = 0; i < seconds * 50; i++) {
    const now = await pod(name);
    if (now && ok(now)) return now;
    await new Promise((r) => setTimeout(r, 20));
  }
  const events = (await client.list(Events)).items.filter((e) => e.involvedObject.name === name).map((e) => `${e.reason}: ${e.message}`);
  assert.fail(`${name}: not within ${seconds} s: ${what}\n${JSON.stringify((await pod(name))?.status, null, 1)}\n${events.join('\n')}`);
}

async function gone(name: string, seconds = 10): Promise<number> {
  const start = performance.now();
  await client.delete(Pods, { namespace, name });
  for (let i = 0; i < seconds * 50; i++) {
    if (!(await pod(name))) return performance.now() - start;
    await new Promise((r) => setTimeout(r, 20));
  }
  assert.fail(`${name} is still there after ${seconds} s`);
}

const ready = (p: Pod): boolean => p.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
const status = (p: Pod) => p.status?.containerStatuses?.[0];
const logs = async (name: string, options = {}): Promise<string> => text(await kubelet.logs(namespace, name, options));

async function exec(name: string, command: string[], input?: string, tty = false): Promise<{ out: string; err: string; code: number }> {
  const session = await kubelet.exec(namespace, name, {
    container: 'app',
    command,
    tty,
    stdin: input !== undefined,
    stdout: true,
    stderr: true,
  });
  if (input !== undefined) session.stdin.end(input);
  const [out, err, code] = await Promise.all([text(session.stdout), text(session.stderr), session.exit]);
  return { out, err, code };
}

/** What a container says to somebody who attaches, types `input` and, when it has said `reply`, goes. */
async function typed(name: string, input: string, reply = ''): Promise<string> {
  const session = await kubelet.attach(namespace, name, { container: 'app', tty: false, stdin: true, stdout: true, stderr: true });
  const screen = new Screen(session.stdout);
  session.stdin.write(input);
  if (reply) {
    await screen.shows(new RegExp(reply));
    session.close();
  } else {
    session.stdin.end();
    await session.exit;
  }
  return screen.text;
}

/** What a stream has said so far. */
class Screen {
  text = '';
  readonly #source: Readable;
  constructor(source: Readable) {
    this.#source = source.on('data', (chunk) => (this.text += String(chunk)));
  }

  async shows(wanted: RegExp): Promise<void> {
    const timer = setTimeout(() => this.#source.destroy(new Error(`${wanted} was not shown, but\n${this.text}`)), 5000);
    while (!wanted.test(this.text)) await once(this.#source, 'data');
    clearTimeout(timer);
  }
}

async function walk(): Promise<void> {
  client.seed(Namespaces, { metadata: { name: 'kube-node-lease' } });
  client.seed(ConfigMaps, { metadata: { name: 'settings', namespace }, data: { color: 'green' } });
  const api = serveFakeApi(client, join(runDir, 'api.sock'));
  const node = await startNode({ runDir, log: silentLog });
  let agent = await startAgent(node);

  step('the node reports itself, and runs what is bound to it');
  await create('unbound', [sh('app', 'sleep 1000')], { nodeName: undefined });
  await create(
    'web',
    [
      sh('app', 'echo hello; id -u; cat /etc/settings/color; echo; while :; do sleep 0.2; date +%s%N >> /data/ticks; done', {
        env: [
          { name: 'GREETING', value: 'hi $(FROM_IMAGE)' },
          { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        ],
        volumeMounts: [
          { name: 'settings', mountPath: '/etc/settings' },
          { name: 'data', mountPath: '/data' },
        ],
      }),
      sh(
        'server',
        'mkdir -p /www; echo served > /www/index.html; node -e \'require("http").createServer((q,s)=>s.end("served")).listen(8080)\'',
        {
          readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
        },
      ),
    ],
    {
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'data', emptyDir: {} },
      ],
    },
  );
  const created = performance.now();
  const web = await until('web', 'ready', ready);
  step(`ready after ${Math.round(performance.now() - created)} ms`);
  assert.equal((await pod('unbound'))?.spec?.nodeName, undefined, 'it is for the scheduler to bind');
  assert.equal(web.status!.phase, 'Running');
  assert.match(web.status!.podIP!, /^10\.244\./);
  assert.ok((await client.get(Nodes, { name: 'sluice' }))!.status!.conditions!.some((c) => c.type === 'Ready' && c.status === 'True'));
  assert.ok(await client.get(Leases, { namespace: 'kube-node-lease', name: 'sluice' }));

  step('logs');
  assert.equal(await logs('web', { container: 'app' }), 'hello\n0\ngreen\n');
  assert.match(await logs('web', { container: 'app', timestamps: true, tailLines: 1 }), /^\d{4}-\d\d-\d\dT[\d:.]+Z green\n$/);
  await assert.rejects(logs('web'), /a container name must be specified/);
  await assert.rejects(logs('web', { container: 'nope' }), /container nope is not valid/);

  step('exec, with and without a terminal');
  const said = await exec('web', [
    'sh',
    '-c',
    'echo $GREETING $COLOR; test "$IP" = $(hostname -i 2>/dev/null || echo "$IP"); hostname; ls /home /root; exit 3',
  ]);
  assert.deepEqual(said, { out: 'hi yes green\nweb\n/home:\n\n/root:\n', err: '', code: 3 });
  assert.deepEqual(await exec('web', ['cat'], 'through\n'), { out: 'through\n', err: '', code: 0 });
  const terminal = await exec('web', ['sh', '-c', 'tty; echo "term $TERM"; test -t 0'], '', true);
  assert.match(terminal.out, /\/dev\/pts\/\d+\r\nterm xterm/);
  assert.equal(terminal.code, 0);
  await assert.rejects(
    async () => (await kubelet.exec(namespace, 'none', { command: ['x'], tty: false, stdin: false, stdout: true, stderr: true })).exit,
    /not found/,
  );

  step("containers cannot reach the network's settings or the host's root");
  assert.notEqual((await exec('web', ['ip', 'link', 'add', 'd0', 'type', 'dummy'])).code, 0);
  assert.notEqual((await exec('web', ['mount', '-t', 'tmpfs', 'x', '/mnt'])).code, 0);

  step('port-forward');
  const port = await kubelet.portForward(namespace, 'web', 8080);
  port.write('GET / HTTP/1.0\r\n\r\n');
  assert.match(await text(port), /served$/);
  await assert.rejects(kubelet.portForward(namespace, 'web', 81), /ECONNREFUSED/);

  step('a changed ConfigMap reaches the volume');
  await client.patch(ConfigMaps, { namespace, name: 'settings' }, { type: 'merge', body: { data: { color: 'blue' } } });
  for (let i = 0; (await exec('web', ['cat', '/etc/settings/color'])).out !== 'blue'; i++)
    assert.ok(i < 100, 'the file still has the old content');

  step('a projected volume holds a token; the way to the API server leads to its socket');
  const tls = createServer((socket) => socket.end('the API server'));
  await new Promise<void>((resolve) => tls.listen(join(runDir, 'api-tls.sock'), resolve));
  await create('caller', [sh('app', 'sleep 1000', { volumeMounts: [{ name: 'account', mountPath: '/var/run/secrets/x' }] })], {
    serviceAccountName: 'robot',
    volumes: [{ name: 'account', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] } }],
  });
  await until('caller', 'ready', ready);
  assert.equal((await exec('caller', ['cat', '/var/run/secrets/x/token'])).out, 'token of test/robot');
  const dial = `require('net').connect(6443, '10.244.0.1').on('data', (d) => process.stdout.write(d))`;
  assert.equal((await exec('caller', ['node', '-e', dial])).out, 'the API server');
  assert.equal(
    (await exec('caller', ['sh', '-c', 'ls /tmp/np-* 2>&1 | grep -c sock'])).out,
    '0\n',
    'the sockets themselves are out of reach',
  );
  await new Promise((resolve) => tls.close(resolve));
  await gone('caller');

  step('a container put into a running pod sees the processes of its target, and ends on its own');
  const ephemeral = {
    name: 'look',
    image: 'shell:1',
    args: ['ps ax -o args | grep -c "[d]ate +%s%N\\|[w]hile :"; exit 4'],
    targetContainerName: 'app',
  };
  await client.patch(Pods, { namespace, name: 'web' }, { type: 'merge', body: { spec: { ephemeralContainers: [ephemeral] } } });
  const looked = await until('web', 'looked at', (p) => p.status?.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined);
  assert.equal(looked.status!.ephemeralContainerStatuses![0]!.state!.terminated!.exitCode, 4);
  assert.notEqual(await logs('web', { container: 'look' }), '0\n');
  assert.equal(looked.status!.phase, 'Running');

  step('init containers come first; a job that is done stays done');
  await create('job', [sh('main', 'cat /w/f; exit 0', { volumeMounts: [{ name: 'w', mountPath: '/w' }] })], {
    restartPolicy: 'Never',
    volumes: [{ name: 'w', emptyDir: { medium: 'Memory' } }],
    initContainers: [sh('first', 'sleep 0.3; echo from-init > /w/f', { volumeMounts: [{ name: 'w', mountPath: '/w' }] })],
  });
  await until('job', 'succeeded', (p) => p.status?.phase === 'Succeeded');
  assert.equal(await logs('job', { container: 'main' }), 'from-init\n');

  step('a container that fails is restarted at once, then backed off');
  await create('crash', [sh('app', 'echo try; exit 7')]);
  const crash = await until('crash', 'CrashLoopBackOff', (p) => status(p)?.state?.waiting?.reason === 'CrashLoopBackOff');
  assert.equal(status(crash)!.restartCount, 1);
  assert.equal(status(crash)!.lastState!.terminated!.exitCode, 7);
  assert.equal(await logs('crash', { previous: true }), 'try\n');

  step('a failed liveness probe restarts the container');
  await create('live', [
    sh('app', 'touch /tmp/ok; sleep 1.5; rm /tmp/ok; sleep 1000', {
      livenessProbe: { exec: { command: ['test', '-e', '/tmp/ok'] }, periodSeconds: 1, failureThreshold: 1 },
    }),
  ]);
  const live = await until('live', 'restarted', (p) => (status(p)?.restartCount ?? 0) >= 1);
  assert.equal(status(live)!.lastState!.terminated!.exitCode, 143, await logs('live', { previous: true }));

  step('stdin: kept open for those who attach, or once; a terminal for those that ask for one');
  await create('listen', [sh('app', 'while read -r line; do echo "got $line"; done', { stdin: true })]);
  await until('listen', 'ready', ready);
  for (const line of ['one', 'two']) assert.equal(await typed('listen', `${line}\n`, `got ${line}\n`), `got ${line}\n`);
  await create('deaf', [sh('app', 'exec sleep 1000', { stdin: true })]);
  await until('deaf', 'ready', ready);
  const unread = await Promise.all(
    Array.from({ length: 5 }, () =>
      kubelet.attach(namespace, 'deaf', { container: 'app', tty: false, stdin: true, stdout: true, stderr: true }),
    ),
  );
  for (const session of unread) session.stdin.write(Buffer.alloc(300_000));
  assert.equal(await typed('listen', 'three\n', 'got three\n'), 'got three\n', 'what one container does not read holds up no other');
  for (const session of unread) session.close();
  await create('once', [sh('app', 'cat; echo ended', { stdin: true, stdinOnce: true })], { restartPolicy: 'Never' });
  await until('once', 'ready', ready);
  assert.match(await typed('once', 'all\n'), /^all\nended\n$/);
  await until('once', 'succeeded', (p) => p.status?.phase === 'Succeeded');
  await create('unheard', [sh('app', 'exit 0', { stdin: true, stdinOnce: true })], { restartPolicy: 'Never' });
  await until('unheard', 'succeeded', (p) => p.status?.phase === 'Succeeded');
  // As `kubectl run -it` asks for it.
  const shell = { stdin: true, stdinOnce: true, tty: true };
  await create('shell', [sh('app', 'tty; echo "term $TERM"; exec sh -i', shell)], { restartPolicy: 'Never' });
  await until('shell', 'ready', ready);
  const session = await kubelet.attach(namespace, 'shell', { container: 'app', tty: true, stdin: true, stdout: true, stderr: false });
  session.resize(101, 33);
  const screen = new Screen(session.stdout);
  session.stdin.write('stty size\n');
  await screen.shows(/33 101\r\n/);
  // Only what runs in the foreground hears the key, and what was typed ahead is lost with it: so wait for either.
  session.stdin.write(`sh -c 'echo sleep""ing; exec sleep 1000'; echo a""live\n`);
  await screen.shows(/sleeping\r\n/);
  session.stdin.write('\x03');
  await screen.shows(/\^C/);
  for (const word of ['one', 'two', 'three', 'four']) {
    session.stdin.write(`echo li""ne ${word}\n`);
    await screen.shows(new RegExp(`line ${word}\\r\\n`));
  }
  session.stdin.write('exit 9\n');
  assert.equal(await session.exit, 9);
  assert.doesNotMatch(screen.text, /alive/, 'the interrupt ends the line');
  await until('shell', 'failed', (p) => p.status?.phase === 'Failed');
  assert.match(await logs('shell', { container: 'app' }), /^\/dev\/pts\/0\r\nterm xterm\r\n/);

  step('what cannot run says why');
  await create('noimage', [{ name: 'a', image: 'registry.example/none:1' }]);
  const noimage = await until('noimage', 'ErrImagePull', (p) => status(p)?.state?.waiting?.reason === 'ErrImagePull');
  assert.match(status(noimage)!.state!.waiting!.message!, /built in are: shell/);
  await create('noconfig', [sh('a', 'x', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'k' } } }] })]);
  await until('noconfig', 'CreateContainerConfigError', (p) => status(p)?.state?.waiting?.reason === 'CreateContainerConfigError');
  await client.create(ConfigMaps, { metadata: { name: 'later', namespace }, data: { k: 'v' } });
  await until(
    'noconfig',
    'running once the ConfigMap is there',
    (p) => status(p)?.state?.running !== undefined || (status(p)?.restartCount ?? 0) > 0,
  );

  step('killing the agent: containers go on, the next agent takes them over');
  const before = await until('web', 'ready', ready);
  assert.equal(node.signal(agent, 'SIGKILL'), true);
  await once(agent, 'exit');
  await create('late', [sh('app', 'echo late; sleep 1000')]);
  agent = await startAgent(node);
  await until('late', 'ready', ready);
  const after = (await pod('web'))!;
  assert.deepEqual(after.status!.containerStatuses, before.status!.containerStatuses);
  assert.equal(after.status!.podIP, before.status!.podIP);
  assert.equal((await exec('web', ['echo', 'again'])).out, 'again\n');

  step('an exit while no agent runs is not lost');
  await create('quick', [sh('app', 'sleep 1; exit 5')], { restartPolicy: 'Never' });
  await until('quick', 'running', (p) => status(p)?.state?.running !== undefined);
  node.signal(agent, 'SIGKILL');
  await once(agent, 'exit');
  await new Promise((r) => setTimeout(r, 1200));
  agent = await startAgent(node);
  const quick = await until('quick', 'failed', (p) => p.status?.phase === 'Failed');
  assert.equal(status(quick)!.state!.terminated!.exitCode, 5);

  step('deleting is graceful, and quick without a handler');
  await create('graceful', [
    sh('app', 'trap "echo bye; sleep 0.5; exit 0" TERM; echo up; while :; do sleep 0.1; done', {
      lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo hook > /proc/1/fd/1; sleep 0.3'] } } },
    }),
  ]);
  await until('graceful', 'ready', ready);
  const took = await gone('graceful');
  assert.ok(took > 700 && took < 4000, `took ${took} ms`);
  assert.ok((await gone('late')) < 1500);
  await create('stubborn', [sh('app', 'trap "" TERM; while :; do sleep 1; done')], { terminationGracePeriodSeconds: 1 });
  await until('stubborn', 'ready', ready);
  assert.ok((await gone('stubborn')) >= 900);

  step('a pod that is removed by force leaves nothing');
  await client.delete(Pods, { namespace, name: 'web' }, { gracePeriodSeconds: 0 });
  for (const name of ['job', 'crash', 'live', 'noimage', 'noconfig', 'quick']) await gone(name);
  await stopNode(runDir);
  api.close();
  api.closeAllConnections();
}

try {
  await walk();
  step('done');
} finally {
  await stopNode(runDir);
  rmSync(runDir, { recursive: true, force: true });
}
process.exit(0);
