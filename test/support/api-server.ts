/** An API server of its own for a test: a temporary store, a fake kubelet, and a kubeconfig for the real kubectl. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCatalog, Namespaces, type AnyObject } from '../../src/api/index.ts';
import { ADMIN, createAuth, createRegistry, startApiServer, writeKubeconfig } from '../../src/apiserver/index.ts';
import { silentLog, systemClock, systemRng } from '../../src/base/index.ts';
import { loadServerPki } from '../../src/ca/index.ts';
import type { Client } from '../../src/control/index.ts';
import { openStore } from '../../src/store/index.ts';
import { fakeKubelet, type FakeKubelet } from './fake-kubelet.ts';
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

export async function startTestApi(): Promise<TestApi> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-kubectl-'));
  const clock = systemClock;
  const pki = await loadServerPki(join(dir, 'pki'), clock.now());
  const store = openStore<AnyObject>({ path: join(dir, 'store') });
  const core = { store, catalog: createCatalog(), clock, rng: systemRng, log: silentLog };
  const auth = await createAuth({ ...core, accountKey: pki.accountKey, tokens: { [pki.adminToken]: ADMIN } });
  const registry = createRegistry({ ...core, answers: auth.answers });
  const kubelet = fakeKubelet();
  const socketPath = join(dir, 'api.sock');
  const server = await startApiServer({
    registry,
    kubelet,
    clock,
    log: silentLog,
    tls: { cert: pki.cert, key: pki.key },
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
      await server.close();
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
