/** What routes a Rollout's requests, as the provider and the service of a Canary. Pure. */
import type { CanaryService, CanarySpec } from '../../api/index.ts';
import { fields, items, number, text, type Fields, type Notes, type Source } from './source.ts';

export type Traffic = Pick<CanarySpec, 'provider' | 'ingressRef' | 'service'>;

const OTHERS: Readonly<Record<string, string>> = {
  alb: 'AWS load balancers',
  smi: 'SMI',
  ambassador: 'Ambassador',
  apisix: 'APISIX',
  appMesh: 'App Mesh',
  traefik: 'Traefik',
};
const CANARY: Readonly<Record<string, string>> = {
  canaryMetadata: 'left out: the pods of primary and canary differ by the selector label',
  stableMetadata: 'left out: the pods of primary and canary differ by the selector label',
  scaleDownDelaySeconds: 'left out: a canary is scaled down once its route has no weight',
  scaleDownDelayRevisionLimit: 'left out: there are two versions at most',
  abortScaleDownDelaySeconds: 'left out: a canary that is rolled back is scaled down at once',
  minPodsPerReplicaSet: 'left out: the canary has the replicas of the Deployment',
  dynamicStableScale: 'left out: the primary keeps its replicas, so that a rollback is a change of the route alone',
  pingPong: 'left out: the Services of primary and canary keep their selectors anyway',
  antiAffinity: 'left out: write podAntiAffinity into the template of the Deployment; the primary has its own by itself',
};

export function trafficOf(rollout: Source, sources: readonly Source[], notes: Notes): Traffic {
  const { canary, blueGreen } = fields(rollout.spec['strategy']);
  if (blueGreen) return blueGreenTraffic(rollout, fields(blueGreen), sources, notes);
  const strategy = fields(canary);
  const at = 'spec.strategy.canary';
  for (const [field, why] of Object.entries(CANARY)) if (strategy[field] !== undefined) notes.add(rollout, `${at}.${field}`, why);
  const service = serviceOf(rollout, text(strategy['stableService']), sources, notes);
  const replaced = text(strategy['canaryService']);
  const own = `${nameOf(rollout, service)}-canary`;
  if (replaced)
    notes.add(
      rollout,
      `${at}.canaryService`,
      replaced === own
        ? `the Canary makes a Service of that name itself, and takes it over; the primary is reached by ${nameOf(rollout, service)}-primary`
        : `Service ${replaced} is of no use any more: the canary is reached by ${own}, the primary by ${nameOf(rollout, service)}-primary`,
    );
  const routing = fields(strategy['trafficRouting']);
  const path = `${at}.trafficRouting`;
  if (number(routing['maxTrafficWeight'])) notes.add(rollout, `${path}.maxTrafficWeight`, 'left out: weights are percentages');
  const plugins = fields(routing['plugins']);
  const gatewayApi = plugins['argoproj-labs/gatewayAPI'] ?? plugins['argoproj-labs/gatewayApi'];
  if (routing['istio'])
    return { provider: 'istio', service: { ...service, ...istioService(rollout, fields(routing['istio']), sources, notes) } };
  if (routing['nginx']) return nginxTraffic(rollout, fields(routing['nginx']), service, notes);
  if (gatewayApi)
    return { provider: 'gatewayapi:v1', service: { ...service, ...gatewayService(rollout, fields(gatewayApi), sources, notes) } };
  const other = Object.keys(OTHERS).find((k) => routing[k]) ?? Object.keys(plugins)[0];
  if (other)
    notes.add(
      rollout,
      `${path}.${OTHERS[other] ? other : `plugins.${other}`}`,
      `${OTHERS[other] ?? other} is not supported: requests are split by what runs there (--mesh-provider; istio when nothing is said)`,
    );
  else
    notes.add(
      rollout,
      at,
      'without trafficRouting Argo splits requests by the number of pods; here the mesh splits them by weight (provider istio unless another is the default)',
    );
  return { service };
}

function blueGreenTraffic(rollout: Source, strategy: Fields, sources: readonly Source[], notes: Notes): Traffic {
  const service = serviceOf(rollout, text(strategy['activeService']), sources, notes);
  const preview = text(strategy['previewService']);
  if (preview)
    notes.add(
      rollout,
      'spec.strategy.blueGreen.previewService',
      `Service ${preview} is of no use any more: the preview is ${nameOf(rollout, service)}-canary`,
    );
  return { provider: 'kubernetes', service };
}

const nameOf = (rollout: Source, service: CanaryService): string => service.name ?? targetOf(rollout);

/** The name of the Deployment. */
export function targetOf(rollout: Source): string {
  return text(fields(rollout.spec['workloadRef'])['name']) ?? rollout.name;
}

