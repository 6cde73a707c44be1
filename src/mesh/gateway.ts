import { isIPv4, isIPv6, type Gateway } from '../api/index.ts';
import type { ServerSpec } from './entrance.ts';
import { covers, fullHost, intersect } from './host.ts';
import { memo } from './memo.ts';
import type { Model } from './model.ts';
import type { MeshService } from './service.ts';
import type { Proxy } from './proxy.ts';
import { selects } from './workload.ts';

/** One server of a Gateway as one gateway proxy runs it. */
export interface Server {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  readonly spec: ServerSpec;
  /** The port the proxy listens on: the container port behind the service port that the Gateway names. */
  readonly listen: number;
  /** The one address, or the socket, that it listens at; absent: every address. */
  readonly bind?: string;
}

/** Bytes that the path of a socket may have. */
const LONGEST_PATH = 107;

/** Whether a proxy can listen there: at an address or at a socket with a path. */
export function isPlace(bind: string): boolean {
  const path = bind.startsWith('unix://') ? bind.slice('unix://'.length) : '';
  return isIPv4(bind) || isIPv6(bind) || (path !== '' && Buffer.byteLength(path) <= LONGEST_PATH);
}

const together = memo((own: Model['gateways'], ingress: Model['entrance'], routes: Model['gatewayApi']): Model['gateways'] => [
  ...own,
  ...ingress.gateways,
  ...routes.gateways,
]);

/** Users' Gateways, then those that other kinds stand for. */
export function gatewaysOf({ gateways, entrance, gatewayApi }: Model): Model['gateways'] {
  return together(gateways, entrance, gatewayApi);
}

/** Servers of every Gateway that selects the proxy, oldest Gateway first. */
export function serversOf(proxy: Proxy, gateways: readonly Gateway[], services: Iterable<MeshService>): Server[] {
  const own = [...services].filter((s) => s.namespace === proxy.namespace && s.selector && selects(s.selector, proxy.labels));
  return gateways.flatMap((gateway) => {
    const { namespace = '', name = '' } = gateway.metadata ?? {};
    // A Gateway without a selector holds for every gateway proxy.
    if (!selects(gateway.spec?.selector, proxy.labels)) return [];
    return (gateway.spec?.servers ?? [])
      .filter((spec) => spec.port?.number && spec.hosts?.length)
      .map((spec) => ({
        gateway: `${namespace}/${name}`,
        spec,
        listen: spec.port.targetPort ?? listenPort(own, spec.port.number),
        ...(spec.bind && isPlace(spec.bind) ? { bind: spec.bind } : {}),
      }));
  });
}

function listenPort(services: readonly MeshService[], number: number): number {
  for (const service of services) {
    const target = service.ports.find((p) => p.number === number)?.target;
    if (typeof target === 'number') return target;
  }
  return number;
}

/** The hosts of a server that rules for `host`, written in `namespace`, may serve. */
export function acceptedHosts(server: Server, domain: string): (host: string, namespace: string) => readonly string[] {
  const owner = server.gateway.split('/')[0]!;
  const offers = server.spec.hosts.map((written) => {
    const slash = written.indexOf('/');
    const scope = slash < 0 ? '*' : written.slice(0, slash);
    return { scope: scope === '.' ? owner : scope, host: fullHost(hostOf(written), owner, domain) };
  });
  return (host, namespace) => {
    const found = offers.flatMap((o) => (o.scope === '*' || o.scope === namespace ? (intersect(o.host, host) ?? []) : []));
    // `*` and `*.x` both accept `a.x`: once is enough; and what a wider one accepts says it all.
    return [...new Set(found)].filter((h, _i, all) => !all.some((other) => other !== h && covers(other, h)));
  };
}

/** The host of `namespace/host` or `host`, as servers of a Gateway write it. */
export function hostOf(written: string): string {
  return written.slice(written.indexOf('/') + 1);
}

/** HTTP without TLS, which all Gateways share on a port. */
export function isPlainHttp(server: Server): boolean {
  return !server.spec.tls?.mode && /^(http|http2|grpc|grpc-web)$/i.test(server.spec.port.protocol);
}

/** TLS is ended here. */
export function endsTls(server: Server): boolean {
  return ['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL', 'ISTIO_MUTUAL'].includes(server.spec.tls?.mode ?? '');
}

/** TLS is ended here and what is inside is HTTP. */
export function isTlsHttp(server: Server): boolean {
  return endsTls(server) && /^https$/i.test(server.spec.port.protocol);
}
