/** The kinds of the Gateway API. */
import type { CustomResourceColumnDefinition } from 'kubernetes-types/apiextensions/v1.js';
import type { KindDef } from '../../kind.ts';
import { AGE, customResource, defineCustom, shows, type CustomVersion } from '../custom.ts';
import { shapesIn } from '../schema/shapes.edge.ts';

const GROUP = 'gateway.networking.k8s.io';
const shapes = shapesIn('io.k8s.networking.gateway', new URL('./gateway.shapes', import.meta.url));
const annotations = {
  'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api',
  'gateway.networking.k8s.io/bundle-version': 'v1.7.0',
  'gateway.networking.k8s.io/channel': 'experimental',
};
const condition = (type: string): CustomResourceColumnDefinition => shows(type, `.status.conditions[?(@.type=="${type}")].status`);
const HOSTNAMES = shows('Hostnames', '.spec.hostnames');

interface Kind {
  readonly kind: string;
  readonly short?: readonly string[];
  readonly columns: readonly CustomResourceColumnDefinition[];
  readonly version?: string;
  /** Versions beside the stored one. */
  readonly versions?: readonly (string | CustomVersion)[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly cluster?: true;
  readonly status?: false;
}

/** A version that goes away. */
function deprecated(kind: string, version: string, shape?: string): CustomVersion {
  return { version, warning: `${GROUP}/${version} ${kind} is deprecated; use ${GROUP}/v1`, ...(shape ? { shape } : {}) };
}

const KINDS: readonly Kind[] = [
  {
    kind: 'GatewayClass',
    short: ['gc'],
    cluster: true,
    versions: ['v1beta1'],
    columns: [
      shows('Controller', '.spec.controllerName'),
      condition('Accepted'),
      AGE,
      shows('Description', '.spec.description', { priority: 1 }),
    ],
  },
  {
    kind: 'Gateway',
    short: ['gtw'],
    versions: ['v1beta1'],
    columns: [shows('Class', '.spec.gatewayClassName'), shows('Address', '.status.addresses[*].value'), condition('Programmed'), AGE],
  },
  { kind: 'HTTPRoute', versions: ['v1beta1'], columns: [HOSTNAMES, AGE] },
  { kind: 'GRPCRoute', columns: [HOSTNAMES, AGE] },
  {
    kind: 'TLSRoute',
    versions: [deprecated('TLSRoute', 'v1alpha3'), deprecated('TLSRoute', 'v1alpha2', 'TLSRouteV1alpha2')],
    columns: [AGE],
  },
  { kind: 'TCPRoute', versions: [deprecated('TCPRoute', 'v1alpha2', 'TCPRouteV1alpha2')], columns: [AGE] },
  { kind: 'UDPRoute', versions: [deprecated('UDPRoute', 'v1alpha2', 'UDPRouteV1alpha2')], columns: [AGE] },
  { kind: 'ListenerSet', short: ['lset'], columns: [condition('Accepted'), condition('Programmed'), AGE] },
  { kind: 'ReferenceGrant', short: ['refgrant'], version: 'v1beta1', versions: ['v1'], status: false, columns: [AGE] },
  {
    kind: 'BackendTLSPolicy',
    short: ['btlspolicy'],
    versions: [deprecated('BackendTLSPolicy', 'v1alpha3')],
    labels: { 'gateway.networking.k8s.io/policy': 'Direct' },
    columns: [AGE],
  },
];

export const gatewayApiKinds: readonly KindDef[] = KINDS.map(({ kind, short = [], version = 'v1', cluster, status, ...rest }) =>
  defineCustom({
    ...rest,
    shapes,
    annotations,
    resource: customResource(GROUP, version, kind, { namespaced: !cluster }),
    shortNames: short,
    categories: ['gateway-api'],
    status: status ?? true,
  }),
);
