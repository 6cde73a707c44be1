import type { Endpoints as EndpointsObject, Service } from 'kubernetes-types/core/v1.js';
import { Endpoints, Services } from '../../resources.ts';
import { type Causes, checkLabels, checkPort, checkPortOrName, dns1035, dnsLabel, dnsSubdomain, follow } from '../check.ts';
import { ageColumn, column, labelsText, nameColumn, wide } from '../columns.ts';
import { define, PROXY_VERBS } from '../define.ts';
import { isIPv4 } from '../ip.ts';

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
  default(o) {
    for (const subset of o.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ??= 'TCP';
  },
  columns: [nameColumn, column('Endpoints', addressesText), ageColumn],
});

const SESSION_SECONDS = 10_800;

function defaultService(service: Service, old?: Service): void {
  const spec = service.spec;
  if (!spec) return;
  spec.type ||= 'ClusterIP';
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'ClientIP') ((spec.sessionAffinityConfig ??= {}).clientIP ??= {}).timeoutSeconds ??= SESSION_SECONDS;
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.type !== 'ExternalName') {
    spec.internalTrafficPolicy ||= 'Cluster';
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ||= 'SingleStack';
    if (old?.spec?.type !== 'ExternalName') spec.clusterIP ||= old?.spec?.clusterIP;
    if (!spec.clusterIP) delete spec.clusterIP;
  }
  if (spec.clusterIP) spec.clusterIPs ??= [spec.clusterIP];
  (service as { status?: object }).status ??= { loadBalancer: {} };
}

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

function checkService(causes: Causes, service: Service, old: Service | undefined): void {
  const spec = service.spec;
  if (!spec) return causes.required('spec');
  causes.oneOf('spec.type', spec.type, TYPES);
  causes.oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  causes.oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']);
  causes.oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']);
  checkLabels(causes, 'spec.selector', spec.selector);

  const headless = spec.clusterIP === 'None';
  if (spec.type === 'ExternalName') {
    if (!spec.externalName) causes.required('spec.externalName');
    else follow(causes, 'spec.externalName', spec.externalName.replace(/\.$/, ''), dnsSubdomain);
    if (spec.clusterIP) causes.forbidden('spec.clusterIPs', 'may not be set when `type` is `ExternalName`');
  } else {
    if (!spec.ports?.length && !headless) causes.required('spec.ports');
    if (headless && spec.type !== 'ClusterIP')
      causes.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`);
    if (spec.clusterIP && !headless && !isIPv4(spec.clusterIP)) {
      causes.invalid('spec.clusterIPs', [spec.clusterIP], 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
    }
  }
  checkServicePorts(causes, spec.ports ?? []);

  const before = old?.spec;
  if (
    before?.clusterIP &&
    before.type !== 'ExternalName' &&
    spec.type !== 'ExternalName' &&
    spec.clusterIP &&
    spec.clusterIP !== before.clusterIP
  ) {
    causes.invalid('spec.clusterIPs[0]', spec.clusterIP, 'may not change once set');
  }
}

function checkServicePorts(causes: Causes, ports: NonNullable<NonNullable<Service['spec']>['ports']>): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`;
    if (!port.name) {
      if (ports.length > 1) causes.required(`${at}.name`);
    } else {
      follow(causes, `${at}.name`, port.name, dnsLabel);
      if (names.has(port.name)) causes.duplicate(`${at}.name`, port.name);
      names.add(port.name);
    }
    checkPort(causes, `${at}.port`, port.port);
    checkPortOrName(causes, `${at}.targetPort`, port.targetPort);
    if (port.nodePort) checkPort(causes, `${at}.nodePort`, port.nodePort);
    causes.oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    const number = `${port.protocol}/${port.port}`;
    if (numbers.has(number)) causes.duplicate(at, { protocol: port.protocol, port: port.port });
    numbers.add(number);
  });
}

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

/** How many addresses are shown. */
const SHOWN = 3;

function addressesText(o: EndpointsObject): string {
  const all = (o.subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    ports.length ? ports.flatMap((p) => addresses.map((a) => `${a.ip}:${p.port}`)) : addresses.map((a) => a.ip),
  );
  if (!all.length) return '<none>';
  return all.slice(0, SHOWN).join(',') + (all.length > SHOWN ? ` + ${all.length - SHOWN} more...` : '');
}
