import { Gateways, ServiceEntries } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { AGE, defineCustom, shows } from '../custom.ts';
import { checkCidr, checkExportTo, checkHost, checkName, checkPortNumber, isIp } from './checks.ts';
import { networking } from './shared.ts';
import type { Gateway, GatewayServer, ServiceEntry } from './types.ts';

export const gateways = defineCustom<Gateway>({
  ...networking,
  resource: Gateways,
  shortNames: ['gw'],
  check: checkGateway,
});

const PROTOCOLS = ['GRPC', 'GRPC-WEB', 'HTTP', 'HTTP2', 'HTTPS', 'MONGO', 'MYSQL', 'REDIS', 'TCP', 'TLS', 'UDP'];

const PLAIN: ReadonlySet<string> = new Set(['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB']);
const VERSIONS = ['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'];

function checkProtocol(causes: Causes, field: string, protocol: string | undefined): void {
  if (protocol !== undefined && !PROTOCOLS.includes(protocol.toUpperCase())) causes.unsupported(field, protocol, PROTOCOLS);
}

function checkGateway(causes: Causes, o: Gateway): void {
  const servers = o.spec?.servers ?? [];
  if (!servers.length) causes.required('spec.servers', 'gateway must have at least one server');
  const names = new Set<string>();
  servers.forEach((server, i) => {
    const at = `spec.servers[${i}]`;
    checkServer(causes, at, server);
    const name = server.port?.name;
    if (!name) return;
    if (names.has(name)) causes.invalid(`${at}.port.name`, name, `port names in servers must be unique: duplicate name ${name}`);
    names.add(name);
  });
}

