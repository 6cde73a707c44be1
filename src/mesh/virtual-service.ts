import type { VirtualService } from '../api/index.ts';
import { withDelegates } from './delegate.ts';
import { bySpecificity, fullHost, lookupHost, visible } from './host.ts';
import { interner, keepArray, mapped, memo } from './memo.ts';
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

function rulesOf(object: VirtualService, domain: string): Rules {
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

/** Of rules, what decides who follows them. Equal ones are the same object: a change of weights changes none. */
interface Head extends Pick<Rules, 'kind' | 'namespace' | 'name' | 'hosts' | 'gateways'> {
  readonly exportTo: readonly string[];
  /** Labels of clients that they ask for. */
  readonly labels: readonly string[];
  readonly delegates: boolean;
}

const internHead = interner<Head>();

function headOf({ kind, namespace, name, hosts, gateways, spec }: Rules): Head {
  const labels = [...(spec.http ?? []), ...(spec.tls ?? []), ...(spec.tcp ?? [])].flatMap((route) =>
    (route.match ?? []).flatMap((m) => Object.keys(m.sourceLabels ?? {})),
  );
  const delegates = spec.http?.some((h) => h.delegate) ?? false;
  return internHead({ ...(kind ? { kind } : {}), namespace, name, hosts, gateways, exportTo: spec.exportTo ?? [], labels, delegates });
}

const labelsIn = memo((heads: readonly Head[]): readonly string[] => [...new Set(heads.flatMap((h) => h.labels))].sort());

/** By host, the place of the rules that sidecars in a namespace follow: the oldest visible ones have a host to themselves. */
const meshPlaces = memo((heads: readonly Head[], namespace: string): ReadonlyMap<string, number> => {
  const places = new Map<string, number>();
  for (const [i, head] of heads.entries()) {
    if (!head.gateways.includes(MESH) || !visible(head.exportTo, head.namespace, namespace)) continue;
    for (const host of head.hosts) if (!places.has(host)) places.set(host, i);
  }
  return places;
});

const gatewayPlaces = memo((heads: readonly Head[], gateway: string): readonly number[] =>
  heads.flatMap((head, i) => (head.gateways.includes(gateway) ? [i] : [])),
);

const byName = memo((all: readonly Rules[]): ReadonlyMap<string, Rules> => new Map(all.map((r) => [`${r.namespace}/${r.name}`, r])));

/** Rules by host. */
export interface HostRules extends Iterable<readonly [host: string, rules: Rules]> {
  get(host: string): Rules | undefined;
}

/** All VirtualServices, oldest first. */
export class VirtualServices {
  /** As they are written. */
  readonly all: readonly Rules[];
  /** Likewise, with delegated routes in their places. */
  readonly #whole: readonly Rules[];
  /** Of each of them. */
  readonly heads: readonly Head[];
  /** Whether some leave routes to others. */
  readonly delegates: boolean;

  constructor(all: readonly Rules[], heads: readonly Head[], domain: string) {
    this.all = all;
    this.heads = heads;
    this.delegates = heads.some((h) => h.delegates);
    this.#whole = this.delegates ? all.map((r) => withDelegates(r, (key) => this.named(key), domain)) : all;
  }

  /** Labels of clients that some rule asks for (`sourceLabels`): clients alike in these see the same routes. */
  get clientLabels(): readonly string[] {
    return labelsIn(this.heads);
  }

  /** By `namespace/name`, as it is written. */
  named(key: string): Rules | undefined {
    return byName(this.all).get(key);
  }

  /** For sidecars in a namespace: the rules of each host. The oldest visible VirtualService has a host to itself. */
  ofMesh(namespace: string): HostRules {
    const places = meshPlaces(this.heads, namespace);
    const whole = this.#whole;
    return {
      get(host) {
        const place = places.get(host);
        return place === undefined ? undefined : whole[place];
      },
      *[Symbol.iterator]() {
        for (const [host, place] of places) yield [host, whole[place]!] as const;
      },
    };
  }

  /** The rules that sidecars in `namespace` follow for `host`. */
  ofHost(namespace: string, host: string): Rules | undefined {
    return lookupHost(this.ofMesh(namespace), host);
  }

  /** For a gateway server: each host it serves with its rules, oldest first; several objects may add to one host. */
  ofGateway(gateway: string, accepts: (host: string, namespace: string) => readonly string[]): ReadonlyMap<string, readonly Rules[]> {
    const hosts = new Map<string, Rules[]>();
    for (const place of gatewayPlaces(this.heads, gateway)) {
      const rules = this.#whole[place]!;
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

/** Makes them one after another: of `objects`, the oldest first, and `more`, which come after them all. */
export function createVirtualServices(): (objects: readonly VirtualService[], more: readonly Rules[], domain: string) => VirtualServices {
  const written = mapped(rulesOf);
  const heads = mapped(headOf);
  const make = memo(
    (all: readonly Rules[], ofAll: readonly Head[], domain: string): VirtualServices => new VirtualServices(all, ofAll, domain),
  );
  let all: readonly Rules[] = [];
  return (objects, more, domain) => {
    const rules = written(objects, domain);
    all = more.length ? keepArray(all, [...rules, ...more]) : rules;
    return make(all, heads(all), domain);
  };
}
