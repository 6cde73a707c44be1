/** What a proxy says that it holds (`/config_dump`, `/clusters`), one row a thing, under the names that istioctl gives its columns. */
import { X509Certificate } from 'node:crypto';
import type { Json } from '../../envoy/index.ts';

/** Cells by column, and the message itself as Envoy has it. */
export interface DumpRow {
  readonly cells: Readonly<Record<string, string>>;
  readonly raw: Json;
}

const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const at = (json: Json | undefined, ...path: string[]): Json | undefined =>
  path.reduce<Json | undefined>((found, key) => found?.[key] as Json | undefined, json);
const text = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');

/** A part of a dump by the end of its type: `ClustersConfigDump`. */
function part(dump: Json, type: string): Json {
  return list(dump['configs']).find((c) => text(c['@type']).endsWith(`.${type}`)) ?? {};
}

/** `name.namespace` of the object that made it, as in `/apis/<group>/v1/namespaces/default/virtual-service/reviews`. */
function objectOf(message: Json | undefined): string {
  const [, , , , , namespace, , name] = text(at(message, 'metadata', 'filter_metadata', 'istio')?.['config']).split('/');
  return name ? `${name}.${namespace}` : '';
}

export function clusterRows(dump: Json): DumpRow[] {
  const { static_clusters, dynamic_active_clusters, dynamic_warming_clusters } = part(dump, 'ClustersConfigDump');
  const rows = [static_clusters, dynamic_active_clusters, dynamic_warming_clusters].flatMap(list).map((entry) => {
    const raw = entry['cluster'] as Json;
    const parts = text(raw['name']).split('|');
    const [direction = '-', port = '-', subset = '', host = ''] = parts.length === 4 ? parts : ['-', '-', '-', text(raw['name'])];
    const cells = {
      'SERVICE FQDN': host,
      PORT: port,
      SUBSET: subset || '-',
      DIRECTION: direction,
      TYPE: discoveryOf(raw),
      'DESTINATION RULE': objectOf(raw),
    };
    return { cells, raw };
  });
  const key = ({ cells }: DumpRow): string => [cells['SERVICE FQDN'], cells.PORT!.padStart(5, '0'), cells.SUBSET].join(' ');
  return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** How endpoints are found, in the words of the older field; DNS is an extension by now. */
function discoveryOf(cluster: Json): string {
  const extension = at(cluster, 'cluster_type');
  if (!extension) return text(cluster['type']) || 'STATIC';
  if (extension['name'] !== 'envoy.cluster.dns') return text(extension['name']);
  return at(extension, 'typed_config')?.['all_addresses_in_single_endpoint'] === true ? 'LOGICAL_DNS' : 'STRICT_DNS';
}

export function listenerRows(dump: Json): DumpRow[] {
  const { static_listeners, dynamic_listeners } = part(dump, 'ListenersConfigDump');
  const all = [
    ...list(static_listeners).map((l) => l['listener'] as Json),
    ...list(dynamic_listeners).map((l) => at(l, 'active_state', 'listener') ?? at(l, 'warming_state', 'listener') ?? {}),
  ];
  return all.flatMap((raw) => {
    const socket = at(raw, 'address', 'socket_address');
    const where = { ADDRESS: text(socket?.['address']), PORT: text(socket?.['port_value']) };
    const otherwise = raw['default_filter_chain'] ? [raw['default_filter_chain'] as Json] : [];
    return [...list(raw['filter_chains']), ...otherwise].map((chain) => ({
      cells: { ...where, MATCH: chainMatch(at(chain, 'filter_chain_match')), DESTINATION: chainDestination(chain) },
      raw,
    }));
  });
}

function chainMatch(match: Json | undefined): string {
  if (!match || !Object.keys(match).length) return 'ALL';
  const joined = (field: string): string => (match[field] as string[] | undefined)?.join(',') ?? '';
  const ranges = list(match['prefix_ranges']).map((r) => `${text(r['address_prefix'])}/${text(r['prefix_len'])}`);
  const said: [string, string][] = [
    ['SNI', joined('server_names')],
    ['Trans', text(match['transport_protocol'])],
    ['App', joined('application_protocols')],
    ['Addr', [...ranges, match['destination_port'] === undefined ? '' : `*:${text(match['destination_port'])}`].filter(Boolean).join(',')],
  ];
  return (
    said
      .filter(([, value]) => value)
      .map(([key, value]) => `${key}: ${value}`)
      .join('; ') || 'ALL'
  );
}

function chainDestination(chain: Json): string {
  for (const filter of list(chain['filters'])) {
    const config = filter['typed_config'] as Json | undefined;
    const rds = at(config, 'rds');
    if (rds) return `Route: ${text(rds['route_config_name'])}`;
    const inline = at(config, 'route_config');
    if (inline) return `Inline Route: ${routePaths(inline)}`;
    if (config?.['cluster']) return `Cluster: ${text(config['cluster'])}`;
    const weighted = list(at(config, 'weighted_clusters')?.['clusters']);
    if (weighted.length) return `Cluster: ${weighted.map((c) => `${text(c['name'])} (${text(c['weight'])})`).join(', ')}`;
  }
  return 'Non-HTTP/Non-TCP';
}

function routePaths(config: Json): string {
  const routes = list(config['virtual_hosts']).flatMap((host) => list(host['routes']));
  return [...new Set(routes.map((r) => pathOf(at(r, 'match'))))].join(', ');
}

function pathOf(match: Json | undefined): string {
  if (!match) return '';
  const regex = at(match, 'safe_regex');
  if (regex) return `regex ${text(regex['regex'])}`;
  const prefix = match['prefix'] ?? match['path_separated_prefix'];
  return prefix === undefined ? text(match['path']) : `${text(prefix)}*`;
}

export function routeRows(dump: Json): DumpRow[] {
  const { static_route_configs, dynamic_route_configs } = part(dump, 'RoutesConfigDump');
  return [dynamic_route_configs, static_route_configs].flatMap(list).flatMap((entry) => {
    const raw = entry['route_config'] as Json;
    return list(raw['virtual_hosts']).flatMap((host) => {
      const domains = (host['domains'] as string[] | undefined) ?? [];
      const shown = domains.length > 2 ? `${domains.slice(0, 2).join(', ')} + ${domains.length - 2} more...` : domains.join(', ');
      return list(host['routes']).map((route) => ({
        cells: {
          NAME: text(raw['name']),
          'VHOST NAME': text(host['name']),
          DOMAINS: shown,
          MATCH: pathOf(at(route, 'match')),
          'VIRTUAL SERVICE': objectOf(route),
        },
        raw,
      }));
    });
  });
}

/** Out of `/clusters?format=json`, which says how endpoints fare. */
export function endpointRows(clusters: Json): DumpRow[] {
  return list(clusters['cluster_statuses']).flatMap((cluster) =>
    list(cluster['host_statuses']).map((host) => {
      const socket = at(host, 'address', 'socket_address');
      const path = text(at(host, 'address', 'pipe')?.['path']);
      const health = at(host, 'health_status');
      return {
        cells: {
          ENDPOINT: socket ? `${text(socket['address'])}:${text(socket['port_value'])}` : `unix://${path}`,
          STATUS: text(health?.['eds_health_status']) || 'HEALTHY',
          'OUTLIER CHECK': health?.['failed_outlier_check'] ? 'FAILED' : 'OK',
          CLUSTER: text(cluster['name']),
        },
        raw: { cluster: cluster['name'], ...host },
      };
    }),
  );
}

/** Private keys are left out by Envoy itself. `now` in milliseconds since the epoch. */
export function secretRows(dump: Json, now: number): DumpRow[] {
  const { static_secrets, dynamic_active_secrets, dynamic_warming_secrets } = part(dump, 'SecretsConfigDump');
  const row = (entry: Json, status: string): DumpRow => {
    const secret = at(entry, 'secret');
    const chain = at(secret, 'tls_certificate', 'certificate_chain');
    const certificate = certificateIn(chain ?? at(secret, 'validation_context', 'trusted_ca'));
    const valid = certificate && Date.parse(certificate.validFrom) <= now && now < Date.parse(certificate.validTo);
    const cells = {
      'RESOURCE NAME': text(entry['name']),
      TYPE: chain ? 'Cert Chain' : 'CA',
      STATUS: status,
      'VALID CERT': String(valid ?? false),
      'SERIAL NUMBER': certificate?.serialNumber.toLowerCase() ?? '',
      'NOT AFTER': time(certificate?.validTo),
      'NOT BEFORE': time(certificate?.validFrom),
    };
    return { cells, raw: entry };
  };
  return [
    ...[...list(dynamic_active_secrets), ...list(static_secrets)].map((s) => row(s, 'ACTIVE')),
    ...list(dynamic_warming_secrets).map((s) => row(s, 'WARMING')),
  ];
}

function time(said: string | undefined): string {
  return said ? new Date(said).toISOString().replace('.000', '') : '';
}

function certificateIn(source: Json | undefined): X509Certificate | undefined {
  const bytes = text(source?.['inline_bytes']);
  const pem = bytes ? Buffer.from(bytes, 'base64').toString() : text(source?.['inline_string']);
  try {
    return pem ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined;
  }
}

/** What the proxy was started with. */
export function bootstrapOf(dump: Json): Json {
  return part(dump, 'BootstrapConfigDump');
}