function checkServer(causes: Causes, at: string, { port, hosts, tls }: GatewayServer): void {
  if (!hosts?.length) causes.required(`${at}.hosts`, 'server config must contain at least one host');
  hosts?.forEach((host, i) => {
    const [namespace, name] = host.includes('/') ? [host.slice(0, host.indexOf('/')), host.slice(host.indexOf('/') + 1)] : ['*', host];
    if (!namespace) causes.invalid(`${at}.hosts[${i}]`, host, 'namespace must not be empty');
    checkHost(causes, `${at}.hosts[${i}]`, name);
  });
  if (!port) return causes.required(`${at}.port`, 'port is required');
  if (port.number === undefined) causes.required(`${at}.port.number`);
  checkPortNumber(causes, `${at}.port.number`, port.number);
  checkName(causes, `${at}.port.name`, port.name);
  if (!port.protocol) causes.required(`${at}.port.protocol`);
  checkProtocol(causes, `${at}.port.protocol`, port.protocol);

  const secured = ['HTTPS', 'TLS'].includes(port.protocol?.toUpperCase() ?? '');
  if (secured && !tls) causes.required(`${at}.tls`, 'server must have TLS settings for HTTPS/TLS protocols');
  if (!tls) return;
  if (port.protocol && !secured && !(tls.httpsRedirect && PLAIN.has(port.protocol.toUpperCase()))) {
    causes.forbidden(`${at}.tls`, 'server cannot have TLS settings for non HTTPS/TLS ports, but for httpsRedirect');
  }
  if (tls.httpsRedirect && port.protocol?.toUpperCase() === 'HTTPS')
    causes.invalid(`${at}.tls.httpsRedirect`, true, 'tls.httpsRedirect should only be used with http servers');
  if (secured && tls.mode === 'ISTIO_MUTUAL') {
    for (const field of ['serverCertificate', 'privateKey', 'caCertificates', 'credentialName'] as const)
      if (tls[field]) causes.forbidden(`${at}.tls.${field}`, `ISTIO_MUTUAL TLS cannot have associated ${field}`);
  }
  const named = Boolean(tls.credentialName || tls.credentialNames?.length);
  const trusted = named || tls.caCertCredentialName || tls.caCertificates || tls.tlsCertificates?.some((c) => c.caCertificates);
  if (secured && (tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL') && !trusted) {
    causes.required(`${at}.tls.caCertificates`, `${tls.mode} TLS requires a client CA bundle, or a credentialName`);
  }
  const [least, most] = [VERSIONS.indexOf(tls.minProtocolVersion ?? ''), VERSIONS.indexOf(tls.maxProtocolVersion ?? '')];
  if (least > 0 && most > 0 && least > most)
    causes.invalid(`${at}.tls.minProtocolVersion`, tls.minProtocolVersion, 'must not be newer than maxProtocolVersion');
  tls.verifyCertificateHash?.forEach((hash, j) => {
    if (!/^([0-9a-f]{64}|[0-9a-f]{2}(:[0-9a-f]{2}){31})$/i.test(hash))
      causes.invalid(`${at}.tls.verifyCertificateHash[${j}]`, hash, 'must be a SHA-256 digest in hexadecimal digits');
  });
  tls.verifyCertificateSpki?.forEach((hash, j) => {
    if (!/^[A-Za-z0-9+/]{43}=$/.test(hash))
      causes.invalid(`${at}.tls.verifyCertificateSpki[${j}]`, hash, 'must be a SHA-256 digest in base64');
  });
  const own = tls.mode === undefined || tls.mode === 'SIMPLE' || tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL';
  if (!secured || !own || named || tls.tlsCertificates?.length) return;
  const mode = tls.mode ?? 'SIMPLE';
  if (!tls.serverCertificate)
    causes.required(`${at}.tls.serverCertificate`, `${mode} TLS requires a server certificate, or a credentialName`);
  if (!tls.privateKey) causes.required(`${at}.tls.privateKey`, `${mode} TLS requires a private key, or a credentialName`);
}

export const serviceEntries = defineCustom<ServiceEntry>({
  ...networking,
  resource: ServiceEntries,
  shortNames: ['se'],
  check: checkServiceEntry,
  columns: [shows('Hosts', '.spec.hosts'), shows('Location', '.spec.location'), shows('Resolution', '.spec.resolution'), AGE],
});

function checkServiceEntry(causes: Causes, o: ServiceEntry): void {
  const spec = o.spec;
  if (!spec?.hosts?.length) return causes.required('spec.hosts', 'service entry must have at least one host');
  spec.hosts.forEach((host, i) => {
    if (host === '*') causes.invalid(`spec.hosts[${i}]`, host, 'invalid host *');
    else checkHost(causes, `spec.hosts[${i}]`, host);
  });
  const names = new Set<string>();
  spec.ports?.forEach((port, i) => {
    const at = `spec.ports[${i}]`;
    checkName(causes, `${at}.name`, port.name);
    checkPortNumber(causes, `${at}.number`, port.number);
    checkPortNumber(causes, `${at}.targetPort`, port.targetPort);
    checkProtocol(causes, `${at}.protocol`, port.protocol);
    if (names.has(port.name)) causes.duplicate(`${at}.name`, port.name);
    names.add(port.name);
  });
  const endpoints = spec.endpoints ?? [];
  if (endpoints.length && spec.workloadSelector) {
    causes.invalid('spec.workloadSelector', spec.workloadSelector, 'only one of WorkloadSelector or Endpoints is allowed in Service Entry');
  }
  const resolution = spec.resolution ?? 'NONE';
  if (resolution === 'STATIC' && !endpoints.length && !spec.workloadSelector) {
    causes.required('spec.endpoints', 'endpoints must be provided if service entry resolution mode is static');
  }
  if (resolution === 'NONE' && endpoints.length)
    causes.forbidden('spec.endpoints', 'no endpoints should be provided for resolution type none');
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    causes.invalid('spec.endpoints', endpoints.length, 'there must only be 0 or 1 endpoint for resolution mode DNS_ROUND_ROBIN');
  spec.hosts.forEach((host, i) => {
    if (resolution === 'DYNAMIC_DNS' && !host.startsWith('*.'))
      causes.invalid(`spec.hosts[${i}]`, host, 'hosts must be wildcards for resolution mode DYNAMIC_DNS');
    if ((resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN') && host.includes('*') && !endpoints.length && !spec.workloadSelector)
      causes.invalid(`spec.hosts[${i}]`, host, `hosts must be FQDN if no endpoints are provided for resolution mode ${resolution}`);
  });
  spec.addresses?.forEach((address, i) => checkCidr(causes, `spec.addresses[${i}]`, address));
  endpoints.forEach(({ address = '', ports = {} }, i) => {
    const at = `spec.endpoints[${i}]`;
    if (!address.startsWith('unix://') && address) {
      if (resolution === 'STATIC' && !isIp(address)) causes.invalid(`${at}.address`, address, 'endpoint address is not a valid IP address');
      else checkHost(causes, `${at}.address`, address, false);
    }
    for (const name of Object.keys(ports))
      if (!names.has(name)) causes.invalid(`${at}.ports`, name, `endpoint port ${name} is not defined by the service entry`);
  });
  checkExportTo(causes, spec.exportTo);
}
