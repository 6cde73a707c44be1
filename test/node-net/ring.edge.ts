/**
 * Brings up a real node as whoever runs it and walks through its network. Run by `node-net.test.ts`; ends with a failure
 * at the first thing that is not as on a cluster. Arguments: the Envoy binary.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../../src/base/index.ts';
import { openEdge } from '../../src/node/net/host-ports.edge.ts';
import type { NodeSandbox } from '../../src/node/net/types.ts';
import { checkNode } from '../../src/node/sandbox/check.edge.ts';
import { adoptNode, netnsDir, startNode, stopNode } from '../../src/node/sandbox/node.edge.ts';
import { isAlive, readPidFile } from '../../src/base/index.ts';

const [envoyBinary = '', starting] = process.argv.slice(2);
const AGENT = fileURLToPath(new URL('./agent.edge.ts', import.meta.url));

if (starting) {
  // The control plane of the first step: dies right after it started the node.
  await startNode({ runDir: starting, log: silentLog });
  process.kill(process.pid, 'SIGKILL');
}

const runDir = mkdtempSync(join(tmpdir(), 'node-net-'));
const step = (what: string): void => void process.stdout.write(`- ${what}\n`);

/** An agent in the node: `ask('create', 'a')`. */
async function startAgent(node: NodeSandbox) {
  const child = node.enter(process.execPath, ['--disable-warning=ExperimentalWarning', AGENT, netnsDir(runDir)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  const next = async (): Promise<{ result?: unknown; error?: string }> =>
    JSON.parse(String((await lines.next()).value)) as { result?: unknown };
  await next();
  return {
    async ask(...command: readonly unknown[]): Promise<unknown> {
      child.stdin!.write(`${JSON.stringify(command)}\n`);
      const { result, error } = await next();
      if (error !== undefined) throw new Error(`${String(command[0])}: ${error}`);
      return result;
    },
    async kill() {
      assert.equal(node.signal(child, 'SIGKILL'), true);
      await once(child, 'exit');
    },
  };
}

const service = (name: string, spec: object): object => ({ metadata: { name, namespace: 'test' }, spec });
const slice = (name: string, ...addresses: string[]): object => ({
  metadata: { name, namespace: 'test', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 80 }],
  endpoints: addresses.map((a) => ({ addresses: [a] })),
});
const ports = [{ name: 'http', port: 80 }];

/** A sidecar that passes everything on to where it was going, marked, as the mesh's does. */
function passthrough(): object {
  const forward = (name: string, source: string): object => ({
    name,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: '2s',
    upstream_bind_config: {
      source_address: { address: source, port_value: 0 },
      socket_options: [{ level: 1, name: 36, int_value: 0x539, state: 'STATE_PREBIND' }],
    },
  });
  const listener = (name: string, port: number): object => ({
    name,
    address: { socket_address: { address: '0.0.0.0', port_value: port } },
    listener_filters: [
      {
        name: 'original_dst',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst' },
      },
    ],
    filter_chains: [
      {
        filters: [
          {
            name: 'tcp',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
              stat_prefix: name,
              cluster: name,
            },
          },
        ],
      },
    ],
  });
  return {
    admin: { address: { pipe: { path: join(runDir, 'sidecar.sock') } } },
    static_resources: {
      listeners: [listener('outbound', 15001), listener('inbound', 15006)],
      clusters: [forward('outbound', '0.0.0.0'), forward('inbound', '127.0.0.6')],
    },
  };
}

/** GET over a Unix socket or from 127.0.0.1; the body, or the error's code. */
function get(target: { socketPath: string; path: string } | { host: string; port: number }): Promise<string> {
  return new Promise((resolve) => {
    const req = request({ ...target, agent: false, timeout: 3000 }, (res) => {
      let all = '';
      res.on('data', (d) => (all += String(d))).on('end', () => resolve(all));
    });
    req.on('error', (e: NodeJS.ErrnoException) => resolve(e.code ?? e.message)).on('timeout', () => req.destroy(new Error('timed out')));
    req.end();
  });
}

