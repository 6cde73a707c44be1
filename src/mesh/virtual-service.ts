import type { VirtualService } from '../api/index.ts';
import { withDelegates } from './delegate.ts';
import { bySpecificity, fullHost, lookupHost, visible } from './host.ts';
import { interner, keepArray } from './memo.ts';
import type { RulesSpec } from './rule.ts';

/** The gateway name that stands for all sidecars. */
export const MESH = 'mesh';

/** A VirtualService with its names made full; or what other kinds say in its terms. */
export interface Rules {
  /** Absent for a VirtualService. */
  readonly kind?: 'Ingress' | 'HTTPRoute';
  readonly namespace: string;
  readonly name: string;
  readonly spec: RulesSpec;
  readonly hosts: readonly string[];
  /** `mesh`, or `namespace/name`. */
  readonly gateways: readonly string[];
}

const intern = interner<Rules>();

export function rulesOf(object: VirtualService, domain: string): Rules {
  const { namespace = '', name = '' } = object.metadata ?? {};
  const spec = object.spec ?? {};
  const gateways = spec.gateways?.length ? spec.gateways : [MESH];
  return intern({
    namespace,
    name,
    spec,
    hosts: (spec.hosts ?? []).map((h) => fullHost(h, namespace, domain)),
    gateways: gateways.map((g) => gatewayName(g, namespace)),
  });
}

/** `namespace/name` of a gateway as a VirtualService in `namespace` names it; `mesh` stays. */
export function gatewayName(said: string, namespace: string): string {
  if (said === MESH || said.includes('/')) return said;
  // The old form `name.namespace.svc.cluster.local` is still met in the wild.
  const [name, ns] = said.split('.', 2);
  return ns ? `${ns}/${name}` : `${namespace}/${said}`;
}

/** All VirtualServices, oldest first. */
export class VirtualServices {
  /** As they are written. */
  readonly all: readonly Rules[];
  /** Likewise, with delegated routes in their places. */
  readonly #whole: readonly Rules[];
  /** Labels of clients that some rule asks for (`sourceLabels`): clients alike in these see the same routes. */
  readonly clientLabels: readonly string[];
  readonly #byNamespace = new Map<string, ReadonlyMap<string, Rules>>();

  readonly #named: ReadonlyMap<string, Rules>;

  constructor(all: readonly Rules[], domain: string) {
    this.all = all;
    this.#named = new Map(all.map((r) => [`${r.namespace}/${r.name}`, r]));
    this.#whole = all.map((r) => withDelegates(r, (key) => this.#named.get(key), domain));
    const labels = this.#whole.flatMap(({ spec }) =>
      [...(spec.http ?? []), ...(spec.tls ?? []), ...(spec.tcp ?? [])].flatMap((route) =>
        (route.match ?? []).flatMap((m) => Object.keys(m.sourceLabels ?? {})),
      ),
    );
    this.clientLabels = [...new Set(labels)].sort();
  }

  /** By `namespace/name`, as it is written. */
  named(key: string): Rules | undefined {
    return this.#named.get(key);
  }

  /** For sidecars in a namespace: the rules of each host. The oldest visible VirtualService has a host to itself. */
  ofMesh(namespace: string): ReadonlyMap<string, Rules> {
    let hosts = this.#byNamespace.get(namespace) as Map<string, Rules> | undefined;
    if (!hosts) {
      hosts = new Map();
      for (const rules of this.#whole) {
        if (!rules.gateways.includes(MESH) || !visible(rules.spec.exportTo, rules.namespace, namespace)) continue;
        for (const host of rules.hosts) if (!hosts.has(host)) hosts.set(host, rules);
      }
      this.#byNamespace.set(namespace, hosts);
    }
    return hosts;
  }

  /** The rules that sidecars in `namespace` follow for `host`. */
  ofHost(namespace: string, host: string): Rules | undefined {
    return lookupHost(this.ofMesh(namespace), host);
  }

  /** For a gateway server: each host it serves with its rules, oldest first; several objects may add to one host. */
  ofGateway(gateway: string, accepts: (host: string, namespace: string) => readonly string[]): ReadonlyMap<string, readonly Rules[]> {
    const hosts = new Map<string, Rules[]>();
    for (const rules of this.#whole) {
      if (!rules.gateways.includes(gateway)) continue;
      for (const host of rules.hosts) {
        for (const served of accepts(host, rules.namespace)) {
          const list = hosts.get(served);
          if (!list) hosts.set(served, [rules]);
          else if (!list.includes(rules)) list.push(rules);
        }
      }
    }
    return new Map([...hosts].sort(([a], [b]) => bySpecificity(a, b)));
  }
}

/** Rebuilds only when something changed; `objects` are the oldest first, `more` come after them all. */
export function virtualServicesOf(
  previous: VirtualServices | undefined,
  objects: readonly VirtualService[],
  rules: (object: VirtualService) => Rules,
  domain: string,
  more: readonly Rules[],
): VirtualServices {
  const all = keepArray(previous?.all, [...objects.map(rules), ...more]);
  return previous && all === previous.all ? previous : new VirtualServices(all, domain);
}
