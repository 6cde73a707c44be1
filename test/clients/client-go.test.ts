/**
 * A Go program of client-go and controller-runtime (`go/`) against the server: typed clients that send protobuf, informers that start
 * with WatchList, leader election, server-side apply, streams. It is built here, with Go's caches; where there is no Go, or its
 * modules cannot be had, the test is skipped and says so.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Pods } from '../../src/api/index.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';

const SOURCE = fileURLToPath(new URL('go', import.meta.url));
const BUILD_TIMEOUT_MS = 280_000;

/** Why there is no program, or undefined when it is at `path`. */
function build(path: string): string | undefined {
  const options = { cwd: SOURCE, encoding: 'utf8', timeout: BUILD_TIMEOUT_MS } as const;
  if (spawnSync('go', ['version'], options).status !== 0) return 'there is no Go on this machine';
  const download = spawnSync('go', ['mod', 'download'], options);
  if (download.status !== 0) return `the modules cannot be had: ${download.stderr.trim().split('\n')[0]}`;
  const built = spawnSync('go', ['build', '-o', path, '.'], options);
  assert.equal(built.status, 0, built.stderr);
  return undefined;
}

let api: TestApi;
let app: Server;
before(async () => {
  api = await startTestApi({ nodes: ['a'] });
  await api.client.create(Pods, { metadata: { name: 'web', namespace: 'default' }, spec: { containers: [{ name: 'app', image: 'img' }] } });
  api.kubelet.log('default/web', 'hello');
  app = createServer((_req, res) => res.end('pong'));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  app.close();
  app.closeAllConnections();
  await api.close();
});

interface Check {
  readonly name: string;
  readonly error?: string;
  readonly ms: number;
  readonly requests: readonly string[];
}

test('client-go and controller-runtime', { timeout: 300_000 }, async (t) => {
  const program = join(api.dir, 'clients');
  const missing = build(program);
  if (missing) return t.skip(missing);
  const args = ['-kubeconfig', join(api.dir, 'kubeconfig'), '-pod', 'web', '-port', String((app.address() as AddressInfo).port)];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors = (errors + String(chunk)).slice(-8192)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let checks = 0;
  for await (const line of createInterface(child.stdout)) {
    const check = JSON.parse(line) as Check;
    checks++;
    await t.test(check.name, () => assert.equal(check.error, undefined, [check.error, ...check.requests].join('\n')));
  }
  assert.equal(await ended, 0, errors);
  assert.ok(checks > 20, `${checks} checks`);
});
