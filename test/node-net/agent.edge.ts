/**
 * Stands in for the node's agent: runs inside the node and does one thing per line of JSON on its input.
 * What it starts in pods outlives it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { silentLog } from '../../src/base/index.ts';
import { startDns } from '../../src/node/dns/server.edge.ts';
import { zoneBuilder, type Zone } from '../../src/node/dns/zone.ts';
import { DNS_ADDRESS } from '../../src/node/net/addresses.ts';
import { prepareNodeNetwork } from '../../src/node/net/node-network.edge.ts';
import { podNetworks } from '../../src/node/net/pod-network.edge.ts';
import { groupServices } from '../../src/node/net/service-groups.ts';
import { serviceProxy } from '../../src/node/net/services.edge.ts';
import type { Capture } from '../../src/node/net/types.ts';

type Objects = Parameters<typeof groupServices>;

prepareNodeNetwork();
const pods = podNetworks(process.argv[2]!);
const proxy = serviceProxy();
const zoneOf = zoneBuilder();
let zone: Zone = new Map();
await startDns({ address: DNS_ADDRESS, port: 53, zone: () => zone, log: silentLog });

const commands: Record<string, (...args: never[]) => unknown> = {
  create: (uid: string, capture?: Capture) => pods.create(uid, capture).ip,
  remove: (uid: string) => pods.remove(uid),
  list: () => pods.list().map((p) => `${p.uid} ${p.ip}`),
  apply(services: Objects[0], slices: Objects[1]) {
    const groups = groupServices(services, slices);
    zone = zoneOf(groups);
    return proxy.apply(groups);
  },
  /** An HTTP server in a pod, which answers with its name and the client's address. */
  async serve(uid: string, port: number) {
    const script = `require('http').createServer((q, s) => s.end('${uid}:${port} ' + q.socket.remoteAddress)).listen(${port}, '0.0.0.0', () => console.log('up'))`;
    const child = pods.within(uid, () => spawn(process.execPath, ['-e', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] }));
    await once(child.stdout, 'data');
    child.stdout.destroy();
    child.unref();
    return child.pid;
  },
  run(uid: string, command: string, ...args: string[]) {
    pods.within(uid, () => spawn(command, args, { detached: true, stdio: 'ignore' })).unref();
  },
  kill: (pid: number) => process.kill(pid, 'SIGKILL'),
  /** GET from inside a pod, by its own socket. */
  get: (uid: string, host: string, port: number) =>
    new Promise((resolve, reject) => {
      const socket = pods.connect(uid, host, port);
      socket.setTimeout(3000, () => socket.destroy(new Error('timed out')));
      let all = '';
      socket.on('data', (d) => (all += String(d))).on('error', reject);
      socket.on('end', () => resolve(all.slice(all.indexOf('\r\n\r\n') + 4)));
      socket.write('GET / HTTP/1.0\r\n\r\n');
    }),
  /** GET from the node itself, from the address given. */
  async getFromNode(localAddress: string, url: string) {
    const script = `require('http').get('${url}', { localAddress: '${localAddress}' }, (r) => r.pipe(process.stdout)).on('error', (e) => console.log(e.code))`;
    return text(spawn(process.execPath, ['-e', script]).stdout);
  },
  async lookup(uid: string, name: string, type: string) {
    const script = `const r = new (require('dns').Resolver)({ timeout: 1000, tries: 1 }); r.setServers(['${DNS_ADDRESS}']); r.resolve('${name}', '${type}', (e, a) => console.log(e ? e.code : JSON.stringify(a)))`;
    return (await text(pods.within(uid, () => spawn(process.execPath, ['-e', script])).stdout)).trim();
  },
  zombies: () =>
    readdirSync('/proc').filter((d) => {
      try {
        return /^\d+$/.test(d) && /\) Z /.test(readFileSync(`/proc/${d}/stat`, 'latin1'));
      } catch {
        return false;
      }
    }).length,
};

const say = (message: unknown): boolean => process.stdout.write(`${JSON.stringify(message)}\n`);
say({ ready: true });
for await (const line of createInterface(process.stdin)) {
  const [name, ...args] = JSON.parse(line) as [string, ...never[]];
  try {
    say({ result: await commands[name]!(...args) });
  } catch (e) {
    say({ error: e instanceof Error ? e.message : String(e) });
  }
}
