/**
 * Above a size, a sidecar is not told every route: it asks for the virtual host of a request that it does not know (VHDS), and is
 * told that one, its clusters and their endpoints. So what it holds, and what a change costs, follows what it uses.
 * Each name asked for is answered by a virtual host of its own, for that name alone: two answers can never claim one domain.
 */
import { imported, isHttp, memo, type MeshService, type Model, type Rules, type ServicePort } from '../mesh/index.ts';
import { encoded, resource } from './encode.ts';
import { ADS } from './json.ts';
import { ruled, serviceHost } from './outbound.ts';
import { TypeUrl, type EnvoyResource } from './resource.ts';
import { catchAll, domainsOf, soleDomain, virtualHostMessage, type Client, type VirtualHost } from './virtual-host.ts';

/** Names that one proxy may ask for. It never forgets one, so neither may we; who asks for more is told that there is none. */
export const MAX_ASKED = 10_000;

/** A route table that holds nothing by itself. */
export function tableOnDemand(name: string): EnvoyResource {
  return resource(TypeUrl.route, name, encoded(TypeUrl.route, { name, validate_clusters: false, vhds: { config_source: ADS } }));
}

/** The answer that a table needs before its listener opens: an empty one would keep Envoy waiting. */
export function opening(table: string): EnvoyResource {
  return absent(`${table}/_open`);
}

/** There is no such host: answered with 404 at once. Saying nothing would hold the request for ever. */
export function absent(name: string): EnvoyResource {
  return { typeUrl: TypeUrl.virtualHost, name, version: 'absent', bytes: new Uint8Array() };
}

export const answered = memo((host: VirtualHost, name: string): EnvoyResource => {
  const asked = name.slice(name.indexOf('/') + 1);
  // Envoy tells held hosts apart by this name as well as by the resource's.
  const answer = resource(TypeUrl.virtualHost, name, virtualHostMessage(host, asked, [asked]), host.from);
  hosts.set(answer, { name: host.name, domains: host.domains });
  return answer;
});

const hosts = new WeakMap<EnvoyResource, Pick<VirtualHost, 'name' | 'domains'>>();

/** Under what name and domains the whole table would have the host of an answer. */
export function hostOf(answer: EnvoyResource): Pick<VirtualHost, 'name' | 'domains'> | undefined {
  return hosts.get(answer);
}

/** Services by each name that clients of a namespace may call them, wildcards included; the oldest first. */
const byDomain = memo((services: readonly MeshService[], namespace: string): ReadonlyMap<string, readonly MeshService[]> => {
  const index = new Map<string, MeshService[]>();
  for (const service of services) {
    for (const domain of domainsOf(service, namespace)) {
      const list = index.get(domain);
      if (list) list.push(service);
      else index.set(domain, [service]);
    }
  }
  return index;
});

/** The virtual host that the whole table would have for the host: the most specific domain wins, of equal ones a service's. */
export function hostAsked(
  model: Model,
  services: readonly MeshService[],
  client: Client,
  table: string,
  asked: string,
): VirtualHost | undefined {
  if (asked.includes('*')) return undefined; // Its domain would take everybody's requests.
  for (const claim of claims(model, services, client, table, asked)) {
    if ('service' in claim) return serviceHost(model, claim.service, claim.port, client);
    const host = ruled(model, claim.rules, client, claim.host, claim.number, soleDomain(claim.host), false);
    if (host) return host;
  }
  return catchAll(client.outboundTrafficPolicy ?? model.config.outboundTrafficPolicy);
}

/** Who may have the requests to a host: a service that is called so, or rules for a name that is no service's. */
export type Claim =
  | { readonly service: MeshService; readonly port: ServicePort }
  | { readonly rules: Rules; readonly host: string; readonly number: number };

/** Those who claim a host in a route table; the first whose routes are not void has it. */
export function* claims(
  model: Model,
  services: readonly MeshService[],
  client: Client,
  table: string,
  asked: string,
): Generator<Claim, undefined> {
  const rules = model.virtualServices.ofMesh(client.namespace);
  const index = byDomain(services, client.namespace);
  const only = /^\d+$/.test(table) ? undefined : table.slice(0, table.lastIndexOf(':'));
  const port = Number(table.slice(table.lastIndexOf(':') + 1));
  for (const domain of domainsFor(withoutPort(asked))) {
    for (const service of index.get(domain) ?? []) {
      if (only !== undefined && service.host !== only) continue;
      const found = service.ports.find((p) => p.number === port && (only === undefined ? isHttp(p.protocol) : p.protocol === 'auto'));
      if (found) yield { service, port: found };
    }
    const spoken = only === undefined && domain !== '*' && !model.services.has(domain) ? rules.get(domain) : undefined;
    if (spoken && imported(client.imports, spoken.namespace, domain)) yield { rules: spoken, host: domain, number: port };
  }
}

/** `a.b.c`, `*.b.c`, `*.c`, `*`. */
function* domainsFor(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) yield `*${host.slice(dot)}`;
  yield '*';
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}
