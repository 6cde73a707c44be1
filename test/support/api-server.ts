/** An API server of its own for a test: a temporary store, a fake kubelet, and a kubeconfig for the real kubectl. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCatalog, Namespaces, StorageClasses, type AnyObject } from '../../src/api/index.ts';
import { ADMIN, createAuth, createRegistry, startApiServer, startAuthControllers, writeKubeconfig } from '../../src/apiserver/index.ts';
import { silentLog, systemClock, systemRng } from '../../src/base/index.ts';
import { loadServerPki } from '../../src/ca/index.ts';
import type { Client } from '../../src/control/index.ts';
import { openStore } from '../../src/store/index.ts';
import { PROVISIONER, startWorkloads } from '../../src/workloads/index.ts';
import { fakeKubelet, type FakeKubelet } from './fake-kubelet.ts';
import { startFakeNodes } from './fake-node.ts';
import { kubectlWith, type Kubectl } from './kubectl.ts';

export interface TestApi {
  readonly kubectl: Kubectl;
  readonly kubelet: FakeKubelet;
  /** In-process, as the administrator. */
  readonly client: Client;
  /** Home of kubectl; for files of the test. */
  readonly dir: string;
  readonly socketPath: string;
  readonly url: string;
  readonly ca: string;
  readonly token: string;
  /** Makes the server forget its history. */
  compact(): void;
  close(): Promise<void>;
}

export interface TestApiOptions {
  /** The controllers run, and nodes of these names that run nothing. */
  readonly nodes?: readonly string[];
}

export async function startTestApi({ nodes }: TestApiOptions = {}): Promise<TestApi> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-kubectl-'));
  const clock = systemClock;
  const pki = await loadServerPki(join(dir, 'pki'), clock.now());
  const store = openStore<AnyObject>({ path: join(dir, 'store') });
  const catalog = createCatalog();
  const core = { store, catalog, clock, rng: systemRng, log: silentLog };
  const auth = await createAuth({ ...core, accountKey: pki.accountKey, certificates: pki.clients, tokens: { [pki.adminToken]: ADMIN } });
  const registry = createRegistry({ ...core, answers: auth.answers, admission: auth.admission });
  const kubelet = fakeKubelet();
  const socketPath = join(dir, 'api.sock');
  const server = await startApiServer({
    registry,
    kubelet,
    clock,
    log: silentLog,
    tls: { cert: pki.cert, key: pki.key, ca: pki.ca },
    port: 0,
    socketPath,
    auth,
    version: 'v1.35.2',
  });
  const url = `https://127.0.0.1:${server.port}`;
  const kubeconfig = join(dir, 'kubeconfig');
  writeKubeconfig(kubeconfig, { name: 'sluice', server: url, caCert: pki.ca, token: pki.adminToken });
  const client = registry.client(ADMIN);
  if (!(await client.get(Namespaces, { name: 'default' }))) await client.create(Namespaces, { metadata: { name: 'default' } });
  const stop = new AbortController();
  const around = { client, clock, log: silentLog, signal: stop.signal };
  const authControllers = await startAuthControllers({ auth, ...around, rootCertificate: pki.ca });
  const controllers =
    nodes &&
    (await startWorkloads({
      ...around,
      catalog,
      rng: systemRng,
      rootCertificate: pki.ca,
      loadBalancerAddress: '127.0.0.1',
      volumesDirectory: join(dir, 'volumes'),
    }));
  if (nodes) {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await client.create(StorageClasses, { metadata: { name: 'standard', annotations }, provisioner: PROVISIONER });
    await startFakeNodes({ ...around, names: nodes });
  }
  return {
    kubectl: kubectlWith(dir, kubeconfig),
    kubelet,
    client,
    dir,
    socketPath,
    url,
    ca: pki.ca,
    token: pki.adminToken,
    compact: () => store.compact(store.revision),
    async close() {
      stop.abort();
      await Promise.all([controllers?.done, authControllers.done]);
      await server.close();
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
