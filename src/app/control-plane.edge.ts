/** Wires the rooms into one control plane. Order matters: what is listened to comes before what calls it. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createCatalog, keyOf, Nodes, Pods, Secrets, ServiceAccounts, Services, type AnyObject } from '../api/index.ts';
import {
  accountOf,
  ADMIN,
  createDialer,
  createAuth,
  createKubeletClient,
  createRegistry,
  serviceAccountAdmission,
  createWebhookCaller,
  SERVER,
  startApiServer,
  startAuthControllers,
  writeKubeconfig,
  type Registry,
} from '../apiserver/index.ts';
import { systemClock, systemRng, type Log } from '../base/index.ts';
import { createCa, createIdentities, loadRoot, loadServerPki } from '../ca/index.ts';
import { createInformers } from '../control/index.ts';
import { createWeb, flagger, startDelivery } from '../delivery/index.ts';
import { createTranslator } from '../envoy/index.ts';
import {
  defaultMeshConfig,
  gatewayClasses,
  ingressClasses,
  ingressGateway,
  injectorConfigMap,
  istiod,
  leadsToIstiod,
  prometheusService,
} from '../mesh/index.ts';
import { adoptNode } from '../node/index.ts';
import { openStore } from '../store/index.ts';
import { startWorkloads } from '../workloads/index.ts';
import { startXds } from '../xds/index.ts';
import { canaryAccounts, canaryCommands } from './canary-parts.ts';
import { clusterDial, clusterHttp } from './cluster-http.edge.ts';
import { openFlagger } from './flagger.edge.ts';
import { applyAll, createMeshConfigMap, kubernetesService, priorityClasses, standardStorage } from './first-objects.ts';
import { injectionPlace, sidecarAdmission } from './mesh/injection.ts';
import type { ControlPlaneInput } from './instance/config.ts';
import { reportIngressAddress } from './mesh/ingress-status.ts';
import { answer } from './mesh/istiod.ts';
import { serveIstiodXds } from './mesh/istiod-xds.edge.ts';
import { feedMesh } from './mesh/mesh-feed.ts';
import { secretsFor } from './mesh/mesh-secrets.ts';
import { servePages } from './pages.edge.ts';
import { markNodesDown } from './node/node-down.ts';
import { runNode } from './node/node.edge.ts';
import { nodeMetricsOf, podMetricsOf, useOfPods } from './telemetry/resource-metrics.ts';
import { rememberBad } from './telemetry/bad-requests.ts';
import { feedTelemetry } from './telemetry/telemetry-feed.edge.ts';
import { claimStore } from './instance/turn.edge.ts';
import { askUsage } from './telemetry/usage.edge.ts';
import { usageOf, type Usage } from './telemetry/usage.ts';
import { versions } from './instance/versions.ts';

const TRUST_DOMAIN = 'cluster.local';
/** Where the host reaches what pods offer. */
const HOST_ADDRESS = '127.0.0.1';

/** How long an issuer has to show its keys. */
const KEYS_TIMEOUT_MS = 5000;

