import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Ingress, IngressBackend, IngressClass, NetworkPolicy } from 'kubernetes-types/networking/v1.js';
import type { Resource } from '../object.ts';
import { EndpointSlices, Ingresses } from '../resources.ts';
import { type Causes, checkSelector, dnsSubdomain, follow } from './check.ts';
import { ageColumn, column, nameColumn, selectorText } from './columns.ts';
import { define } from './define.ts';
import { oldIngressClasses, oldIngresses, oldNetworkPolicies } from './legacy/ingress.ts';
import { oldEndpointSlices } from './legacy/others.ts';

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
  const { rules = [], defaultBackend } = o.spec ?? {};
  if (!rules.length && !defaultBackend) causes.invalid('spec', o.spec ?? {}, 'either `defaultBackend` or `rules` must be specified');
  if (defaultBackend) checkBackend(causes, 'spec.defaultBackend', defaultBackend);
  rules.forEach((rule, i) => {
    if (rule.host) follow(causes, `spec.rules[${i}].host`, rule.host.replace(/^\*\./, ''), dnsSubdomain);
    rule.http?.paths?.forEach((path, j) => {
      const at = `spec.rules[${i}].http.paths[${j}]`;
      if (!path.pathType) causes.required(`${at}.pathType`, 'pathType must be specified');
      else causes.oneOf(`${at}.pathType`, path.pathType, ['Exact', 'ImplementationSpecific', 'Prefix']);
      if ((path.pathType === 'Exact' || path.pathType === 'Prefix') && !path.path?.startsWith('/')) {
        causes.invalid(`${at}.path`, path.path ?? '', 'must be an absolute path');
      }
      checkBackend(causes, `${at}.backend`, path.backend);
    });
    if (rule.http && !rule.http.paths?.length) causes.required(`spec.rules[${i}].http.paths`);
  });
}

function checkBackend(causes: Causes, at: string, backend: IngressBackend | undefined): void {
  if (!backend?.service && !backend?.resource) return causes.required(at, 'a service or a resource must be given');
  const { service } = backend;
  if (!service) return;
  if (!service.name) causes.required(`${at}.service.name`);
  if (!service.port?.name && !service.port?.number) causes.required(`${at}.service.port`, 'port name or number is required');
}

/** How many hosts, ports and addresses are shown. */
const SHOWN = 3;

function few(values: readonly string[], none: string): string {
  if (!values.length) return none;
  return values.slice(0, SHOWN).join(',') + (values.length > SHOWN ? ` + ${values.length - SHOWN} more...` : '');
}

function hostsText(o: Ingress): string {
  return few((o.spec?.rules ?? []).map((r) => r.host ?? '').filter(Boolean), '*');
}

const Classes: Resource<IngressClass> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
};

function parametersText(o: IngressClass): string {
  const p = o.spec?.parameters;
  return p ? `${p.kind}${p.apiGroup ? `.${p.apiGroup}` : ''}/${p.name}` : '<none>';
}

export const ingressClasses = define<IngressClass>({
  resource: Classes,
  schema: 'k8s.io.api.networking.v1.IngressClass',
  check(causes, o) {
    if (!o.spec?.controller) causes.required('spec.controller');
  },
  columns: [nameColumn, column('Controller', (o) => o.spec?.controller ?? ''), column('Parameters', parametersText), ageColumn],
  legacy: oldIngressClasses,
});

const Policies: Resource<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  namespaced: true,
};

export const networkPolicies = define<NetworkPolicy>({
  resource: Policies,
  shortNames: ['netpol'],
  schema: 'k8s.io.api.networking.v1.NetworkPolicy',
  default(o) {
    if (!o.spec) return;
    o.spec.policyTypes ??= o.spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    for (const rule of [...(o.spec.ingress ?? []), ...(o.spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
  },
  check(causes, o) {
    checkSelector(causes, 'spec.podSelector', o.spec?.podSelector);
  },
  columns: [nameColumn, column('Pod-Selector', (o) => selectorText(o.spec?.podSelector)), ageColumn],
  legacy: oldNetworkPolicies,
});

export const endpointSlices = define<EndpointSlice>({
  resource: EndpointSlices,
  schema: 'k8s.io.api.discovery.v1.EndpointSlice',
  default(o) {
    for (const endpoint of o.endpoints ?? []) endpoint.conditions ??= {};
    for (const port of o.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  check(causes, o, old) {
    if (!o.addressType) causes.required('addressType');
    else causes.oneOf('addressType', o.addressType, ['FQDN', 'IPv4', 'IPv6']);
    if (old) causes.immutable('addressType', o.addressType, old.addressType);
    o.endpoints?.forEach((endpoint, i) => {
      if (!endpoint.addresses?.length) causes.required(`endpoints[${i}].addresses`, 'must contain at least 1 address');
    });
  },
  columns: [
    nameColumn,
    column('AddressType', (o) => o.addressType),
    column('Ports', (o) =>
      few(
        (o.ports ?? []).map((p) => String(p.port ?? '*')),
        '<unset>',
      ),
    ),
    column('Endpoints', (o) =>
      few(
        (o.endpoints ?? []).flatMap((e) => e.addresses),
        '<unset>',
      ),
    ),
    ageColumn,
  ],
  legacy: oldEndpointSlices,
});
