/** Routes that one VirtualService leaves to another: the requests that both matches take, by what the other says. */
import type { Destination, Headers, HTTPMatchRequest, HTTPRoute, StringMatch } from '../api/index.ts';
import { fullHost, visible } from './host.ts';
import { memo } from './memo.ts';
import type { Rule } from './rule.ts';
import type { Rules } from './virtual-service.ts';

/** Finds the rules named `namespace/name`. */
type Find = (key: string) => Rules | undefined;

/** The rules with every delegated route in its place; the same object when nothing is delegated. */
export function withDelegates(rules: Rules, find: Find, domain: string): Rules {
  if (!rules.spec.http?.some((h) => h.delegate)) return rules;
  return expanded(rules, domain, ...rules.spec.http.map((h) => delegateOf(h, rules, find)));
}

/** Whom the route is left to; undefined where that is nobody who may be asked. */
export function delegateOf(http: HTTPRoute, rules: Rules, find: Find): Rules | undefined {
  const child = delegateNamed(http, rules, find);
  // One with hosts stands for itself.
  return child && !child.spec.hosts?.length && visible(child.spec.exportTo, child.namespace, rules.namespace) ? child : undefined;
}

/** Whom the route names, whether it may be asked or not. */
export function delegateNamed({ delegate }: HTTPRoute, rules: Rules, find: Find): Rules | undefined {
  return delegate?.name ? find(`${delegate.namespace || rules.namespace}/${delegate.name}`) : undefined;
}

const expanded = memo((root: Rules, domain: string, ...children: (Rules | undefined)[]): Rules => {
  const http = (root.spec.http ?? []).flatMap((route, i): Rule[] => {
    if (!route.delegate) return [{ ...route, written: placeOf(root, i) }];
    const child = children[i];
    // One level deep: what a delegate delegates is nobody's.
    return (child?.spec.http ?? []).flatMap((h, j) =>
      h.delegate
        ? []
        : mergeRoute(route, inNamespace(h, child!.namespace, domain)).map((merged) => ({ ...merged, written: placeOf(child!, j) })),
    );
  });
  return { ...root, spec: { ...root.spec, http } };
});

function placeOf({ namespace, name }: Rules, i: number): NonNullable<Rule['written']> {
  return { by: { kind: 'VirtualService', namespace, name }, at: `spec.http[${i}]` };
}

/** Short names of the delegate mean its own namespace, wherever the routes end up. */
function inNamespace(route: HTTPRoute, namespace: string, domain: string): HTTPRoute {
  const full = (d: Destination): Destination => ({ ...d, host: fullHost(d.host ?? '', namespace, domain) });
  return {
    ...route,
    ...(route.route ? { route: route.route.map((r) => (r.destination ? { ...r, destination: full(r.destination) } : r)) } : {}),
    ...(route.mirror ? { mirror: full(route.mirror) } : {}),
    ...(route.mirrors ? { mirrors: route.mirrors.map((m) => ({ ...m, destination: full(m.destination) })) } : {}),
  };
}

function mergeRoute(root: HTTPRoute, own: HTTPRoute): HTTPRoute[] {
  const match = mergeMatches(root.match, own.match);
  if (match && !match.length) return [];
  const { delegate: _delegate, match: _match, headers: _headers, name: _name, ...rest } = root;
  const headers = mergeHeaders(root.headers, own.headers);
  const name = [root.name, own.name].filter(Boolean).join('-');
  return [{ ...rest, ...own, ...(name ? { name } : {}), ...(headers ? { headers } : {}), ...(match ? { match } : {}) }];
}

/** Every pair that can hold together; undefined when nothing is asked for. */
function mergeMatches(
  roots: readonly HTTPMatchRequest[] | undefined,
  owns: readonly HTTPMatchRequest[] | undefined,
): HTTPMatchRequest[] | undefined {
  if (!roots?.length) return owns?.length ? [...owns] : undefined;
  if (!owns?.length) return [...roots];
  return roots.flatMap((root) => owns.flatMap((own) => (conflict(root, own) ? [] : [mergeMatch(root, own)])));
}

const MAPS = ['headers', 'withoutHeaders', 'queryParams'] as const;
const TEXTS = ['uri', 'scheme', 'method', 'authority'] as const;

function conflict(root: HTTPMatchRequest, own: HTTPMatchRequest): boolean {
  return (
    TEXTS.some((k) => apart(root[k], own[k])) ||
    MAPS.some((k) => Object.entries(own[k] ?? {}).some(([name, m]) => apart(root[k]?.[name], m))) ||
    Boolean(root.uri && own.uri && (root.ignoreUriCase ?? false) !== (own.ignoreUriCase ?? false)) ||
    Boolean(root.port && own.port && root.port !== own.port) ||
    Boolean(root.sourceNamespace && own.sourceNamespace && root.sourceNamespace !== own.sourceNamespace) ||
    Object.entries(own.sourceLabels ?? {}).some(([k, v]) => root.sourceLabels?.[k] !== undefined && root.sourceLabels[k] !== v)
  );
}

/** Whether what the delegate asks of a text is not surely within what the root asks. */
function apart(root: StringMatch | undefined, own: StringMatch | undefined): boolean {
  if (!root || !own || !Object.keys(root).length || !Object.keys(own).length) return false;
  if (root.regex !== undefined || own.regex !== undefined) return true;
  if (root.exact !== undefined) return own.exact !== root.exact;
  return !(own.exact ?? own.prefix ?? '').startsWith(root.prefix ?? '');
}

function mergeMatch(root: HTTPMatchRequest, own: HTTPMatchRequest): HTTPMatchRequest {
  const both = <T extends object>(a: T | undefined, b: T | undefined): T | undefined => (a || b ? ({ ...a, ...b } as T) : undefined);
  const maps = Object.fromEntries(
    [...MAPS, 'sourceLabels' as const].flatMap((k) => {
      const merged = both<object>(root[k], own[k]);
      return merged ? [[k, merged]] : [];
    }),
  );
  const name = [root.name, own.name].filter(Boolean).join('-');
  const gateways = own.gateways?.length ? own.gateways : root.gateways;
  return { ...root, ...own, ...maps, ...(name ? { name } : {}), ...(gateways ? { gateways } : {}) };
}

function mergeHeaders(root: Headers | undefined, own: Headers | undefined): Headers | undefined {
  if (!root || !own) return own ?? root;
  const side = (k: 'request' | 'response'): Headers => {
    const [a, b] = [root[k], own[k]];
    if (!a || !b) return a || b ? { [k]: b ?? a } : {};
    return { [k]: { set: { ...a.set, ...b.set }, add: { ...a.add, ...b.add }, remove: [...(a.remove ?? []), ...(b.remove ?? [])] } };
  };
  return { ...side('request'), ...side('response') };
}
