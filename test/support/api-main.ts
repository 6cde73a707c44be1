/** The API server alone, as a process of its own: store, verbs and HTTP; with the controllers when asked. Says one line of JSON when it serves. */
import { join } from 'node:path';
import { createCatalog, Namespaces, type AnyObject } from '../../src/api/index.ts';
import { ADMIN, createAuth, createRegistry, startApiServer, startAuthControllers } from '../../src/apiserver/index.ts';
import { jsonLog, systemClock, systemRng } from '../../src/base/index.ts';
import { loadServerPki } from '../../src/ca/index.ts';
import { openStore } from '../../src/store/index.ts';
import { startWorkloads } from '../../src/workloads/index.ts';
import type { ApiProcessOptions } from './api-process.ts';
import { fakeKubelet } from './fake-kubelet.ts';

const { dir, port, controllers, namespaces } = JSON.parse(process.argv[2]!) as Required<ApiProcessOptions>;
const clock = systemClock;
const rng = systemRng;
const log = jsonLog((line) => process.stderr.write(line), Date.now, 'error');
const pki = await loadServerPki(join(dir, 'pki'), clock.now());
const store = openStore<AnyObject>({ path: join(dir, 'store') });
const catalog = createCatalog();
const core = { store, catalog, clock, rng, log };
const auth = await createAuth({ ...core, accountKey: pki.accountKey, certificates: pki.clients, tokens: { [pki.adminToken]: ADMIN } });
const registry = createRegistry({ ...core, answers: auth.answers, admission: auth.admission });
const client = registry.client(ADMIN);
const server = await startApiServer({
  registry,
  kubelet: fakeKubelet(),
  clock,
  log,
  tls: { cert: pki.cert, key: pki.key, ca: pki.ca },
  port,
  socketPath: join(dir, 'api.sock'),
  auth,
  version: 'v1.35.2',
});
if (controllers) {
  const { signal } = new AbortController();
  await startAuthControllers({ auth, client, clock, log, signal, rootCertificate: pki.ca });
  await startWorkloads({
    client,
    catalog,
    clock,
    rng,
    log,
    signal,
    rootCertificate: pki.ca,
    loadBalancerAddress: '127.0.0.1',
    volumesDirectory: join(dir, 'volumes'),
  });
}
for (const name of namespaces) {
  if (!(await client.get(Namespaces, { name }))) await client.create(Namespaces, { metadata: { name } });
}
process.stdout.write(`${JSON.stringify({ port: server.port, ca: pki.ca, token: pki.adminToken })}\n`);