async function captured(): Promise<Record<string, number>> {
  const stats = await get({ socketPath: join(runDir, 'sidecar.sock'), path: '/stats?filter=downstream_cx_total' });
  const count = (name: string): number => Number(new RegExp(`tcp\\.${name}\\.downstream_cx_total: (\\d+)`).exec(stats)?.[1] ?? -1);
  return { outbound: count('outbound'), inbound: count('inbound') };
}

async function eventually(what: string, ok: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await ok()) return;
    await new Promise((r) => setTimeout(r, 25));
  }
  assert.fail(`not within 5 s: ${what}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function walk(): Promise<void> {
  step('doctor finds nothing missing');
  assert.deepEqual(
    (await checkNode()).filter((c) => !c.ok),
    [],
  );

  step('the node outlives the control plane that started it');
  const starter = spawn(process.execPath, [fileURLToPath(import.meta.url), envoyBinary, runDir], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(starter, 'exit');
  const node = adoptNode(runDir)!;
  assert.ok(node, 'adopted');

  step('pods reach pods');
  let agent = await startAgent(node);
  const a = String(await agent.ask('create', 'a'));
  const b = String(await agent.ask('create', 'b'));
  const serverA = await agent.ask('serve', 'a', 80);
  await agent.ask('serve', 'b', 80);
  assert.equal(await agent.ask('get', 'a', b, 80), `b:80 ${a}`);
  assert.equal(await agent.ask('get', 'a', '127.0.0.1', 80), 'a:80 127.0.0.1');
  await assert.rejects(agent.ask('get', 'a', b, 81), /ECONNREFUSED/);

  step('services by address, spread over their endpoints, from pods and the node');
  const objects = [
    service('web', { clusterIP: '10.96.1.1', ports: [{ ...ports[0], nodePort: 30080 }] }),
    service('self', { clusterIP: '10.96.1.2', ports }),
    service('empty', { clusterIP: '10.96.1.3', ports }),
    service('pods', { clusterIP: 'None', ports }),
  ];
  const slices = [slice('web', a, b), slice('self', a), slice('pods', a, b)];
  assert.equal(await agent.ask('apply', objects, slices), true);
  assert.equal(await agent.ask('apply', objects, slices), false, 'nothing changed, nothing programmed');
  const seen = new Set<string>();
  for (let i = 0; i < 40 && seen.size < 2; i++) seen.add(String(await agent.ask('get', 'b', '10.96.1.1', 80)).slice(0, 4));
  assert.deepEqual([...seen].sort(), ['a:80', 'b:80']);
  assert.match(String(await agent.ask('getFromNode', '0.0.0.0', 'http://10.244.0.1:30080/')), /^[ab]:80 10\.244\.0\.1$/);

  step('a service that loses a backend, gains it, goes and comes back; its neighbour never changes');
  const answers = async (address: string): Promise<string[]> => {
    const all = await Promise.all(Array.from({ length: 30 }, () => agent.ask('get', 'b', address, 80).then((x) => String(x).slice(0, 4))));
    return [...new Set(all)].sort();
  };
  const [, ...others] = objects;
  const turns: [string, typeof objects, typeof slices, string[]][] = [
    ['one backend', objects, [slice('web', a), ...slices.slice(1)], ['a:80']],
    ['the other', objects, [slice('web', b), ...slices.slice(1)], ['b:80']],
    ['both', objects, slices, ['a:80', 'b:80']],
    ['both, the other way round', objects, [slice('web', b, a), ...slices.slice(1)], ['a:80', 'b:80']],
    ['gone', others, slices.slice(1), []],
    ['back', objects, slices, ['a:80', 'b:80']],
  ];
  for (const [what, services, ends, expected] of turns) {
    await agent.ask('apply', services, ends);
    if (expected.length > 0) assert.deepEqual(await answers('10.96.1.1'), expected, what);
    else await assert.rejects(agent.ask('get', 'a', '10.96.1.1', 80), /ECONNREFUSED/, what);
    assert.equal(await agent.ask('get', 'b', '10.96.1.2', 80), `a:80 ${b}`, what);
  }

  step('a pod reaches itself by its service');
  assert.equal(await agent.ask('get', 'a', '10.96.1.2', 80), 'a:80 10.244.0.1');

  step('what has no endpoints refuses at once');
  for (const address of ['10.96.1.3', '10.96.200.1']) {
    await assert.rejects(agent.ask('get', 'a', address, 80), /ECONNREFUSED/);
    assert.equal(await agent.ask('getFromNode', '0.0.0.0', `http://${address}/`), 'ECONNREFUSED\n');
  }

  step('names');
  const names: [string, string, string][] = [
    ['web.test.svc.cluster.local', 'A', '["10.96.1.1"]'],
    ['web.test.svc.cluster.local', 'AAAA', 'ENODATA'],
    ['nope.test.svc.cluster.local', 'A', 'ENOTFOUND'],
    [`${b.replaceAll('.', '-')}.pods.test.svc.cluster.local`, 'A', `["${b}"]`],
    ['example.com', 'A', 'ESERVFAIL'],
  ];
  for (const [name, type, expected] of names) assert.equal(await agent.ask('lookup', 'a', name, type), expected, `${type} ${name}`);
  const headless = JSON.parse(String(await agent.ask('lookup', 'a', 'pods.test.svc.cluster.local', 'A'))) as string[];
  assert.deepEqual(headless.sort(), [a, b].sort());

  step('a sidecar sees what its pod sends and receives, and what it should not it does not');
  const m = String(
    await agent.ask('create', 'm', {
      excludeInboundPorts: [81],
      includeOutboundPorts: [],
      excludeOutboundPorts: [82],
      excludeOutboundCidrs: [`${b}/32`],
    }),
  );
  await agent.ask('serve', 'm', 80);
  await agent.ask('serve', 'm', 81);
  writeFileSync(join(runDir, 'sidecar.json'), JSON.stringify(passthrough()));
  await agent.ask('run', 'm', envoyBinary, '-c', join(runDir, 'sidecar.json'), '--concurrency', '1', '--disable-hot-restart');
  await eventually('sidecar ready', async () =>
    (await get({ socketPath: join(runDir, 'sidecar.sock'), path: '/ready' })).startsWith('LIVE'),
  );
  const flows: [string, readonly unknown[], RegExp, { outbound: number; inbound: number }][] = [
    ['out to a service', ['get', 'm', '10.96.1.2', 80], new RegExp(`^a:80 ${m}$`), { outbound: 1, inbound: 0 }],
    ['out to a pod', ['get', 'm', a, 80], new RegExp(`^a:80 ${m}$`), { outbound: 1, inbound: 0 }],
    ['out to an excluded range', ['get', 'm', b, 80], new RegExp(`^b:80 ${m}$`), { outbound: 0, inbound: 0 }],
    ['out to its own service', ['get', 'm', '10.96.1.4', 80], /^m:80 127\.0\.0\.6$/, { outbound: 1, inbound: 1 }],
    ['in from a pod', ['get', 'a', m, 80], /^m:80 127\.0\.0\.6$/, { outbound: 0, inbound: 1 }],
    ['in to an excluded port', ['get', 'a', m, 81], new RegExp(`^m:81 ${a}$`), { outbound: 0, inbound: 0 }],
    ['in from the node', ['getFromNode', '0.0.0.0', `http://${m}/`], /^m:80 127\.0\.0\.6$/, { outbound: 0, inbound: 1 }],
    ['a probe', ['getFromNode', '169.254.1.1', `http://${m}/`], /^m:80 169\.254\.1\.1$/, { outbound: 0, inbound: 0 }],
    ['to itself', ['get', 'm', m, 80], new RegExp(`^m:80 ${m}$`), { outbound: 0, inbound: 0 }],
    ['over loopback', ['get', 'm', '127.0.0.1', 80], /^m:80 127\.0\.0\.1$/, { outbound: 0, inbound: 0 }],
  ];
  await agent.ask('apply', [...objects, service('meshed', { clusterIP: '10.96.1.4', ports })], [...slices, slice('meshed', m)]);
  for (const [what, command, answer, counted] of flows) {
    const before = await captured();
    assert.match(String(await agent.ask(...command)), answer, what);
    const after = await captured();
    assert.deepEqual(
      { outbound: after['outbound']! - before['outbound']!, inbound: after['inbound']! - before['inbound']! },
      counted,
      what,
    );
  }

  step('host ports lead into the node, change without a restart and are taken over');
  const [first, second] = [await freePort(), await freePort()];
  const open = (): ReturnType<typeof openEdge> => openEdge({ envoyBinary, runDir, node, log: silentLog });
  const edge = open();
  await edge.setPorts([{ hostPort: first, address: '10.96.1.2', port: 80 }]);
  assert.equal(await get({ host: '127.0.0.1', port: first }), 'a:80 10.244.0.1');
  const pids = ['inside', 'outside'].map((side) => readPidFile(join(runDir, 'edge', `${side}.pid`))!);
  edge.leave();
  const again = open();
  await again.setPorts([{ hostPort: second, address: b, port: 80 }]);
  assert.equal(await get({ host: '127.0.0.1', port: second }), 'b:80 10.244.0.1');
  await eventually('the former is let go of', async () => (await get({ host: '127.0.0.1', port: first })) === 'ECONNREFUSED');
  assert.deepEqual(
    ['inside', 'outside'].map((side) => readPidFile(join(runDir, 'edge', `${side}.pid`))),
    pids,
  );
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const takenPort = (taken.address() as AddressInfo).port;
  await assert.rejects(
    again.setPorts([
      { hostPort: second, address: b, port: 80 },
      { hostPort: takenPort, address: b, port: 80 },
    ]),
    { code: 'HostPortTaken' },
  );
  assert.equal(await get({ host: '127.0.0.1', port: second }), 'b:80 10.244.0.1', 'the others work');
  taken.close();

  step('more connections at once than Envoy lets a cluster have by itself');
  const held = Array.from({ length: 1100 }, () => connect(second, '127.0.0.1'));
  try {
    let closed = 0;
    for (const socket of held) socket.on('error', () => {}).once('close', () => closed++);
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    assert.equal(await get({ host: '127.0.0.1', port: second }), 'b:80 10.244.0.1');
    assert.equal(closed, 0, 'closed, though nobody asked for it');
  } finally {
    for (const socket of held) socket.destroy();
  }

  step('an edge proxy that dies comes back');
  process.kill(pids[1]!.pid, 'SIGKILL');
  await eventually('served again', async () => (await get({ host: '127.0.0.1', port: second })) === 'b:80 10.244.0.1');

  step('pods outlive the agent, and the next one finds them');
  const before = await agent.ask('list');
  await agent.kill();
  assert.equal(await get({ host: '127.0.0.1', port: second }), 'b:80 10.244.0.1');
  agent = await startAgent(adoptNode(runDir)!);
  assert.deepEqual(await agent.ask('list'), before);
  await agent.ask('apply', objects, slices);
  assert.equal(await agent.ask('get', 'a', b, 80), `b:80 ${a}`);

  step('orphans are reaped, removed pods are gone');
  await agent.ask('kill', serverA);
  await eventually('no zombie', async () => (await agent.ask('zombies')) === 0);
  await agent.ask('remove', 'a');
  await agent.ask('remove', 'a');
  assert.deepEqual(
    await agent.ask('list'),
    (before as string[]).filter((p) => !p.startsWith('a ')),
  );
  await assert.rejects(agent.ask('get', 'b', a, 80), /timed out|EHOSTUNREACH|ENETUNREACH/);
  assert.notEqual(await agent.ask('create', 'c'), a, 'addresses come back late');

  step('stopping the node leaves nothing');
  again.stop();
  await stopNode(runDir);
  assert.equal(adoptNode(runDir), undefined);
  await eventually('proxies ended', async () => !pids.some(isAlive));
}

try {
  await walk();
} finally {
  await stopNode(runDir);
  for (const side of ['inside', 'outside']) {
    const left = readPidFile(join(runDir, 'edge', `${side}.pid`));
    if (left) process.kill(left.pid, 'SIGKILL');
  }
  rmSync(runDir, { recursive: true, force: true });
}
process.exit(0);