/** Runs until the signal aborts. The node and the edge outlive it: the next control plane takes them over. */
export async function runControlPlane(input: ControlPlaneInput, log: Log, signal: AbortSignal): Promise<void> {
  const { paths, config } = input;
  const clock = systemClock;
  const rng = systemRng;
  const now = clock.now();
  claimStore(paths);
  // Before the node starts: it shows these directories to pods.
  for (const file of [paths.xdsSocket, paths.istiodSocket, paths.flaggerSocket, paths.flaggerLog])
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });

  const pki = await loadServerPki(paths.pkiDir, now);
  const catalog = createCatalog();
  const store = openStore<AnyObject>({ path: paths.storeDir, notice: (text) => log.warn(text) });
  const core = { store, catalog, clock, rng, log };
  const auth = await createAuth({ ...core, accountKey: pki.accountKey, certificates: pki.clients, tokens: { [pki.adminToken]: ADMIN } });
  const kubelet = createKubeletClient({ socketPath: paths.nodeSocket });
  const dialer = createDialer(() => client, kubelet);
  const usage = usageOf(() => askUsage(paths.nodeSocket), clock);
  const measured = async <T>(of: (usage: Usage) => Promise<T[]>): Promise<T[]> => {
    const now = await usage();
    return now ? of(now) : [];
  };
  const registry: Registry = createRegistry({
    ...core,
    answers: new Map([...auth.answers, ...canaryCommands({ clientOf: (user) => registry.client(user), clock, signal })]),
    accounts: canaryAccounts,
    callWebhook: createWebhookCaller({ dialer, clock }),
    computed: new Map([
      ['metrics.k8s.io/nodes', () => measured(async (now) => nodeMetricsOf(now, (await client.list(Nodes)).items))],
      [
        'metrics.k8s.io/pods',
        (namespace?: string) => measured(async (now) => podMetricsOf(now, (await client.list(Pods, { namespace })).items, namespace)),
      ],
    ]),
    admission: [
      ...auth.admission,
      serviceAccountAdmission({ find: (key) => registry.client(ADMIN).get(ServiceAccounts, key), clock, rng }),
      sidecarAdmission((namespace) => injectionPlace(registry.client(ADMIN), namespace)),
    ],
  });
  const client = registry.client(ADMIN);
  // What the instance itself lives by is written by the server's own hand, which no webhook is asked about: it may run in here.
  const own = registry.client(SERVER);
  if (!adoptNode(paths.runDir)) await markNodesDown(own, now);
  const api = await startApiServer({
    registry,
    kubelet,
    clock,
    log,
    tls: { cert: pki.cert, key: pki.key, ca: pki.ca },
    port: config.apiPort,
    socketPath: paths.apiSocket,
    tlsSocketPath: paths.apiTlsSocket,
    auth,
    version: versions.kubernetes,
  });
  writeKubeconfig(paths.kubeconfig, {
    name: paths.context,
    server: `https://127.0.0.1:${api.port}`,
    caCert: pki.ca,
    token: pki.adminToken,
  });

  const workloads = await startWorkloads({
    client,
    catalog,
    clock,
    rng,
    log,
    signal,
    useOfPods: async () => useOfPods(await usage()),
    rootCertificate: pki.ca,
    loadBalancerAddress: HOST_ADDRESS,
    volumesDirectory: paths.volumesDir,
  });
  const authControllers = await startAuthControllers({ auth, client: own, clock, log, signal, rootCertificate: pki.ca });
  const informers = createInformers(client, { clock, log, signal });
  const node = runNode({ input, informers, log, clock, signal });

  const root = await loadRoot(join(paths.pkiDir, 'mesh'), TRUST_DOMAIN, now);
  const ca = await createCa({ root, trustDomain: TRUST_DOMAIN, now });
  const identities = createIdentities({ issue: ca.issue, clock, log });
  const requests = rememberBad();
  const xds = await startXds({
    socketPath: paths.xdsSocket,
    clock,
    log,
    resolve: (n) => {
      const id = n.id.split('~')[2];
      return id ? { proxyId: id } : { reject: `"${n.id}" is not a proxy of this mesh` };
    },
    secrets: secretsFor(informers, identities, ca.rootCertPem),
    onLogged: (request) => requests.note(request),
  });
  identities.onRenewed(() => xds.secretsChanged());
  informers.of(Secrets).onChange(() => xds.secretsChanged());
  const ownPrometheus = async (): Promise<boolean> => {
    const found = await own.get(Services, keyOf(prometheusService));
    return found === undefined || leadsToIstiod(found);
  };
  await applyAll(own, [
    ...priorityClasses,
    ...kubernetesService,
    standardStorage,
    ...ingressClasses,
    ...gatewayClasses,
    ...ingressGateway(),
    ...istiod(),
    ...((await ownPrometheus()) ? [prometheusService] : []),
    injectorConfigMap(),
    ...flagger(),
  ]);
  await createMeshConfigMap(own);
  const mesh = { ...defaultMeshConfig, httpsPort: config.httpsPort, hostAddress: HOST_ADDRESS };
  const dial = clusterDial(dialer, config.prometheusPort, ownPrometheus);
  const web = createWeb({ dial, env: process.env });
  const fetchKeys = async (url: string, timeoutMs = KEYS_TIMEOUT_MS): Promise<string> => {
    const { status, body } = await web.send({ url, timeoutMs });
    if (status !== 200) throw new Error(`it answers with ${status}`);
    return body;
  };
  const view = await feedMesh({
    informers,
    translator: createTranslator(),
    xds,
    config: mesh,
    fetchKeys,
    version: versions.sluice,
    clock,
    log,
    signal,
  });
  const told = { ...view, version: versions.sluice, proxyVersion: versions.envoy };
  const debug = await servePages({ socketPath: paths.istiodSocket }, (url) => answer(told, url), log);
  const endDebugXds = await serveIstiodXds({
    socketPath: paths.istiodXdsSocket,
    istiod: told,
    tls: pki,
    namespaceOf: async (token) => accountOf((await auth.accountTokens.authenticate(token, ['istio-ca']))?.user.name ?? '')?.namespace,
    rootNamespace: mesh.rootNamespace,
    log,
  });
  const shown = await openFlagger(paths, clock, log);
  const addresses = reportIngressAddress({ informers, address: HOST_ADDRESS, clock, log, signal });

  const telemetry = await feedTelemetry({
    informers,
    proxyDir: paths.proxyDir,
    istiodSocket: paths.istiodSocket,
    flaggerSocket: paths.flaggerSocket,
    port: config.prometheusPort,
    prometheusSocket: paths.prometheusSocket,
    clock,
    log,
  });
  const delivery = startDelivery({
    informers,
    metrics: telemetry,
    requests,
    counted: shown.metrics,
    http: clusterHttp(dial),
    web,
    env: process.env,
    clock,
    log: shown.log,
    signal,
  });
  log.info('the control plane is up', { api: api.port, ms: Math.round(clock.now() - now) });

  await Promise.all([node, workloads.done, authControllers.done, delivery, addresses]);
  identities.close();
  await Promise.all([xds.close(), debug.close(), endDebugXds(), shown.close(), telemetry.close(), api.close()]);
  await store.close();
}
