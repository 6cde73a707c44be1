/**
 * What would become of a request. Hosts, routes and policies are found by the functions that make what proxies hold, and read as
 * they are sent to Envoy: an explanation cannot follow other rules than the proxies do.
 */
import { policyOf, proxyOf, spiffeId, subsetOf, type Proxy } from '../mesh/index.ts';
import { BLACK_HOLE, PASSTHROUGH } from './cluster.ts';
import type { SeenRequest } from './evaluate.ts';
import { sentOn } from './explain-route.ts';
import { arriveAt, guarded, type Call } from './explain-server.ts';
import type { ChosenRoute, Explanation, Outcome, Step, Target } from './explain-types.ts';
import { atGateway } from './explain-gateway.ts';
import { atSidecar, hostname, unproxied, type Found, type Question } from './explain-where.ts';
import { clientOf, View } from './view.ts';

export function explain(question: Question): Explanation {
  const { model, from, request } = question;
  const proxy = proxyOf(from);
  const pod = `${from.metadata?.namespace}/${from.metadata?.name}`;
  const identity = proxy && spiffeId(model.config.domain, proxy.namespace, proxy.serviceAccount);
  const view = new View(
    model,
    proxy ? clientOf(model, proxy) : { namespace: from.metadata?.namespace ?? '', labels: from.metadata?.labels ?? {} },
    proxy?.kind ?? 'sidecar',
    undefined,
  );
  const found = !proxy ? unproxied(question, view) : proxy.kind === 'gateway' ? atGateway(question, proxy) : atSidecar(question, view);
  const steps = [...found.steps];
  const notes: string[] = [];
  if (!proxy) notes.push(`${pod} has no sidecar: no VirtualService or DestinationRule holds for its requests, and it has no identity.`);

  // A gateway's own policies come before its routes.
  if (proxy?.kind === 'gateway') {
    const guard = model.guards.of(proxy.namespace, proxy.labels);
    const caller = { ip: '127.0.0.1', identity: undefined };
    const door = guarded(guard, { caller, request, http: true, now: question.now }, undefined, { address: proxy.ip, port: question.port });
    steps.unshift(...door.steps);
    if (!door.allowed) {
      const route: ChosenRoute = { does: 'refuse', says: door.why, status: door.status };
      return finish(question, pod, proxy, identity, { ...found, steps, route, clusters: [] }, [], notes);
    }
  }
  const sent = found.json ? sentOn(request, found.json) : request;
  const total = found.clusters.reduce((n, c) => n + c.weight, 0);
  const caller = { ip: from.status?.podIP ?? '', identity };
  const targets = found.clusters.map(({ name, weight }) =>
    target({ question, view, caller, request: sent, http: found.http }, name, (100 * weight) / total, steps),
  );
  return finish(question, pod, proxy, identity, { ...found, steps }, targets, notes);
}

function finish(
  { request }: Question,
  pod: string,
  proxy: Proxy | undefined,
  identity: string | undefined,
  found: Found,
  targets: readonly Target[],
  notes: readonly string[],
): Explanation {
  return {
    request,
    client: { pod, proxy: proxy?.kind ?? 'none', ...(identity ? { identity } : {}) },
    listener: found.listener,
    steps: found.steps,
    route: found.route,
    targets,
    expected: expected(found.route, targets),
    notes,
  };
}

interface Sending {
  readonly question: Question;
  readonly view: View;
  readonly caller: Call['caller'];
  readonly request: SeenRequest;
  readonly http: boolean;
}

/** One cluster: what it is, who is there and what each of them answers. */
function target({ question, view, caller, request, http }: Sending, cluster: string, share: number, steps: Step[]): Target {
  const { model } = question;
  const [, number = '', subset = '', host = ''] = cluster.split('|');
  const port = Number(number) || question.port;
  const base = { cluster, host: host || hostname(request), port, share, ...(subset ? { subset } : {}) };
  const service = view.services.find((s) => s.host === host);
  // Without a proxy there is no one to follow a DestinationRule.
  const rule = service && caller.identity ? model.destinationRules.of(view.client.namespace, service, view.client.labels) : undefined;
  const part = rule?.subsets.find((s) => s.name === subset);
  const policy = policyOf(rule, part, port);
  const known = { ...base, ...(rule ? { destinationRule: `DestinationRule ${rule.namespace}/${rule.name}` } : {}), policy };
  if (cluster === PASSTHROUGH || cluster === BLACK_HOLE) return { ...known, endpoints: [] };
  if (!view.cluster(cluster)) {
    const problem = !service
      ? `there is no service ${host}`
      : subset && !part
        ? `no DestinationRule names a subset ${subset} of ${host}`
        : `${host} has no port ${port}`;
    return { ...known, endpoints: [], problem };
  }
  if (service && ['dns', 'dns-single', 'dynamic'].includes(service.discovery)) return { ...known, endpoints: [] };
  const all = subsetOf(model.endpoints.get(host)?.ports[port] ?? [], part?.labels);
  const call: Call = { model, caller, request, http, policy, external: service?.external ?? false, now: question.now };
  const arrivals = all.map((e) => arriveAt(call, e));
  for (const arrival of arrivals)
    for (const s of arrival.steps) if (!steps.some((t) => t.object === s.object && t.path === s.path && t.why === s.why)) steps.push(s);
  return {
    ...known,
    endpoints: arrivals.map((a) => a.endpoint),
    ...(all.length ? {} : { problem: `${subset ? `subset ${subset} of ` : ''}${host} has no ready endpoint` }),
  };
}

/** The answers of the route and of all its endpoints, each with its part. */
function expected(route: ChosenRoute, targets: readonly Target[]): Outcome[] {
  const found: Outcome[] = [];
  const add = (percent: number, outcome: Omit<Outcome, 'percent'>): void => {
    if (percent <= 0) return;
    const at = found.findIndex((o) => o.status === outcome.status && o.why === outcome.why);
    if (at < 0) found.push({ percent, ...outcome });
    else found[at] = { ...found[at]!, percent: found[at]!.percent + percent };
  };
  const aborted = route.abort?.percent ?? 0;
  if (route.abort) add(aborted, { status: route.abort.status, why: 'the route’s fault aborts it' });
  const rest = 100 - aborted;
  if (route.status !== undefined) add(rest, { status: route.status, why: route.says });
  else if (route.does === 'pass through') add(rest, { why: 'whatever is there answers' });
  for (const t of route.status === undefined && route.does !== 'pass through' ? targets : []) {
    const part = (rest * t.share) / 100;
    if (t.problem) add(part, { status: 503, why: t.problem });
    else if (!t.endpoints.length) add(part, { why: 'whatever its name leads to answers' });
    for (const e of t.endpoints) add(part / t.endpoints.length, e.outcome);
  }
  return found.map((o) => ({ ...o, percent: Math.round(o.percent * 100) / 100 }));
}
