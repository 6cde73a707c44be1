/** Patches of route tables, their virtual hosts and routes. */
import { isPlainHttp, type Server } from '../mesh/index.ts';
import type { Json } from './json.ts';
import { fitsContext, mergedBy, patchList, type Context, type Patch, type Patches } from './patch-list.ts';

/** What a match may ask of a route table. */
export interface TableFacts {
  readonly name: string;
  readonly ports: readonly number[];
  readonly portNames: readonly string[];
  /** `namespace/name`. */
  readonly gateways: readonly string[];
}

/** Of a table by its name, and for those of gateways by the servers: `80`, `host:80`, `http.8080`, `https.443.name.gateway.namespace`. */
export function tableFacts(name: string, servers: readonly Server[]): TableFacts {
  const [kind = '', port = '', portName = '', gateway = '', namespace = ''] = name.split('.');
  if (kind === 'https') return { name, ports: [Number(port)], portNames: [portName], gateways: [`${namespace}/${gateway}`] };
  if (kind !== 'http') return { name, ports: [Number(name.slice(name.lastIndexOf(':') + 1))], portNames: [], gateways: [] };
  const own = servers.filter((s) => s.listen === Number(port) && isPlainHttp(s));
  return {
    name,
    ports: [Number(port), ...own.map((s) => s.spec.port.number)],
    portNames: own.map((s) => s.spec.port.name),
    gateways: own.map((s) => s.gateway),
  };
}

export function patchTable(patches: Patches, table: Json, facts: TableFacts, context: Context): Json {
  const concerns = (p: Patch): boolean => fitsContext(p, context) && fitsTable(p, facts);
  let json = table;
  for (const patch of patches.to('ROUTE_CONFIGURATION')) {
    if (!concerns(patch)) continue;
    patches.hit(patch);
    json = mergedBy(patch, json);
  }
  const hosts = patchList(patches, 'VIRTUAL_HOST', (json['virtual_hosts'] as Json[] | undefined) ?? [], {
    concerns,
    names: (p) => p.match.routeConfiguration?.vhost !== undefined,
    is: fitsHost,
  }).map((host) => patchRoutes(patches, host, concerns, host));
  return { ...json, ...(hosts.length ? { virtual_hosts: hosts } : {}) };
}

/** A virtual host that is sent by itself; `named` says under what name and domains the whole table would have it. */
export function patchHost(patches: Patches, host: Json, facts: TableFacts, context: Context, named: Json): Json | undefined {
  const concerns = (p: Patch): boolean => fitsContext(p, context) && fitsTable(p, facts) && fitsHost(p, named);
  let json = host;
  for (const patch of patches.to('VIRTUAL_HOST')) {
    if (patch.operation === 'ADD' || !concerns(patch)) continue;
    patches.hit(patch);
    if (patch.operation === 'REMOVE') return undefined;
    // Under the name that was asked for, whatever the patch calls it.
    const { name: _name, domains: _domains, ...value } = patch.value;
    const own = { name: host['name'], domains: host['domains'] };
    json = patch.operation === 'REPLACE' ? { ...value, ...own } : mergedBy({ ...patch, value }, json);
  }
  return patchRoutes(patches, json, concerns, named);
}

function patchRoutes(patches: Patches, host: Json, concerns: (p: Patch) => boolean, named: Json): Json {
  const routes = patchList(patches, 'HTTP_ROUTE', (host['routes'] as Json[] | undefined) ?? [], {
    concerns: (p) => concerns(p) && fitsHost(p, named),
    names: (p) => p.match.routeConfiguration?.vhost?.route !== undefined,
    is: fitsRoute,
  });
  return { ...host, ...(routes.length ? { routes } : {}) };
}

function fitsTable({ match: { routeConfiguration: said } }: Patch, facts: TableFacts): boolean {
  if (!said) return true;
  return (
    (said.name === undefined || said.name === facts.name) &&
    (!said.portNumber || facts.ports.includes(said.portNumber)) &&
    (!said.portName || facts.portNames.includes(said.portName)) &&
    (!said.gateway || facts.gateways.includes(said.gateway))
  );
}

function fitsHost({ match: { routeConfiguration: said } }: Patch, host: Json): boolean {
  const { name, domainName } = said?.vhost ?? {};
  return (!name || name === host['name']) && (!domainName || ((host['domains'] as string[] | undefined) ?? []).includes(domainName));
}

const ACTION: Readonly<Record<string, string>> = { ROUTE: 'route', REDIRECT: 'redirect', DIRECT_RESPONSE: 'direct_response' };

function fitsRoute({ match: { routeConfiguration: said } }: Patch, route: Json): boolean {
  const { name, action } = said?.vhost?.route ?? {};
  return (!name || name === route['name']) && (!action || action === 'ANY' || route[ACTION[action]!] !== undefined);
}
