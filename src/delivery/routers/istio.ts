/** A VirtualService and two DestinationRules, as Flagger's istio router lays them out. */
import {
  Canaries,
  DestinationRules,
  VirtualServices,
  type Canary,
  type DestinationRule,
  type HTTPMatchRequest,
  type HTTPRoute,
  type HTTPRouteDestination,
  type VirtualService,
} from '../../api/index.ts';
import { controllerReference } from '../../control/index.ts';
import { sessionRules, type SessionRule } from '../affinity.ts';
import type { Observation } from '../decision.ts';
import { ALL_PRIMARY, previewMatch, serviceName, type Weights } from '../routes.ts';
import type { Settings } from '../settings.ts';
import type { Router } from './router.ts';

function destinationRuleOf(role: 'primary' | 'canary', canary: Canary, settings: Settings): DestinationRule {
  const host = serviceName(role, settings);
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: host, namespace: settings.namespace, ownerReferences: [controllerReference(Canaries, canary)] },
    spec: { host, ...(canary.spec.service.trafficPolicy ? { trafficPolicy: canary.spec.service.trafficPolicy } : {}) },
  };
}

/** Both hold: what the service's own rules ask for, and what the test does. */
function combined(test: readonly HTTPMatchRequest[], service: readonly HTTPMatchRequest[] | undefined): HTTPMatchRequest[] {
  if (!service?.length) return [...test];
  return test.flatMap((t) =>
    service.map((s) => ({
      ...s,
      ...t,
      ...(s.headers || t.headers ? { headers: { ...s.headers, ...t.headers } } : {}),
      ...(s.queryParams || t.queryParams ? { queryParams: { ...s.queryParams, ...t.queryParams } } : {}),
    })),
  );
}

/** The shares, each side marking its users where sessions are to stick. */
function destinations(o: Observation, weights: Weights, marks: SessionRule['marks'] = {}): HTTPRouteDestination[] {
  const to = (role: 'primary' | 'canary'): HTTPRouteDestination => {
    const mark = marks[role];
    return {
      destination: { host: serviceName(role, o.settings) },
      weight: weights[role],
      ...(mark ? { headers: { response: { add: { 'Set-Cookie': mark } } } } : {}),
    };
  };
  return [to('primary'), to('canary')];
}

function rules(o: Observation, weights: Weights): HTTPRoute[] {
  const { service } = o.canary.spec;
  const { settings } = o;
  const rewrite = service.rewrite && { uri: service.rewrite.uri, authority: service.rewrite.authority };
  const common: HTTPRoute = {
    ...(rewrite ? { rewrite } : {}),
    ...(service.timeout ? { timeout: service.timeout } : {}),
    ...(service.retries ? { retries: service.retries } : {}),
    ...(service.headers ? { headers: service.headers } : {}),
    ...(service.corsPolicy ? { corsPolicy: service.corsPolicy } : {}),
    ...(weights.mirrored ? { mirror: { host: serviceName('canary', settings) }, mirrorPercentage: { value: settings.mirrorWeight } } : {}),
  };
  const matching = (match: HTTPMatchRequest[] | undefined): { match?: HTTPMatchRequest[] } => (match?.length ? { match } : {});
  const preview = previewMatch(settings, weights);
  // One destination: the judge compares what chance gave to one side or the other, and nobody's wish.
  const previewed: HTTPRoute[] = preview
    ? [{ ...common, match: combined([preview], service.match), route: [{ destination: { host: serviceName('canary', settings) } }] }]
    : [];
  const plain: HTTPRoute = { ...matching(service.match), ...common, route: destinations(o, weights) };
  if (settings.match.length > 0) {
    const rest = weights.everyone ? destinations(o, weights) : destinations(o, ALL_PRIMARY).slice(0, 1);
    return [
      { ...plain, match: combined(settings.match, service.match) },
      { ...plain, route: rest },
    ];
  }
  const sessions = sessionRules(o, weights).map(({ cookie, weights: shares, marks }) => ({
    ...plain,
    ...(cookie ? { match: combined([{ headers: { Cookie: { regex: cookie } } }], service.match) } : {}),
    route: destinations(o, shares, marks),
  }));
  return [...previewed, ...sessions];
}

/** `delegation` leaves hosts and gateways to the VirtualService that delegates here. `appProtocol: tcp` makes it one of TCP. */
export function virtualServiceOf(o: Observation, weights: Weights): VirtualService {
  const { canary, settings } = o;
  const { service } = canary.spec;
  const hosts = service.hosts ?? [];
  const tcp = service.appProtocol?.toLowerCase() === 'tcp';
  const routes = tcp ? { tcp: [{ route: destinations(o, weights) }] } : { http: rules(o, weights) };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: {
      name: settings.apex,
      namespace: settings.namespace,
      ...(service.apex?.labels ? { labels: service.apex.labels } : {}),
      ...(service.apex?.annotations ? { annotations: service.apex.annotations } : {}),
      ownerReferences: [controllerReference(Canaries, canary)],
    },
    spec: service.delegation
      ? routes
      : {
          hosts: hosts.includes(settings.apex) || hosts.includes('*') ? hosts : [...hosts, settings.apex],
          gateways: service.gateways?.length ? service.gateways : ['mesh'],
          ...routes,
        },
  };
}

/** Where sessions stick, the last rule is the one that shares; in A/B testing the first is. */
export function weightsOf({ spec }: VirtualService, settings: Settings): Weights | undefined {
  const routes: readonly HTTPRoute[] = spec.http ?? spec.tcp ?? [];
  const share = (rule: HTTPRoute, role: 'primary' | 'canary'): number | undefined =>
    rule.route?.find((r) => r.destination.host.split('.')[0] === serviceName(role, settings))?.weight;
  const sharing = routes.filter((rule) => share(rule, 'canary') !== undefined && share(rule, 'primary') !== undefined);
  const rule = settings.affinity ? sharing.at(-1) : sharing[0];
  if (!rule) return undefined;
  const canary = share(rule, 'canary')!;
  const mirrored = rule.mirror?.host.split('.')[0] === serviceName('canary', settings);
  const everyone = settings.match.length > 0 && sharing.length > 1;
  return { primary: share(rule, 'primary')!, canary, ...(mirrored ? { mirrored } : {}), ...(everyone ? { everyone } : {}) };
}

export const istio: Router = {
  async read(objects, _canary, settings) {
    const found = await objects.get(VirtualServices, { namespace: settings.namespace, name: settings.apex });
    return found && weightsOf(found, settings);
  },
  async prepare(objects, o) {
    for (const role of ['canary', 'primary'] as const)
      await objects.apply(DestinationRules, destinationRuleOf(role, o.canary, o.settings), o);
  },
  write: (objects, o, weights) => objects.apply(VirtualServices, virtualServiceOf(o, weights), o),
  release: (objects, o) => objects.restore(VirtualServices, { namespace: o.settings.namespace, name: o.settings.apex }, o),
};
