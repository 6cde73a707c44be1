import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { createCatalog, type AnyObject } from '../../api/index.ts';
import { silentLog, systemClock, systemRng } from '../../base/index.ts';
import { loadServerPki, type ServerPki } from '../../ca/index.ts';
import { memoryStore } from '../../store/index.ts';
import { createAuth } from '../auth/auth.ts';
import { ADMIN } from '../auth/identity.ts';
import { createRegistry } from '../create-registry.ts';
import type { Kubelet } from '../kubelet.ts';
import { startApiServer, type ApiServer } from './server.edge.ts';

let dir: string;
let pki: ServerPki;
let server: ApiServer;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-door-'));
  pki = await loadServerPki(join(dir, 'pki'), Date.now());
  const none = (): never => assert.fail('not part of these tests');
  const kubelet: Kubelet = { logs: none, exec: none, attach: none, portForward: none };
  const core = { store: memoryStore<AnyObject>(), catalog: createCatalog(), clock: systemClock, rng: systemRng, log: silentLog };
  server = await startApiServer({
    registry: createRegistry(core),
    kubelet,
    clock: systemClock,
    log: silentLog,
    tls: pki,
    port: 0,
    socketPath: join(dir, 'api.sock'),
    tlsSocketPath: join(dir, 'api-tls.sock'),
    auth: await createAuth({ ...core, accountKey: pki.accountKey, certificates: pki.clients, tokens: { [pki.adminToken]: ADMIN } }),
    version: 'v1.35.2',
  });
});
after(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** As a pod asks: TLS through the socket, by the name of the Service. */
function ask(path: string, servername: string, token?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(join(dir, 'api-tls.sock'));
    const headers = { host: servername, ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const options: RequestOptions = { createConnection: () => connect({ socket, servername, ca: pki.ca }), path, headers };
    const req = request(options, (res) => resolve(res.resume().statusCode!));
    req.once('error', reject).end();
  });
}

test('the TLS socket answers by the names that pods use, and takes nobody for more than what they send', async () => {
  for (const name of ['kubernetes.default.svc', 'kubernetes.default', 'kubernetes.default.svc.cluster.local']) {
    assert.equal(await ask('/version', name), 200, name);
  }
  assert.equal(await ask('/api/v1/nodes', 'kubernetes.default.svc'), 403, 'without a token: anonymous');
  assert.equal(await ask('/api/v1/nodes', 'kubernetes.default.svc', 'made-up'), 401);
  assert.equal(await ask('/api/v1/nodes', 'kubernetes.default.svc', pki.adminToken), 200);
  assert.equal(statSync(join(dir, 'api-tls.sock')).mode & 0o777, 0o600);
});

test('it does not serve without TLS', async () => {
  await assert.rejects(
    new Promise((resolve, reject) =>
      plainRequest({ socketPath: join(dir, 'api-tls.sock'), path: '/api/v1/nodes' }, resolve)
        .once('error', reject)
        .end(),
    ),
  );
});
