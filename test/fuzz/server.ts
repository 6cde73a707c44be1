/** The server that is fuzzed: the real one over its Unix socket, with a kubelet that only echoes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { createCatalog, Namespaces, Pods, type AnyObject, type Catalog } from '../../src/api/index.ts';
import { ADMIN, createAuth, createRegistry, startApiServer, type ExecSession, type Kubelet } from '../../src/apiserver/index.ts';
import { jsonLog, seededRng, systemClock } from '../../src/base/index.ts';
import { loadServerPki } from '../../src/ca/index.ts';
import type { Client } from '../../src/control/index.ts';
import { openStore } from '../../src/store/index.ts';
import { FUZZ_NAMESPACES } from './choice.ts';

export interface FuzzServer {
  readonly socketPath: string;
  readonly client: Client;
  readonly catalog: Catalog;
  /** The last lines of its log. */
  readonly log: readonly string[];
  compact(): void;
  close(): Promise<void>;
}

export async function startFuzzServer(seed: number): Promise<FuzzServer> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  const clock = systemClock;
  const pki = await loadServerPki(join(dir, 'pki'), clock.now());
  const store = openStore<AnyObject>({ path: join(dir, 'store') });
  const lines: string[] = [];
  const log = jsonLog(
    (line) => {
      lines.push(line);
      if (lines.length > 20) lines.shift();
    },
    Date.now,
    'warn',
  );
  const catalog = createCatalog();
  const core = { store, catalog, clock, rng: seededRng(seed), log };
  const auth = await createAuth({ ...core, accountKey: pki.accountKey, certificates: pki.clients, tokens: { [pki.adminToken]: ADMIN } });
  const registry = createRegistry({ ...core, answers: auth.answers, admission: auth.admission });
  const socketPath = join(dir, 'api.sock');
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
  const client = registry.client(ADMIN);
  for (const name of FUZZ_NAMESPACES) await client.create(Namespaces, { metadata: { name } });
  await client.create(Pods, { metadata: { name: 'fuzzed', namespace: 'default' }, spec: { containers: [{ name: 'app', image: 'img' }] } });
  return {
    socketPath,
    client,
    catalog,
    log: lines,
    compact: () => store.compact(store.revision),
    async close() {
      await server.close();
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

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
