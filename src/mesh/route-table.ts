/** Rules of all routes of the Gateway API by where they hold. */
import type { L4Match, L4RouteDestination } from '../api/index.ts';
import { interner } from './memo.ts';
import { bySpecificMatch, type Ranked } from './route-order.ts';
import type { Owner } from './rule.ts';
import { MESH, type Rules } from './virtual-service.ts';

/** What a route says, before it is known where it holds. */
export interface RouteParts {
  readonly http: readonly Ranked[];
  readonly tls: readonly ByteRule[];
  readonly tcp: readonly ByteRule[];
}

interface ByteRule {
  /** The route that says it. */
  readonly owner: Owner;
  readonly match?: L4Match[];
  readonly route: L4RouteDestination[];
}

/** Where rules hold: for clients of a gateway, or of the mesh. */
export interface Place {
  readonly namespace: string;
  /** `namespace/name`, or `mesh`. */
  readonly gateway: string;
  readonly host: string;
  /** The one namespace whose clients are meant; absent for all. */
  readonly clients?: string | undefined;
  /** The one port that is meant; absent for all. */
  readonly port?: number | undefined;
}

interface Held {
  readonly place: Place;
  readonly http: Ranked[];
  readonly tls: (ByteRule & { match: (L4Match & { sniHosts: string[] })[] })[];
  readonly tcp: ByteRule[];
}

const intern = interner<Rules>();

/** Routes are added the oldest first; each host's are put in order once all are there. */
export class RouteTable {
  readonly #held = new Map<string, Held>();

  /** `names`: what clients ask for by SNI. */
  add(place: Place, names: readonly string[], { http, tls, tcp }: RouteParts): void {
    const { gateway, host, clients = '', port } = place;
    const key = `${gateway} ${host} ${clients}`;
    let held = this.#held.get(key);
    if (!held) this.#held.set(key, (held = { place, http: [], tls: [], tcp: [] }));
    const at = port ? { port } : {};
    held.http.push(...(port ? http.map((r) => atPort(r, port)) : http));
    held.tls.push(...tls.map((rule) => ({ ...rule, match: [{ ...at, sniHosts: [...names] }] })));
    held.tcp.push(...(port ? tcp.map((rule) => ({ ...rule, match: [at] })) : tcp));
  }

  /** Those for clients of one namespace come before those for all. */
  rules(): Rules[] {
    const all = [...this.#held.values()].sort((a, b) => Number(b.place.clients !== undefined) - Number(a.place.clients !== undefined));
    return all.map(({ place: { namespace, gateway, host, clients }, http, tls, tcp }) =>
      intern({
        kind: 'HTTPRoute',
        namespace,
        name: gateway === MESH ? host : gateway.slice(gateway.indexOf('/') + 1),
        hosts: [host],
        gateways: [gateway],
        spec: {
          ...(http.length ? { http: http.toSorted(bySpecificMatch).flatMap((r) => r.rules) } : {}),
          ...(tls.length ? { tls } : {}),
          ...(tcp.length ? { tcp } : {}),
          ...(clients === undefined ? {} : { exportTo: ['.'] }),
        },
      }),
    );
  }
}

function atPort(r: Ranked, port: number): Ranked {
  return { ...r, rules: r.rules.map((rule) => ({ ...rule, match: rule.match!.map((m) => ({ ...m, port })) })) };
}