/** What clients call. Its ports come from the Service, where that was given, or from the pods. */
function serviceOf(rollout: Source, name: string | undefined, sources: readonly Source[], notes: Notes): CanaryService {
  const found = sources.find((s) => s.kind === 'Service' && s.name === name);
  const [port] = items(found?.spec['ports']).map(fields);
  const named = name && name !== targetOf(rollout) ? { name } : {};
  if (port) {
    const target = port['targetPort'];
    const targetPort = typeof target === 'number' || typeof target === 'string' ? { targetPort: target } : {};
    const portName = text(port['name']);
    return { ...named, port: number(port['port']) ?? 80, ...targetPort, ...(portName && portName !== 'http' ? { portName } : {}) };
  }
  const containers = items(fields(fields(rollout.spec['template'])['spec'])['containers']).map(fields);
  const [own] = containers.flatMap((c) => items(c['ports']).map(fields));
  const guess = number(own?.['containerPort']);
  notes.add(
    rollout,
    name ? 'spec.strategy' : 'spec',
    name
      ? `Service ${name} is not in what was given: correct spec.service.port and targetPort of the Canary (${guess ?? 80} is a guess)`
      : `no Service is named: ${targetOf(rollout)} is what clients will call; correct spec.service.port of the Canary (${guess ?? 80} is a guess)`,
  );
  return { ...named, port: name ? 80 : (guess ?? 80), ...(guess === undefined ? {} : { targetPort: guess }) };
}

function istioService(rollout: Source, istio: Fields, sources: readonly Source[], notes: Notes): Partial<CanaryService> {
  const path = 'spec.strategy.canary.trafficRouting.istio';
  const refs = [istio['virtualService'], ...items(istio['virtualServices'])].filter(Boolean).map(fields);
  if (refs.length > 1)
    notes.add(
      rollout,
      `${path}.virtualServices`,
      'a Canary has one VirtualService: the first is followed, weights of the others are no longer written',
    );
  const name = text(refs[0]?.['name']) ?? '';
  if (items(refs[0]?.['routes']).length > 0)
    notes.add(
      rollout,
      `${path}.virtualService.routes`,
      'the Canary writes the whole VirtualService of its service, with one route: keep others in a VirtualService that delegates to it (spec.service.delegation)',
    );
  if (istio['destinationRule'])
    notes.add(
      rollout,
      `${path}.destinationRule`,
      'subsets are left out: primary and canary are Services of their own; delete the DestinationRule, and bring its trafficPolicy to spec.service.trafficPolicy',
    );
  const found = sources.find((s) => s.kind === 'VirtualService' && s.name === name.split('.')[0]);
  if (!found) {
    notes.add(
      rollout,
      `${path}.virtualService`,
      `VirtualService ${name} is not in what was given: bring its hosts, gateways, retries and timeouts to spec.service of the Canary`,
    );
    return {};
  }
  const hosts = items(found.spec['hosts']).map(String);
  const gateways = items(found.spec['gateways']).map(String);
  const [http] = items(found.spec['http']).map(fields);
  notes.add(found, 'spec', 'delete it once the Canary is initialized: that writes a VirtualService with the name of its service');
  return {
    ...(hosts.length > 0 ? { hosts } : {}),
    ...(gateways.length > 0 ? { gateways } : {}),
    ...pick(http, ['timeout', 'retries', 'headers', 'corsPolicy', 'rewrite', 'match']),
  };
}

function nginxTraffic(rollout: Source, nginx: Fields, service: CanaryService, notes: Notes): Traffic {
  const path = 'spec.strategy.canary.trafficRouting.nginx';
  const several = items(nginx['stableIngresses']).map(String);
  const name = text(nginx['stableIngress']) ?? several[0] ?? '';
  if (several.length > 1)
    notes.add(rollout, `${path}.stableIngresses`, `a Canary has one Ingress: ${name}; the others are no longer split`);
  for (const field of ['additionalIngressAnnotations', 'canaryIngressAnnotations', 'annotationPrefix'])
    if (nginx[field] !== undefined)
      notes.add(rollout, `${path}.${field}`, 'left out: the Ingress of the canary has the annotations of the original, and the weight');
  notes.add(rollout, path, `the Ingress ${name} is to lead to the Service ${nameOf(rollout, service)}`);
  return { provider: 'nginx', ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name }, service };
}

function gatewayService(rollout: Source, plugin: Fields, sources: readonly Source[], notes: Notes): Partial<CanaryService> {
  const path = 'spec.strategy.canary.trafficRouting.plugins.argoproj-labs/gatewayAPI';
  const routes = [text(plugin['httpRoute']), ...items(plugin['httpRoutes']).map((r) => text(fields(r)['name']))].filter(
    (n) => n !== undefined,
  );
  for (const kind of ['grpcRoute', 'grpcRoutes', 'tcpRoute', 'tcpRoutes', 'tlsRoute', 'tlsRoutes'])
    if (plugin[kind] !== undefined) notes.add(rollout, `${path}.${kind}`, 'left out: a Canary writes an HTTPRoute');
  if (routes.length > 1) notes.add(rollout, `${path}.httpRoutes`, `a Canary has one HTTPRoute: ${routes[0]} is followed`);
  const found = sources.find((s) => s.kind === 'HTTPRoute' && s.name === routes[0]);
  if (!found) {
    notes.add(
      rollout,
      path,
      `HTTPRoute ${routes[0] ?? ''} is not in what was given: write its parentRefs into spec.service.gatewayRefs of the Canary (it does nothing without) and its hostnames into spec.service.hosts`,
    );
    return {};
  }
  notes.add(found, 'spec', 'delete it once the Canary is initialized: that writes an HTTPRoute with the name of its service');
  const hosts = items(found.spec['hostnames']).map(String);
  return { gatewayRefs: [...items(found.spec['parentRefs'])], ...(hosts.length > 0 ? { hosts } : {}) };
}

const pick = (from: Fields | undefined, names: readonly string[]): Fields =>
  Object.fromEntries(names.filter((n) => from?.[n] !== undefined).map((n) => [n, from![n]]));
