/** What istiod tells of itself by HTTP, as far as istioctl, Kiali and people read it. Pure: what is known comes in. */
import { decode, type Json, type ProxyResources } from '../../envoy/index.ts';
import { createModeler, type Problem, type Proxy, type Snapshot } from '../../mesh/index.ts';
import type { ProxyState } from '../../xds/index.ts';
import type { Page } from '../own-pages.ts';

export interface KnownProxy {
  readonly proxy: Proxy;
  readonly state: ProxyState;
  /** Absent until something was published for it. */
  readonly resources: ProxyResources | undefined;
}

export interface Istiod {
  readonly version: string;
  readonly proxyVersion: string;
  proxies(): readonly KnownProxy[];
  snapshot(): Snapshot;
  problems(): readonly Problem[];
  /** In Prometheus' text format. */
  metrics(): string;
}

const PAGES: Readonly<Record<string, (istiod: Istiod, url: URL) => unknown>> = {
  '/debug/syncz': (istiod) => istiod.proxies().flatMap((p) => (p.state.connected ? [syncOf(p, istiod)] : [])),
  '/debug/connections': connections,
  '/debug/adsz': connections,
  '/debug/registryz': registry,
  '/debug/endpointz': endpoints,
  '/debug/configz': ({ snapshot }) => configOf(snapshot()),
  '/debug/config_dump': dumpOf,
  '/debug/mesh': ({ snapshot }) => createModeler()(snapshot()).config,
  '/debug/push_status': ({ proxies }) => ({
    ProxyStatus: Object.fromEntries(
      proxies().flatMap(({ proxy, state }) => (state.rejections.length ? [[proxy.id, { message: state.rejections }]] : [])),
    ),
  }),
  '/debug/problems': ({ problems }) => problems(),
  '/debug/list': () => Object.keys(PAGES).sort(),
};

export function answer(istiod: Istiod, url: URL): Page {
  switch (url.pathname) {
    case '/ready':
      return { status: 200, body: 'ready\n' };
    case '/version':
      // istioctl takes it apart at its last two dashes.
      return { status: 200, body: `${istiod.version}-sluice-Clean` };
    case '/metrics':
    // The path by which the instance's own metrics are collected.
    case '/stats':
      return { status: 200, body: istiod.metrics() };
    case '/debug':
      return { status: 200, body: PAGES['/debug/list']!(istiod, url) };
  }
  const page = PAGES[url.pathname];
  if (!page) return { status: 404, body: `there is no ${url.pathname}; see /debug/list\n` };
  const body = page(istiod, url);
  return body === undefined ? { status: 404, body: 'there is no such proxy; see /debug/connections\n' } : { status: 200, body };
}

const SYNCED = ['cluster', 'listener', 'route', 'endpoint'] as const;
type Counter = `${(typeof SYNCED)[number]}_${'sent' | 'acked'}`;

/** As `/debug/syncz` says it. What was sent and what was answered are equal when the proxy has it all; absent: nothing was sent. */
export interface ProxyStatus extends Readonly<Partial<Record<Counter, string>>> {
  readonly cluster_id: string;
  /** `pod.namespace`. */
  readonly proxy: string;
  readonly proxy_type: 'router' | 'sidecar';
  readonly proxy_version: string;
  readonly istio_version: string;
  readonly rejected?: ProxyState['rejections'];
}

function syncOf({ proxy, state }: KnownProxy, { version, proxyVersion }: Istiod): ProxyStatus {
  const sent = (name: (typeof SYNCED)[number]): Partial<Record<Counter, string>> => {
    const { [name]: how } = state.sync;
    if (how === 'notSent') return {};
    const number = String(state.published);
    return {
      [`${name}_sent`]: number,
      ...(how === 'synced' ? { [`${name}_acked`]: number } : state.acked ? { [`${name}_acked`]: String(state.acked) } : {}),
    };
  };
  return {
    cluster_id: 'Kubernetes',
    proxy: proxy.id,
    proxy_type: proxy.kind === 'gateway' ? 'router' : 'sidecar',
    proxy_version: proxyVersion,
    istio_version: version,
    ...Object.assign({}, ...SYNCED.map(sent)),
    ...(state.rejections.length ? { rejected: state.rejections } : {}),
  };
}

