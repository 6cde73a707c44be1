/** Patches of listeners and of all that is in them. */
import type { Json } from './json.ts';
import { fitsContext, mergedBy, patchList, type Context, type Patch, type Patches } from './patch-list.ts';
import { patchTable, type TableFacts } from './patch-route.ts';

const HCM = 'envoy.filters.network.http_connection_manager';
const INBOUND = 'virtualInbound';

/** Old names of filters that are still written. */
const RENAMED: Readonly<Record<string, string>> = {
  'envoy.http_connection_manager': HCM,
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
  'envoy.router': 'envoy.filters.http.router',
  'envoy.cors': 'envoy.filters.http.cors',
  'envoy.fault': 'envoy.filters.http.fault',
};

function named(said: string | undefined, element: Json): boolean {
  return said === undefined || (RENAMED[said] ?? said) === element['name'];
}

/** The listener after the patches; undefined when one removes it. */
export function patchListener(patches: Patches, listener: Json, context: Context): Json | undefined {
  const concerns = (patch: Patch): boolean => fitsContext(patch, context) && fitsListener(patch, listener);
  let json: Json = listener;
  for (const patch of patches.to('LISTENER')) {
    if (patch.operation === 'ADD' || !concerns(patch)) continue;
    patches.hit(patch);
    if (patch.operation === 'REMOVE') return undefined;
    json = mergedBy(patch, json);
  }
  const filters = patchList(patches, 'LISTENER_FILTER', (json['listener_filters'] as Json[] | undefined) ?? [], {
    concerns,
    names: (p) => p.match.listener?.listenerFilter !== undefined,
    is: (p, f) => named(p.match.listener?.listenerFilter, f),
  });
  const chains = patchList(patches, 'FILTER_CHAIN', (json['filter_chains'] as Json[] | undefined) ?? [], {
    concerns,
    names: (p) => p.match.listener?.filterChain !== undefined || p.match.listener?.portNumber !== undefined,
    is: (p, chain) => fitsChain(p, json, chain),
  }).map((chain) => patchChain(patches, json, chain, concerns, context));
  const last = json['default_filter_chain'] as Json | undefined;
  return {
    ...json,
    ...(filters.length ? { listener_filters: filters } : {}),
    filter_chains: chains,
    ...(last ? { default_filter_chain: patchChain(patches, json, last, concerns, context) } : {}),
  };
}

function fitsListener({ match: { listener: said } }: Patch, listener: Json): boolean {
  if (!said) return true;
  if (said.name !== undefined && said.name !== listener['name']) return false;
  // All that comes in goes by one listener: the port that is meant is that of its chains.
  return said.portNumber === undefined || listener['name'] === INBOUND || said.portNumber === portOf(listener);
}

function portOf(listener: Json): unknown {
  return (listener['address'] as { socket_address?: { port_value?: number } } | undefined)?.socket_address?.port_value;
}

interface ChainMatch {
  readonly destination_port?: number;
  readonly server_names?: readonly string[];
  readonly transport_protocol?: string;
  readonly application_protocols?: readonly string[];
}

function fitsChain({ match: { listener: said } }: Patch, listener: Json, chain: Json): boolean {
  const match = (chain['filter_chain_match'] ?? {}) as ChainMatch;
  if (listener['name'] === INBOUND && said?.portNumber !== undefined && said.portNumber !== match.destination_port) return false;
  const { name, sni, transportProtocol, applicationProtocols, destinationPort } = said?.filterChain ?? {};
  return (
    (name === undefined || name === chain['name']) &&
    (!sni || (match.server_names ?? []).includes(sni)) &&
    (!transportProtocol || transportProtocol === match.transport_protocol) &&
    (!applicationProtocols || applicationProtocols.split(',').every((p) => match.application_protocols?.includes(p.trim()))) &&
    (!destinationPort || destinationPort === match.destination_port)
  );
}

function patchChain(patches: Patches, listener: Json, chain: Json, concerns: (p: Patch) => boolean, context: Context): Json {
  const here = (p: Patch): boolean => concerns(p) && fitsChain(p, listener, chain);
  const filters = patchList(patches, 'NETWORK_FILTER', (chain['filters'] as Json[] | undefined) ?? [], {
    concerns: here,
    names: (p) => p.match.listener?.filterChain?.filter?.name !== undefined,
    is: (p, f) => named(p.match.listener?.filterChain?.filter?.name, f),
    // The last one ends the chain.
    place: (_p, list) => Math.max(0, list.length - 1),
  });
  return { ...chain, filters: filters.map((f) => (f['name'] === HCM ? patchManager(patches, f, here, context) : f)) };
}

function patchManager(patches: Patches, filter: Json, here: (p: Patch) => boolean, context: Context): Json {
  const config = filter['typed_config'] as Json;
  const sub = (p: Patch): string | undefined => p.match.listener?.filterChain?.filter?.subFilter?.name;
  const filters = patchList(patches, 'HTTP_FILTER', (config['http_filters'] as Json[] | undefined) ?? [], {
    concerns: (p) => here(p) && named(p.match.listener?.filterChain?.filter?.name, filter),
    names: (p) => sub(p) !== undefined,
    is: (p, f) => named(sub(p), f),
    place,
  }).map((f) => discovered(patches, f));
  const routes = config['route_config'] as Json | undefined;
  const facts = routes && inboundTable(String(routes['name']));
  return {
    ...filter,
    typed_config: { ...config, http_filters: filters, ...(facts ? { route_config: patchTable(patches, routes, facts, context) } : {}) },
  };
}

/** `inbound|8080||` */
function inboundTable(name: string): TableFacts {
  return { name, ports: [Number(name.split('|')[1])], portNames: [], gateways: [] };
}

const AUTHN = ['envoy.filters.http.jwt_authn'];
const AUTHZ = [...AUTHN, 'envoy.filters.http.ext_authz', 'envoy.filters.http.rbac'];

/** Before the router, which ends the chain; or after the filters of the class before. */
function place({ filterClass }: Patch, list: readonly Json[]): number {
  const after = { AUTHN, AUTHZ }[filterClass];
  return after ? list.findLastIndex((f) => after.includes(String(f['name']))) + 1 : Math.max(0, list.length - 1);
}

/** A filter whose configuration is to be found elsewhere, with that which an EXTENSION_CONFIG of its name gives. */
function discovered(patches: Patches, filter: Json): Json {
  const given = filter['config_discovery'] ? patches.to('EXTENSION_CONFIG').find((p) => p.value['name'] === filter['name']) : undefined;
  if (!given) return filter;
  patches.hit(given);
  const { config_discovery: _asked, ...rest } = filter;
  return { ...rest, typed_config: given.value['typed_config'] };
}
