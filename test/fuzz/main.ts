/** The server that is fuzzed, as a process of its own: the real one over its Unix socket, with a kubelet that only echoes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as turn } from 'node:timers/promises';
import koffi from 'koffi';
import { createCatalog, isApiError, isKept, Namespaces, Pods, type AnyObject } from '../../src/api/index.ts';
import { ADMIN, createAuth, createRegistry, startApiServer, type ExecSession, type Kubelet } from '../../src/apiserver/index.ts';
import { jsonLog, seededRng, systemClock } from '../../src/base/index.ts';
import { loadServerPki } from '../../src/ca/index.ts';
import { openStore } from '../../src/store/index.ts';
import { FUZZ_NAMESPACES, NAMES } from './choice.ts';
import type { Ask, Memory, Told } from './server.ts';

const dir = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
const tell = (told: Told): void => void process.send?.(told);
const clock = systemClock;
const pki = await loadServerPki(join(dir, 'pki'), clock.now());
const store = openStore<AnyObject>({ path: join(dir, 'store') });
const log = jsonLog((line) => tell({ log: line }), Date.now, 'warn');
const catalog = createCatalog();
const core = { store, catalog, clock, rng: seededRng(Number(process.argv[2])), log };
const auth = await createAuth({ ...core, accountKey: pki.accountKey, certificates: pki.clients, tokens: { [pki.adminToken]: ADMIN } });
const registry = createRegistry({ ...core, answers: auth.answers, admission: auth.admission });
const socketPath = join(dir, 'api.sock');
const client = registry.client(ADMIN);

function echo(): ExecSession {
  const stdin = new PassThrough();
  const exit = Promise.withResolvers<number>();
  stdin.once('close', () => exit.resolve(0));
  return {
    stdin,
    stdout: stdin,
    stderr: Readable.from(['fuzzed\n']),
    resize: () => {},
    exit: exit.promise,
    close: () => stdin.destroy(),
  };
}

const echoKubelet: Kubelet = {
  logs: () => Promise.resolve(Readable.from([Buffer.from('a line\n')])),
  exec: () => Promise.resolve(echo()),
  attach: () => Promise.resolve(echo()),
  portForward: () => Promise.resolve(new PassThrough()),
};

/** Takes away objects whose names were generated, and what holds objects that are to go: no more than a bounded number is left. */
async function sweep(): Promise<void> {
  const keep: ReadonlySet<string> = new Set([...NAMES, ...FUZZ_NAMESPACES, 'fuzzed']);
  for (const { resource } of catalog.all().filter(isKept)) {
    // A custom kind goes with its definition.
    const { items } = await client.list(resource).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return { items: [] };
      throw error;
    });
    for (const { metadata } of items) {
      const { name = '', namespace, finalizers, deletionTimestamp } = metadata ?? {};
      const key = { name, namespace };
      if (finalizers) {
        await client.patch(resource, key, { type: 'merge', body: { metadata: { finalizers: null } } }, {}).catch(() => undefined);
      }
      if (!keep.has(name) || (deletionTimestamp && resource.kind === 'Pod')) {
        await client.delete(resource, key, { gracePeriodSeconds: 0 }).catch(() => undefined);
      }
    }
  }
}

const WORDS = ['arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'uordblks', 'fordblks', 'keepcost'] as const;
koffi.struct('mallinfo2', Object.fromEntries(WORDS.map((word) => [word, 'size_t'])));
/** What the C library has given out and not got back; what is resident beyond it is its to use again. */
const mallinfo = koffi.load('libc.so.6').func('mallinfo2 mallinfo2()') as () => Record<(typeof WORDS)[number], number>;

/** After a collection, and without the history that watches begin from. */
async function memory(): Promise<Memory> {
  store.compact(store.revision);
  // What a first collection lets go, such as sockets, holds more.
  for (let n = 0; n < 3; n++) {
    globalThis.gc!();
    await turn(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const { uordblks, hblkhd } = mallinfo();
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
  return { rssMb: mb(rss), heapMb: mb(heapUsed + external), nativeMb: mb(uordblks + hblkhd) };
}

const server = await startApiServer({
  registry,
  kubelet: echoKubelet,
  clock,
  log,
  tls: { cert: pki.cert, key: pki.key },
  port: 0,
  socketPath,
  auth,
  version: 'v1.35.2',
});
for (const name of FUZZ_NAMESPACES) await client.create(Namespaces, { metadata: { name } });
await client.create(Pods, { metadata: { name: 'fuzzed', namespace: 'default' }, spec: { containers: [{ name: 'app', image: 'img' }] } });

process.on('message', (ask: Ask) => {
  void (ask === 'memory' ? memory() : sweep()).then((memoryNow) => tell({ done: memoryNow ?? true }));
});
process.once('disconnect', () => {
  void server
    .close()
    .then(() => store.close())
    .finally(() => rmSync(dir, { recursive: true, force: true }));
});
tell({ serves: socketPath });
