import type { Ingress, IngressBackend, IngressClass } from 'kubernetes-types/networking/v1.js';
import { IngressClasses, Ingresses } from '../../resources.ts';
import { type Causes, checkPort, dns1035, dnsSubdomain, follow, portName, type Rule } from '../check.ts';
import { ageColumn, column, few, nameColumn } from '../columns.ts';
import { define } from '../define.ts';
import { addressVersion } from '../ip.ts';
import { oldIngressClasses, oldIngresses } from '../legacy/ingress.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export const ingresses = define<Ingress>({
  resource: Ingresses,
  shortNames: ['ing'],
  schema: 'k8s.io.api.networking.v1.Ingress',
  status: true,
  default(o) {
    (o as { status?: object }).status ??= { loadBalancer: {} };
  },
  check: checkIngress,
  columns: [
    nameColumn,
    column('Class', (o) => o.spec?.ingressClassName ?? o.metadata?.annotations?.[CLASS_ANNOTATION] ?? '<none>'),
    column('Hosts', hostsText),
    column('Address', (o) => (o.status?.loadBalancer?.ingress ?? []).map((i) => i.ip ?? i.hostname ?? '').join(',')),
    column('Ports', (o) => (o.spec?.tls?.length ? '80, 443' : '80')),
    ageColumn,
  ],
  legacy: oldIngresses,
});

function checkIngress(causes: Causes, o: Ingress): void {
  const { rules = [], defaultBackend, ingressClassName, tls = [] } = o.spec ?? {};
  if (!rules.length && !defaultBackend) causes.invalid('spec', null, 'either `defaultBackend` or `rules` must be specified');
  if (defaultBackend) checkBackend(causes, 'spec.defaultBackend', defaultBackend);
  if (ingressClassName !== undefined) follow(causes, 'spec.ingressClassName', ingressClassName, dnsSubdomain);
  rules.forEach((rule, i) => {
    checkHost(causes, `spec.rules[${i}].host`, rule.host);
    rule.http?.paths?.forEach((path, j) => {
      const at = `spec.rules[${i}].http.paths[${j}]`;
      if (!path.pathType) causes.required(`${at}.pathType`, 'pathType must be specified');
      else causes.oneOf(`${at}.pathType`, path.pathType, ['Exact', 'ImplementationSpecific', 'Prefix']);
      if (path.pathType === 'Exact' || path.pathType === 'Prefix') checkPath(causes, `${at}.path`, path.path ?? '');
      checkBackend(causes, `${at}.backend`, path.backend);
    });
    if (rule.http && !rule.http.paths?.length) causes.required(`spec.rules[${i}].http.paths`);
  });
  tls.forEach(({ hosts = [], secretName }, i) => {
    hosts.forEach((host, j) => follow(causes, `spec.tls[${i}].hosts[${j}]`, host, host.includes('*') ? wildcard : dnsSubdomain));
    if (secretName) follow(causes, `spec.tls[${i}].secretName`, secretName, dnsSubdomain);
  });
}

const WILDCARD_HELP =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const wildcard: Rule = (host) => (host.startsWith('*.') && !dnsSubdomain(host.slice(2)) ? undefined : WILDCARD_HELP);

function checkHost(causes: Causes, field: string, host: string | undefined): void {
  if (!host) return;
  if (addressVersion(host)) causes.invalid(field, host, 'must be a DNS name, not an IP address');
  else follow(causes, field, host, host.includes('*') ? wildcard : dnsSubdomain);
}

/** What a path that is compared by its parts may not have inside, and at its end. */
const INSIDE = ['//', '/./', '/../', '%2f', '%2F'];
const AT_THE_END = ['/..', '/.'];

function checkPath(causes: Causes, field: string, path: string): void {
  if (!path.startsWith('/')) return causes.invalid(field, path, 'must be an absolute path');
  for (const part of INSIDE) if (path.includes(part)) causes.invalid(field, path, `must not contain '${part}'`);
  for (const part of AT_THE_END) if (path.endsWith(part)) causes.invalid(field, path, `cannot end with '${part}'`);
}

function checkBackend(causes: Causes, at: string, { service, resource }: Partial<IngressBackend> = {}): void {
  if (!service && !resource) return causes.invalid(at, '', 'resource or service backend is required');
  if (service && resource) return causes.invalid(at, '', 'cannot set both resource and service backends');
  if (!service) return;
  const { name, port } = service;
  if (!name) causes.required(`${at}.service.name`);
  else follow(causes, `${at}.service.name`, name, dns1035);
  if (port?.name && port.number) causes.invalid(at, '', 'cannot set both port name & port number');
  else if (port?.name) follow(causes, `${at}.service.port.name`, port.name, portName);
  else if (port?.number) checkPort(causes, `${at}.service.port.number`, port.number);
  else causes.required(at, 'port name or number is required');
}

function hostsText(o: Ingress): string {
  return few((o.spec?.rules ?? []).map((r) => r.host ?? '').filter(Boolean), '*');
}

function parametersText(o: IngressClass): string {
  const p = o.spec?.parameters;
  return p ? `${p.kind}${p.apiGroup ? `.${p.apiGroup}` : ''}/${p.name}` : '<none>';
}

/** Bytes that the name of a controller may have. */
const CONTROLLER_LIMIT = 250;

export const ingressClasses = define<IngressClass>({
  resource: IngressClasses,
  schema: 'k8s.io.api.networking.v1.IngressClass',
  default(o) {
    if (o.spec?.parameters) o.spec.parameters.scope ??= 'Cluster';
  },
  check(causes, o, old) {
    const { controller = '', parameters } = o.spec ?? {};
    if (controller.length > CONTROLLER_LIMIT) causes.tooLong('spec.controller', CONTROLLER_LIMIT);
    checkDomainPath(causes, 'spec.controller', controller);
    if (parameters) checkParameters(causes, 'spec.parameters', parameters);
    if (old) causes.immutable('spec.controller', controller, old.spec?.controller);
  },
  columns: [nameColumn, column('Controller', (o) => o.spec?.controller ?? ''), column('Parameters', parametersText), ageColumn],
  legacy: oldIngressClasses,
});

/** `example.com/anything` */
function checkDomainPath(causes: Causes, field: string, text: string): void {
  if (!text) return causes.required(field);
  const [domain = '', ...path] = text.split('/');
  if (!domain || !path.join('/')) return causes.invalid(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")');
  follow(causes, field, domain, dnsSubdomain);
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path.join('/'))) causes.invalid(field, path.join('/'), 'Invalid path');
}

function checkParameters(causes: Causes, at: string, parameters: NonNullable<NonNullable<IngressClass['spec']>['parameters']>): void {
  const { apiGroup, kind, name, namespace, scope } = parameters;
  if (apiGroup !== undefined) follow(causes, `${at}.apiGroup`, apiGroup, dnsSubdomain);
  if (!kind) causes.required(`${at}.kind`);
  if (!name) causes.required(`${at}.name`);
  causes.oneOf(`${at}.scope`, scope, ['Cluster', 'Namespace']);
  if (scope === 'Namespace' && !namespace) causes.required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'");
  if (scope === 'Cluster' && namespace) causes.forbidden(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'");
}
