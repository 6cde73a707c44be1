/** An HTTPRoute with weighted backends (Gateway API v1; v1beta1 is the same object under its older name). */
import { Canaries, type HTTPMatchRequest, type KubeObject, type Resource, type StringMatch } from '../../api/index.ts';
import { controllerReference } from '../../control/index.ts';
import { sessionRules, type SessionRule } from '../affinity.ts';
import type { Observation } from '../decision.ts';
import { ALL_PRIMARY, previewMatch, serviceName, type Weights } from '../routes.ts';
import type { Settings } from '../settings.ts';
import type { Router } from './router.ts';

type Filter = Readonly<Record<string, unknown>> & { readonly type: string };

interface BackendRef {
  readonly name: string;
  readonly port?: number;
  readonly weight?: number;
  readonly group?: string;
  readonly kind?: string;
  readonly filters?: readonly Filter[];
}

interface Rule {
  readonly matches?: readonly unknown[];
  readonly filters?: readonly Filter[];
  readonly backendRefs?: readonly BackendRef[];
  readonly timeouts?: { readonly request?: string };
}

interface HTTPRouteObject extends KubeObject {
  readonly spec: { readonly parentRefs?: readonly unknown[]; readonly hostnames?: readonly string[]; readonly rules?: readonly Rule[] };
}

const routesIn = (settings: Settings): Resource<HTTPRouteObject> => ({
  group: 'gateway.networking.k8s.io',
  version: settings.provider === 'gatewayapi:v1beta1' ? 'v1beta1' : 'v1',
  kind: 'HTTPRoute',
  plural: 'httproutes',
  namespaced: true,
});

/** The Gateway API knows exact values and regular expressions. */
function valueMatch({ exact, prefix, regex }: StringMatch): { type: string; value: string } {
  if (exact !== undefined) return { type: 'Exact', value: exact };
  if (prefix !== undefined) return { type: 'RegularExpression', value: `${prefix.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}.*` };
  return { type: 'RegularExpression', value: regex ?? '.*' };
}

function matchOf(m: HTTPMatchRequest): object {
  const path = m.uri && {
    type: m.uri.exact !== undefined ? 'Exact' : m.uri.prefix !== undefined ? 'PathPrefix' : 'RegularExpression',
    value: m.uri.exact ?? m.uri.prefix ?? m.uri.regex ?? '/',
  };
  return {
    path: path ?? { type: 'PathPrefix', value: '/' },
    ...(m.method?.exact ? { method: m.method.exact } : {}),
    ...(m.headers ? { headers: Object.entries(m.headers).map(([name, v]) => ({ name, ...valueMatch(v) })) } : {}),
    ...(m.queryParams ? { queryParams: Object.entries(m.queryParams).map(([name, v]) => ({ name, ...valueMatch(v) })) } : {}),
  };
}

/** Both hold: what the service's own rules ask for, and `more`. */
function matchesOf(o: Observation, more: readonly HTTPMatchRequest[] = [{}]): object[] {
  const own = o.canary.spec.service.match ?? [{}];
  return more.flatMap((m) =>
    own.map((s) => matchOf({ ...s, ...m, ...(s.headers || m.headers ? { headers: { ...s.headers, ...m.headers } } : {}) })),
  );
}

const addHeader = (name: string, value: string): Filter => ({
  type: 'ResponseHeaderModifier',
  responseHeaderModifier: { add: [{ name, value }] },
});

function backends(o: Observation, weights: Weights, marks: SessionRule['marks'] = {}): BackendRef[] {
  const to = (role: 'primary' | 'canary'): BackendRef => ({
    group: '',
    kind: 'Service',
    name: serviceName(role, o.settings),
    port: o.canary.spec.service.port,
    weight: weights[role],
    ...(marks[role] ? { filters: [addHeader('Set-Cookie', marks[role])] } : {}),
  });
  return [to('primary'), to('canary')];
}

