/** Which hosts a workload's proxy is told of, by the Sidecar that holds for it. A matter of size, not of safety. */
import type { ConnectionPool, PortTrafficPolicy, Sidecar } from '../api/index.ts';
import { isPlace } from './gateway.ts';
import { intersect, fullHost } from './host.ts';
import { memo } from './memo.ts';
import { protocolNamed, type Protocol } from './protocol.ts';
import { soundPolicy, unsoundSettings } from './sound-policy.ts';
import type { Unsound } from './soundness.ts';
import { selects } from './workload.ts';

/** Sidecars, oldest first, and who is held to which. */
export class Sidecars {
  readonly all: readonly Sidecar[];
  /** Labels that some Sidecar selects by: workloads alike in these see the same. */
  readonly clientLabels: readonly string[];
  readonly #root: string;

  constructor(all: readonly Sidecar[], rootNamespace: string) {
    this.all = all;
    this.#root = rootNamespace;
    this.clientLabels = [...new Set(all.flatMap((s) => Object.keys(s.spec?.workloadSelector?.labels ?? {})))].sort();
  }

  /** The oldest that selects the workload, else the one for its namespace, else the one for the mesh. */
  of(namespace: string, labels: Readonly<Record<string, string>>): Sidecar | undefined {
    const own = this.all.filter((s) => s.metadata?.namespace === namespace);
    const wide = (s: Sidecar): boolean => !Object.keys(s.spec?.workloadSelector?.labels ?? {}).length;
    return (
      own.find((s) => !wide(s) && selects(s.spec.workloadSelector?.labels, labels)) ??
      own.find(wide) ??
      this.all.find((s) => s.metadata?.namespace === this.#root && wide(s))
    );
  }
}

/** A port that a workload takes in by word of its Sidecar. */
export interface OwnPort {
  readonly number: number;
  readonly protocol: Protocol;
  /** Where the application is, as `127.0.0.1:8080` or `unix:///path`; absent: at the port itself. */
  readonly endpoint?: string;
}

/** Whether a proxy can call it. */
export function isCallable(endpoint: string): boolean {
  if (endpoint.startsWith('unix://')) return isPlace(endpoint);
  const port = Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
  return port > 0 && port < 65_536;
}

/** What a workload takes in where its Sidecar says it; undefined where the Services before it do. */
export const ownPortsOf = memo((sidecar: Sidecar): readonly OwnPort[] | undefined => {
  const said = sidecar.spec?.ingress ?? [];
  if (!said.length) return undefined;
  const ports = new Map<number, OwnPort>();
  for (const { port, defaultEndpoint } of said) {
    if (!port?.number || ports.has(port.number)) continue;
    const protocol = protocolNamed(port.protocol, port.number);
    ports.set(port.number, {
      number: port.number,
      protocol,
      ...(defaultEndpoint && isCallable(defaultEndpoint) ? { endpoint: defaultEndpoint } : {}),
    });
  }
  return [...ports.values()].filter((p) => p.protocol !== 'udp').sort((a, b) => a.number - b.number);
});

/** How connections to the application itself are limited at a port, as far as Envoy takes it. */
export function inboundPoolOf(sidecar: Sidecar | undefined, port: number): ConnectionPool | undefined {
  const own = sidecar?.spec?.ingress?.find((i) => i.port?.number === port)?.connectionPool;
  const pool = own ?? sidecar?.spec?.inboundConnectionPool;
  return pool && soundPolicy(policyOfPool(pool)).connectionPool;
}

/** What of that Envoy would refuse. */
export function unsoundPools({ spec }: Sidecar): readonly Unsound[] {
  const of = (pool: ConnectionPool | undefined, path: string): readonly Unsound[] =>
    pool ? unsoundSettings(policyOfPool(pool)).map((u) => ({ ...u, path: `${path}${u.path.slice('connectionPool'.length)}` })) : [];
  return [
    ...of(spec?.inboundConnectionPool, 'spec.inboundConnectionPool'),
    ...(spec?.ingress ?? []).flatMap((own, i) => of(own.connectionPool, `spec.ingress[${i}].connectionPool`)),
  ];
}

const policyOfPool = memo((connectionPool: ConnectionPool): PortTrafficPolicy => ({ connectionPool }));

/** A host that a Sidecar imports, as `namespace/host`; with `:port` behind it that port alone. */
const IMPORT = /^([^/]*)\/(.*?)(?::(\d+))?$/;

/** The `egress` hosts of a Sidecar that holds in `namespace`; undefined when it limits nothing. */
export function importsOf(sidecar: Sidecar | undefined, namespace: string, domain: string): readonly string[] | undefined {
  if (!sidecar?.spec?.egress?.length) return undefined;
  return sidecar.spec.egress.flatMap(({ hosts = [], port }) =>
    hosts.map((said) => {
      const slash = said.indexOf('/');
      const scope = slash < 0 ? '*' : said.slice(0, slash);
      const host = fullHost(said.slice(slash + 1), namespace, domain);
      return `${scope === '.' ? namespace : scope}/${host}${port?.number ? `:${port.number}` : ''}`;
    }),
  );
}

/** Whether `host`, spoken of in `namespace`, is among the imports; `~` stands for no namespace at all. */
export function imported(imports: readonly string[] | undefined, namespace: string, host: string): boolean {
  const ports = importedPorts(imports, namespace, host);
  return ports === 'all' || ports.length > 0;
}

/** The ports on which it is. */
export function importedPorts(imports: readonly string[] | undefined, namespace: string, host: string): readonly number[] | 'all' {
  if (!imports) return 'all';
  const ports = imports.flatMap((said) => {
    const [, scope, name = '', port = ''] = IMPORT.exec(said) ?? [];
    return (scope === '*' || scope === namespace) && intersect(name, host) !== undefined ? [port] : [];
  });
  return ports.includes('') ? 'all' : [...new Set(ports.map(Number))].sort((a, b) => a - b);
}
