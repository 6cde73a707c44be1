import type { Endpoints as EndpointsObject, Service, ServiceSpec } from 'kubernetes-types/core/v1.js';
import { Endpoints, Services } from '../../resources.ts';
import { dns1035 } from '../check.ts';
import { ageColumn, column, few, labelsText, nameColumn, wide } from '../columns.ts';
import { define, PROXY_VERBS } from '../define.ts';
import { checkSubsets } from './endpoints-validation.ts';
import { checkService } from './service-validation.ts';

export const services = define<Service>({
  resource: Services,
  shortNames: ['svc'],
  categories: ['all'],
  schema: 'k8s.io.api.core.v1.Service',
  status: true,
  subresources: [{ name: 'proxy', group: '', version: 'v1', kind: 'ServiceProxyOptions', verbs: PROXY_VERBS }],
  nameRule: dns1035,
  default: defaultService,
  check: checkService,
  columns: [
    nameColumn,
    column('Type', (o) => o.spec?.type ?? 'ClusterIP'),
    column('Cluster-IP', (o) => o.spec?.clusterIP || '<none>'),
    column('External-IP', externalAddresses),
    column('Port(s)', portsText),
    ageColumn,
    wide('Selector', (o) => labelsText(o.spec?.selector)),
  ],
  selectableFields: ['spec.clusterIP', 'spec.type'],
});

export const endpoints = define<EndpointsObject>({
  resource: Endpoints,
  singular: 'endpoints',
  shortNames: ['ep'],
  schema: 'k8s.io.api.core.v1.Endpoints',
  warning: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  default(o) {
    for (const subset of o.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ??= 'TCP';
  },
  check: (causes, o) => checkSubsets(causes, o.subsets ?? []),
  columns: [nameColumn, column('Endpoints', addressesText), ageColumn],
});

const SESSION_SECONDS = 10_800;

const isHeadless = (spec: ServiceSpec): boolean => spec.clusterIP === 'None';
const isReachedFromOutside = ({ type, externalIPs }: ServiceSpec): boolean =>
  type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);

function defaultService(service: Service, old?: Service): void {
  const spec = (service.spec ??= {});
  spec.type ||= 'ClusterIP';
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') ((spec.sessionAffinityConfig ??= {}).clientIP ??= {}).timeoutSeconds ??= SESSION_SECONDS;
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (old?.spec) dropWhatTheTypeHadNeed(spec, old.spec);
  if (isReachedFromOutside(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.type !== 'ExternalName') {
    spec.internalTrafficPolicy ||= 'Cluster';
    if (old?.spec?.type !== 'ExternalName') spec.clusterIP ||= old?.spec?.clusterIP;
    if (!spec.clusterIP) delete spec.clusterIP;
    defaultFamilies(spec);
  }
  if (spec.clusterIP) spec.clusterIPs ??= [spec.clusterIP];
  (service as { status?: object }).status ??= { loadBalancer: {} };
}

/** Without a selector and an address nothing says which families the endpoints will be of: both. */
function defaultFamilies(spec: ServiceSpec): void {
  const any = isHeadless(spec) && !Object.keys(spec.selector ?? {}).length && !spec.ipFamilies && !spec.ipFamilyPolicy;
  spec.ipFamilies ??= any ? ['IPv4', 'IPv6'] : ['IPv4'];
  spec.ipFamilyPolicy ||= any ? 'RequireDualStack' : 'SingleStack';
}

/** Takes away, when the type changes, what is left over from the type before and was not asked for anew. */
function dropWhatTheTypeHadNeed(spec: ServiceSpec, before: ServiceSpec): void {
  const drop = (field: keyof ServiceSpec, needs: (s: ServiceSpec) => boolean): void => {
    if (needs(before) && !needs(spec) && JSON.stringify(spec[field]) === JSON.stringify(before[field])) delete spec[field];
  };
  drop('externalTrafficPolicy', isReachedFromOutside);
  drop('allocateLoadBalancerNodePorts', ({ type }) => type === 'LoadBalancer');
  drop('loadBalancerClass', ({ type }) => type === 'LoadBalancer');
  drop('healthCheckNodePort', needsHealthPort);
  for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const)
    drop(field, ({ type }) => type !== 'ExternalName');
}

const needsHealthPort = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

function externalAddresses(service: Service): string {
  const spec = service.spec;
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  const all = [...(spec?.externalIPs ?? [])];
  if (spec?.type !== 'LoadBalancer') return all.join(',') || '<none>';
  all.unshift(...(service.status?.loadBalancer?.ingress ?? []).map((i) => i.ip ?? i.hostname ?? ''));
  return all.join(',') || '<pending>';
}

function portsText(service: Service): string {
  return (
    (service.spec?.ports ?? []).map((p) => `${p.port}${p.nodePort ? `:${p.nodePort}` : ''}/${p.protocol ?? 'TCP'}`).join(',') || '<none>'
  );
}

function addressesText(o: EndpointsObject): string {
  const all = (o.subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    ports.length ? ports.flatMap((p) => addresses.map((a) => `${a.ip}:${p.port}`)) : addresses.map((a) => a.ip),
  );
  return few(all, '<none>');
}
