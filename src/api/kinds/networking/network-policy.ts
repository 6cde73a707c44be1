import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from 'kubernetes-types/networking/v1.js';
import type { Resource } from '../../object.ts';
import { type Causes, checkPortOrName, checkSelector } from '../check.ts';
import { ageColumn, column, nameColumn, selectorText } from '../columns.ts';
import { define } from '../define.ts';
import { checkCidr } from '../ip-validation.ts';
import { addressBits } from '../ip.ts';
import { oldNetworkPolicies } from '../legacy/ingress.ts';

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
    const spec = (o.spec ??= {} as NonNullable<NetworkPolicy['spec']>);
    spec.podSelector ??= {};
    spec.policyTypes ??= spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
  },
  check(causes, o) {
    const { podSelector, ingress = [], egress = [], policyTypes = [] } = o.spec ?? {};
    checkSelector(causes, 'spec.podSelector', podSelector);
    const checkRule = (at: string, ports: NetworkPolicyPort[] = [], field: string, peers: NetworkPolicyPeer[] = []): void => {
      ports.forEach((port, i) => checkPolicyPort(causes, `${at}.ports[${i}]`, port));
      peers.forEach((peer, i) => checkPeer(causes, `${at}.${field}[${i}]`, peer));
    };
    ingress.forEach((rule, i) => checkRule(`spec.ingress[${i}]`, rule.ports, 'from', rule.from));
    egress.forEach((rule, i) => checkRule(`spec.egress[${i}]`, rule.ports, 'to', rule.to));
    if (policyTypes.length > 2) return causes.invalid('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes');
    policyTypes.forEach((type, i) => causes.oneOf(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress']));
  },
  columns: [nameColumn, column('Pod-Selector', (o) => selectorText(o.spec?.podSelector)), ageColumn],
  legacy: oldNetworkPolicies,
});

function checkPolicyPort(causes: Causes, at: string, { protocol, port, endPort }: NetworkPolicyPort): void {
  causes.oneOf(`${at}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']);
  if (port !== undefined) checkPortOrName(causes, `${at}.port`, port);
  if (endPort === undefined) return;
  if (port === undefined) causes.invalid(`${at}.endPort`, endPort, 'may not be specified when `port` is not specified');
  else if (typeof port === 'string') causes.invalid(`${at}.endPort`, endPort, 'may not be specified when `port` is non-numeric');
  else if (endPort < port) causes.invalid(`${at}.endPort`, port, 'must be greater than or equal to `port`');
  if (endPort < 1 || endPort > 65535) causes.invalid(`${at}.endPort`, endPort, 'must be between 1 and 65535, inclusive');
}

function checkPeer(causes: Causes, at: string, { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer): void {
  if (podSelector) checkSelector(causes, `${at}.podSelector`, podSelector);
  if (namespaceSelector) checkSelector(causes, `${at}.namespaceSelector`, namespaceSelector);
  if (ipBlock) checkBlock(causes, `${at}.ipBlock`, ipBlock);
  if (ipBlock && (podSelector || namespaceSelector)) causes.forbidden(at, 'may not specify both ipBlock and another peer');
  else if (!ipBlock && !podSelector && !namespaceSelector) causes.required(at, 'must specify a peer');
}

function checkBlock(causes: Causes, at: string, { cidr, except = [] }: IPBlock): void {
  if (!cidr) return causes.required(`${at}.cidr`);
  const isRange = checkCidr(causes, `${at}.cidr`, cidr);
  except.forEach((part, i) => {
    const field = `${at}.except[${i}]`;
    if (!checkCidr(causes, field, part) || !isRange) return;
    const [whole, inner] = [cidr, part].map((range) => {
      const [address = '', length = ''] = range.split('/');
      return addressBits(address).slice(0, Number(length));
    }) as [string, string];
    if (inner.length <= whole.length || !inner.startsWith(whole)) causes.invalid(field, part, 'must be a strict subset of `cidr`');
  });
}