function connections(istiod: Istiod): Json {
  const clients = istiod.proxies().filter((p) => p.state.connected);
  return {
    totalClients: clients.length,
    clients: clients.map(({ proxy, resources }) => ({
      connectionId: proxy.id,
      address: proxy.ip,
      labels: proxy.labels,
      watches: Object.fromEntries(
        Object.entries(resources ?? {}).map(([field, held]) => [field, [...(held as ReadonlyMap<string, unknown>).keys()]]),
      ),
    })),
  };
}

function registry({ snapshot }: Istiod): Json[] {
  const model = createModeler()(snapshot());
  return [...model.services.values()].map((s) => ({
    Attributes: {
      ServiceRegistry: s.host === s.name ? 'External' : 'Kubernetes',
      Name: s.name,
      Namespace: s.namespace,
      ...(s.selector ? { LabelSelectors: s.selector } : {}),
      ...(s.exportTo.length ? { ExportTo: s.exportTo } : {}),
    },
    hostname: s.host,
    clusterVIPs: { Addresses: { Kubernetes: s.addresses } },
    defaultAddress: s.addresses[0] ?? '0.0.0.0',
    ports: s.ports.map((p) => ({ name: p.name, port: p.number, protocol: p.protocol })),
    MeshExternal: s.external,
  }));
}

function endpoints({ snapshot }: Istiod): Json[] {
  const model = createModeler()(snapshot());
  return [...model.services.values()].flatMap((s) =>
    s.ports.map((p) => ({
      svc: `${s.host}:${p.name}`,
      ep: (model.endpoints.get(s.host)?.ports[p.number] ?? []).map((e) => ({
        endpoint: { Addresses: [e.address], EndpointPort: e.port, ServicePortName: p.name },
      })),
    })),
  );
}

function configOf(snapshot: Snapshot): unknown[] {
  const { config: _config, ...maps } = snapshot;
  return Object.values(maps)
    .flatMap((held) => [...(held as ReadonlyMap<string, { apiVersion?: string; kind?: string }>).values()])
    .filter((o) => o.apiVersion?.includes('istio.io') || o.apiVersion?.startsWith('gateway.networking.k8s.io'));
}

/** `?proxyID=pod.namespace`: what it is to hold, in the form of Envoy's own `/config_dump`. */
function dumpOf({ proxies }: Istiod, url: URL): Json | undefined {
  const id = url.searchParams.get('proxyID') ?? url.searchParams.get('proxyid');
  const resources = proxies().find((p) => p.proxy.id === id)?.resources;
  if (!resources) return undefined;
  const read = (field: keyof ProxyResources): { version_info: string; message: Json }[] =>
    [...resources[field].values()]
      .filter((r) => !r.unfit)
      .map((r) => ({
        version_info: r.version,
        message: { '@type': r.typeUrl, ...decode(r.typeUrl, r.bytes) },
      }));
  const part = (type: string, fields: Json): Json => ({ '@type': `type.googleapis.com/envoy.admin.v3.${type}`, ...fields });
  const entries = (field: keyof ProxyResources, as: string): Json[] =>
    read(field).map((r) => ({ version_info: r.version_info, [as]: r.message }));
  return {
    configs: [
      part('ClustersConfigDump', { dynamic_active_clusters: entries('clusters', 'cluster') }),
      part('EndpointsConfigDump', { dynamic_endpoint_configs: entries('endpoints', 'endpoint_config') }),
      part('ListenersConfigDump', {
        dynamic_listeners: read('listeners').map((r) => ({
          name: r.message['name'],
          active_state: { version_info: r.version_info, listener: r.message },
        })),
      }),
      part('RoutesConfigDump', { dynamic_route_configs: entries('routes', 'route_config') }),
    ],
  };
}