function filtersOf(o: Observation, weights: Weights): Filter[] {
  const { rewrite, headers, mirror } = o.canary.spec.service;
  const modifier = (ops: { set?: Record<string, string>; add?: Record<string, string>; remove?: string[] }): object => ({
    ...(ops.set ? { set: Object.entries(ops.set).map(([name, value]) => ({ name, value })) } : {}),
    ...(ops.add ? { add: Object.entries(ops.add).map(([name, value]) => ({ name, value })) } : {}),
    ...(ops.remove ? { remove: ops.remove } : {}),
  });
  const path = rewrite?.uri && {
    path:
      rewrite.type === 'ReplacePrefixMatch'
        ? { type: 'ReplacePrefixMatch', replacePrefixMatch: rewrite.uri }
        : { type: 'ReplaceFullPath', replaceFullPath: rewrite.uri },
  };
  const mirrored = {
    backendRef: { group: '', kind: 'Service', name: serviceName('canary', o.settings), port: o.canary.spec.service.port },
    ...(o.settings.mirrorWeight < 100 ? { percent: o.settings.mirrorWeight } : {}),
  };
  return [
    ...(headers?.request ? [{ type: 'RequestHeaderModifier', requestHeaderModifier: modifier(headers.request) }] : []),
    ...(headers?.response ? [{ type: 'ResponseHeaderModifier', responseHeaderModifier: modifier(headers.response) }] : []),
    ...(rewrite ? [{ type: 'URLRewrite', urlRewrite: { ...(rewrite.authority ? { hostname: rewrite.authority } : {}), ...path } }] : []),
    ...(mirror ?? []).map((m) => ({ type: 'RequestMirror', requestMirror: m })),
    ...(weights.mirrored ? [{ type: 'RequestMirror', requestMirror: mirrored }] : []),
  ];
}

function rulesOf(o: Observation, weights: Weights): Rule[] {
  const { timeout } = o.canary.spec.service;
  const filters = filtersOf(o, weights);
  const common: Rule = { ...(filters.length ? { filters } : {}), ...(timeout ? { timeouts: { request: timeout } } : {}) };
  const preview = previewMatch(o.settings, weights);
  const previewed: Rule[] = preview
    ? [{ ...common, matches: matchesOf(o, [preview]), backendRefs: backends(o, { primary: 0, canary: 1 }).slice(1) }]
    : [];
  const plain: Rule = { ...common, matches: matchesOf(o), backendRefs: backends(o, weights) };
  if (o.settings.match.length > 0) {
    const rest = weights.everyone ? backends(o, weights) : backends(o, ALL_PRIMARY).slice(0, 1);
    return [
      { ...plain, matches: matchesOf(o, o.settings.match) },
      { ...plain, backendRefs: rest },
    ];
  }
  const sessions = sessionRules(o, weights).map(({ cookie, weights: shares, marks }) => ({
    ...plain,
    ...(cookie ? { matches: matchesOf(o, [{ headers: { Cookie: { regex: cookie } } }]) } : {}),
    backendRefs: backends(o, shares, marks),
  }));
  return [...previewed, ...sessions];
}

export function httpRouteOf(o: Observation, weights: Weights): HTTPRouteObject {
  const { canary, settings } = o;
  const { service } = canary.spec;
  return {
    apiVersion: `gateway.networking.k8s.io/${routesIn(settings).version}`,
    kind: 'HTTPRoute',
    metadata: {
      name: settings.apex,
      namespace: settings.namespace,
      ...(service.apex?.labels ? { labels: service.apex.labels } : {}),
      ...(service.apex?.annotations ? { annotations: service.apex.annotations } : {}),
      ownerReferences: [controllerReference(Canaries, canary)],
    },
    spec: {
      parentRefs: service.gatewayRefs ?? [],
      ...(service.hosts?.length ? { hostnames: service.hosts } : {}),
      rules: rulesOf(o, weights),
    },
  };
}

export function weightsOf({ spec }: HTTPRouteObject, settings: Settings): Weights | undefined {
  const share = (rule: Rule, role: 'primary' | 'canary'): number | undefined =>
    rule.backendRefs?.find((b) => b.name === serviceName(role, settings))?.weight;
  const sharing = (spec.rules ?? []).filter((rule) => share(rule, 'canary') !== undefined && share(rule, 'primary') !== undefined);
  const rule = settings.affinity ? sharing.at(-1) : sharing[0];
  if (!rule) return undefined;
  const canary = share(rule, 'canary')!;
  const mirrored = rule.filters?.some(
    (f) => (f['requestMirror'] as { backendRef?: BackendRef } | undefined)?.backendRef?.name === serviceName('canary', settings),
  );
  const everyone = settings.match.length > 0 && sharing.length > 1;
  return { primary: share(rule, 'primary')!, canary, ...(mirrored ? { mirrored } : {}), ...(everyone ? { everyone } : {}) };
}

export const gatewayApi: Router = {
  async read(objects, _canary, settings) {
    const found = await objects.get(routesIn(settings), { namespace: settings.namespace, name: settings.apex });
    return found && weightsOf(found, settings);
  },
  write: (objects, o, weights) => objects.apply(routesIn(o.settings), httpRouteOf(o, weights), o),
  release: (objects, o) => objects.restore(routesIn(o.settings), { namespace: o.settings.namespace, name: o.settings.apex }, o),
};
