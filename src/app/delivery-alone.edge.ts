/** Delivery without the rest of an instance: on a cluster of others, with its mesh and its Prometheus. Several run; one of them acts. */
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createMetrics, Fault, measureProcess, systemClock, systemRng, uuid, type Log, type Metrics } from '../base/index.ts';
import {
  clusterFromKubeconfig,
  clusterOfPod,
  createDiscovery,
  createHttpClient,
  createInformers,
  electLeader,
  fenced,
  withinNamespace,
  type Cluster,
  type Leadership,
} from '../control/index.ts';
import { createWeb, startDelivery, type Provider } from '../delivery/index.ts';
import { forbidden, LEASE_RULE, missingRules, rulesFor } from './access.ts';
import { clusterHttp } from './cluster-http.edge.ts';
import { asking, REQUEST_MS } from './other-cluster.edge.ts';
import { flaggerMetrics, ownPage } from './own-pages.ts';
import { servePages } from './pages.edge.ts';

export interface DeliveryAloneOptions {
  /** Undefined: the cluster of the pod that this runs in. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** URL of the Prometheus that canaries are measured by. */
  readonly metricsServer: string;
  /** What routes requests where a Canary does not say. */
  readonly provider: Provider;
  /** The only one whose Canaries are worked on; undefined: all. */
  readonly namespace: string | undefined;
  readonly selectorLabels: readonly string[] | undefined;
  /** Undefined: the one of the pod or of the kubeconfig's context. */
  readonly leaseNamespace: string | undefined;
  /** Where /healthz and /metrics are. */
  readonly address: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Flagger's own. */
export const METRICS_SERVER = 'http://prometheus:9090';
const LEASE = 'sluice-leader-election';
/** Requests for the lease end well before it must be renewed. */
const LEASE_REQUEST_MS = 5_000;

const FLAGGER = 'flagger.app/v1beta1';
const CHART = fileURLToPath(new URL('../../charts/sluice', import.meta.url));
/** Where routes are, and which kinds of them are written. */
const ROUTES: Readonly<Record<Provider, readonly [groupVersion: string, names: readonly string[]] | undefined>> = {
  istio: ['networking.istio.io/v1', ['virtualservices', 'destinationrules']],
  'gatewayapi:v1': ['gateway.networking.k8s.io/v1', ['httproutes']],
  'gatewayapi:v1beta1': ['gateway.networking.k8s.io/v1beta1', ['httproutes']],
  nginx: undefined,
  kubernetes: undefined,
};

/** Runs until the signal aborts. Throws a `Fault` when the cluster cannot be worked on: not reached, kinds missing, not allowed. */
export async function runDeliveryAlone(options: DeliveryAloneOptions): Promise<void> {
  const { metricsServer, provider, namespace, selectorLabels, env, log, signal } = options;
  const clock = systemClock;
  const cluster = clusterOf(options);
  const { server } = cluster;
  const lease = { namespace: options.leaseNamespace ?? cluster.namespace ?? 'default', name: LEASE };
  await checkCluster(cluster, options, lease.namespace);

  const own = flaggerMetrics(provider);
  /** Of the time that this instance leads; who only waits has nothing to tell of canaries. */
  let counted: Metrics | undefined;
  own.gauge('leader_election_master_status', 'Whether this instance acts.', ['name'], () => [[[LEASE], counted ? 1 : 0]]);
  measureProcess(own);
  const told = (): Buffer[] => [...own.text(), ...(counted?.text() ?? [])];
  const { address, port } = options;
  const pages = await servePages({ address, port }, (url) => ownPage(url, told), log);
  log.info('delivery waits to lead', { server: server.baseUrl, port: pages.port, namespace: namespace ?? 'all', provider });

  const web = createWeb({ env });
  const http = clusterHttp(async () => undefined);
  async function deliver(leadership: Leadership): Promise<void> {
    const remote = createHttpClient({ ...server, timeoutMs: REQUEST_MS, signal: leadership.lost });
    const client = fenced(withinNamespace(remote, namespace), leadership.holds);
    const informers = createInformers(client, { clock, log, signal: leadership.signal });
    const defaults = { provider, metricsServer, selectorLabels };
    counted = createMetrics();
    const { signal: stop } = leadership;
    await startDelivery({ informers, metrics: undefined, defaults, counted, http, web, env, clock, log, signal: stop });
    counted = undefined;
  }
  const identity = `${hostname()}_${uuid(systemRng)}`;
  const client = createHttpClient({ ...server, timeoutMs: LEASE_REQUEST_MS });
  await electLeader({ client, lease, identity, clock, rng: systemRng, log, signal }, deliver);
  await pages.close();
  log.info('delivery has ended');
}

function clusterOf({ kubeconfig, context, env }: DeliveryAloneOptions): Cluster {
  if (kubeconfig !== undefined) return clusterFromKubeconfig(kubeconfig, context, env, systemClock);
  const cluster = clusterOfPod(env, systemClock);
  if (cluster) return cluster;
  throw new Fault('ClusterUnknown', 'it is not said which cluster to work on, and this is no pod of one', {
    hint: 'Give --kubeconfig FILE. In a pod the token of its ServiceAccount is used: automountServiceAccountToken must not be false.',
  });
}

/** Says before anything is begun what would go wrong later, a canary at a time. */
async function checkCluster({ server }: Cluster, options: DeliveryAloneOptions, leaseNamespace: string): Promise<void> {
  const { provider, namespace } = options;
  const { baseUrl } = server;
  const limits = { ...server, timeoutMs: REQUEST_MS, signal: options.signal };
  const discovery = createDiscovery(limits);
  const client = createHttpClient(limits);
  await asking(baseUrl, async () => {
    const kinds = await discovery.names(FLAGGER);
    if (!['canaries', 'metrictemplates', 'alertproviders'].every((kind) => kinds.includes(kind)))
      throw new Fault('KindsMissing', `the API at ${baseUrl} does not know Canary, MetricTemplate and AlertProvider (${FLAGGER})`, {
        hint: `Install them: kubectl apply --server-side -f ${CHART}/crds, or the chart ${CHART} with helm.`,
      });
    // Flagger's own definitions lack what is answered and remembered in the status: it would be dropped, and done again.
    if (!JSON.stringify(await discovery.schemas(FLAGGER)).includes('"handled"'))
      throw new Fault('KindsOlder', `the Canary that the API at ${baseUrl} knows has no status.handled: it is an older one, or Flagger's`, {
        hint: `Bring it up to date, which leaves all Canaries as they are: kubectl apply --server-side --force-conflicts -f ${CHART}/crds`,
      });
    const [group, names = []] = ROUTES[provider] ?? [];
    const routes = group === undefined ? [] : await discovery.names(group);
    const absent = names.filter((name) => !routes.includes(name));
    if (absent.length > 0)
      throw new Fault('KindsMissing', `the API at ${baseUrl} does not know ${absent.join(' and ')} of ${group}`, {
        hint: `Install what routes requests (${provider}) with its kinds in that version, or name what does: --mesh-provider.`,
      });
    const missing = await missingRules(client, rulesFor(provider), namespace);
    if (missing.length > 0) throw forbidden(missing, namespace === undefined ? 'in all namespaces' : `in namespace ${namespace}`);
    const leases = await missingRules(client, [LEASE_RULE], leaseNamespace);
    if (leases.length > 0) throw forbidden(leases, `in namespace ${leaseNamespace}, for the lease`);
  });
}
