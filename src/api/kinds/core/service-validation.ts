import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1.js';
import { asGo, type Causes, checkLabels, checkPort, checkPortOrName, dnsLabel, dnsSubdomain, follow, qualifiedName } from '../check.ts';
import { checkAddress, checkCidr, checkReachable } from '../ip-validation.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
/** A day, which sessions are to be shorter than. */
const LONGEST_SESSION = 86_400;

export function checkService(causes: Causes, service: Service, old: Service | undefined): void {
  const spec = service.spec ?? {};
  causes.oneOf('spec.type', spec.type, TYPES);
  causes.oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  causes.oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']);
  causes.oneOf('spec.trafficDistribution', spec.trafficDistribution, ['PreferClose', 'PreferSameZone', 'PreferSameNode']);
  checkLabels(causes, 'spec.selector', spec.selector);
  const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (timeout !== undefined && (timeout <= 0 || timeout > LONGEST_SESSION)) {
    const why = `must be greater than 0 and less than ${LONGEST_SESSION}`;
    causes.invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', timeout, why);
  }
  checkAddresses(causes, spec);
  checkServicePorts(causes, spec.type, spec.ports ?? []);
  checkOutside(causes, spec);
  if (old?.spec) checkAddressKept(causes, spec, old.spec);
}

function checkAddresses(causes: Causes, spec: ServiceSpec): void {
  const isHeadless = spec.clusterIP === 'None';
  if (spec.type === 'ExternalName') {
    if (!spec.externalName) causes.required('spec.externalName');
    else follow(causes, 'spec.externalName', spec.externalName.replace(/\.$/, ''), dnsSubdomain);
    if (spec.clusterIP) causes.forbidden('spec.clusterIPs', 'may not be set for ExternalName services');
    return;
  }
  if (!spec.ports?.length && !isHeadless) causes.required('spec.ports');
  if (isHeadless && spec.type !== 'ClusterIP')
    causes.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`);
  if (!isHeadless) spec.clusterIPs?.forEach((address, i) => checkAddress(causes, `spec.clusterIPs[${i}]`, address));
  checkFamilies(causes, spec);
}

/** The cluster's addresses are all of IPv4. */
function checkFamilies(causes: Causes, { clusterIP, selector, ipFamilies = [], ipFamilyPolicy }: ServiceSpec): void {
  causes.oneOf('spec.ipFamilyPolicy', ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  // Whose endpoints are given by hand may have any.
  if (clusterIP === 'None' && !Object.keys(selector ?? {}).length) return;
  ipFamilies.forEach((family, i) => {
    if (family !== 'IPv4') causes.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster');
  });
  if (ipFamilyPolicy === 'RequireDualStack') {
    causes.invalid('spec.ipFamilyPolicy', ipFamilyPolicy, 'this cluster is not configured for dual-stack services');
  }
}

/** What concerns those who come from outside of the cluster. */
function checkOutside(causes: Causes, spec: ServiceSpec): void {
  const { type, externalIPs = [], externalTrafficPolicy, loadBalancerSourceRanges = [], loadBalancerClass } = spec;
  externalIPs.forEach((address, i) => {
    if (checkAddress(causes, `spec.externalIPs[${i}]`, address)) checkReachable(causes, `spec.externalIPs[${i}]`, address);
  });
  const isReached = type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && externalIPs.length > 0);
  if (isReached) causes.oneOf('spec.externalTrafficPolicy', externalTrafficPolicy, ['Cluster', 'Local']);
  else if (externalTrafficPolicy) {
    causes.invalid('spec.externalTrafficPolicy', externalTrafficPolicy, 'may only be set for externally-accessible services');
  }
  const onlyBalanced = "may only be used when `type` is 'LoadBalancer'";
  if (loadBalancerSourceRanges.length && type !== 'LoadBalancer') causes.forbidden('spec.LoadBalancerSourceRanges', onlyBalanced);
  loadBalancerSourceRanges.forEach((range, i) => checkCidr(causes, `spec.LoadBalancerSourceRanges[${i}]`, range.trim()));
  if (loadBalancerClass && type !== 'LoadBalancer') causes.forbidden('spec.loadBalancerClass', onlyBalanced);
}

/** An address stays, unless the Service had none. */
function checkAddressKept(causes: Causes, spec: ServiceSpec, before: ServiceSpec): void {
  if (before.type === 'ExternalName' || spec.type === 'ExternalName' || !before.clusterIP) return;
  if (spec.clusterIP !== before.clusterIP) causes.invalid('spec.clusterIPs[0]', spec.clusterIPs ?? [], 'may not change once set');
}

/** Two ports are the same by protocol and number, and are told by these alone. */
const PORT = { Name: '', Protocol: '', AppProtocol: null, Port: 0, TargetPort: 0, NodePort: 0 };

function checkServicePorts(causes: Causes, type: string | undefined, ports: readonly ServicePort[]): void {
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
    checkPort(causes, `${at}.port`, port.port ?? 0);
    checkPortOrName(causes, `${at}.targetPort`, port.targetPort ?? 0);
    if (port.nodePort) checkPort(causes, `${at}.nodePort`, port.nodePort);
    if (port.nodePort && (type === 'ClusterIP' || type === 'ExternalName')) {
      causes.forbidden(`${at}.nodePort`, `may not be used when \`type\` is '${type}'`);
    }
    causes.oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    if (port.appProtocol !== undefined) follow(causes, `${at}.appProtocol`, port.appProtocol, qualifiedName);
    const number = `${port.protocol}/${port.port}`;
    if (numbers.has(number)) causes.duplicate(at, asGo({ protocol: port.protocol, port: port.port }, PORT));
    numbers.add(number);
  });
}
