/** What is written and has no effect here: nothing is left out silently. */
import type {
  AuthorizationPolicy,
  DestinationRule,
  Gateway,
  PortTrafficPolicy,
  ProxyConfig,
  RequestAuthentication,
  ServiceEntry,
  Sidecar,
  TrafficPolicy,
  WorkloadEntry,
  WorkloadEntrySpec,
  WorkloadGroup,
} from '../api/index.ts';
import { isCipher } from './ciphers.ts';
import type { EntranceGateway } from './entrance.ts';
import { gatewaysBehind } from './gateway-api.ts';
import { isPlace } from './gateway.ts';
import { attachedTo, isAttached } from './guard.ts';
import { flatMapped, joined, memo } from './memo.ts';
import type { Problem } from './problem.ts';
import { isHttp, protocolNamed } from './protocol.ts';
import { isThreads, isVariable } from './proxy-settings.ts';
import { isCallable } from './sidecar.ts';
import type { Rules } from './virtual-service.ts';

type Kind =
  | 'AuthorizationPolicy'
  | 'DestinationRule'
  | 'Gateway'
  | 'ProxyConfig'
  | 'RequestAuthentication'
  | 'ServiceEntry'
  | 'Sidecar'
  | 'VirtualService'
  | 'WorkloadEntry'
  | 'WorkloadGroup';
type Finding = readonly [path: string, message: string, fix: string, code?: string];
interface Named {
  readonly namespace?: string;
  readonly name?: string;
}
/** An object; or rules with their names made full. */
type Written = Named & { readonly metadata?: Named; readonly spec?: unknown };

/** Makes the problems of one kind, remembered by object. */
function finder<T extends Written>(
  kind: Kind,
  find: (object: T) => readonly (Finding | false | undefined)[],
): (object: T) => readonly Problem[] {
  return memo((o: T) =>
    (o.spec ? find(o) : []).flatMap((found): Problem[] => {
      if (!found) return [];
      const [path, message, fix, code = 'SLU0010'] = found;
      const { namespace, name = '' } = o.metadata ?? o;
      const object = { kind, namespace, name };
      return [{ object, code, severity: 'warning', path, message, fix }];
    }),
  );
}

const ofVirtualService = finder<Rules>('VirtualService', ({ spec }) =>
  (spec.tcp ?? []).flatMap((route, i) =>
    (route.match ?? []).map(
      (m, j): Finding | false =>
        m.sourceSubnet !== undefined && [
          `spec.tcp[${i}].match[${j}].sourceSubnet`,
          'it has no effect; the match takes connections from every address.',
          'Use sourceLabels or sourceNamespace.',
        ],
    ),
  ),
);

const ofSidecar = finder<Sidecar>('Sidecar', ({ spec }) => [
  ...(spec.ingress ?? []).flatMap((own, i): (Finding | false)[] => [
    Boolean(own.bind || own.captureMode === 'NONE') && [
      `spec.ingress[${i}]`,
      'bind and captureMode NONE have no effect: what comes in is redirected to the proxy, whatever address it is for.',
      'Leave them out.',
    ],
    own.tls !== undefined && [
      `spec.ingress[${i}].tls`,
      'it has no effect; the port takes what its PeerAuthentication says.',
      'Let the application end TLS, or use a gateway.',
    ],
    Boolean(own.defaultEndpoint && !isCallable(own.defaultEndpoint)) && [
      `spec.ingress[${i}].defaultEndpoint`,
      'nobody can be called there; what comes in goes to the port itself.',
      'Use a port from 1 to 65535, or a shorter path.',
      'IST0106',
    ],
    own.port?.targetPort !== undefined && [`spec.ingress[${i}].port.targetPort`, 'it has no effect.', 'Use defaultEndpoint.'],
  ]),
  spec.outboundTrafficPolicy?.egressProxy !== undefined && [
    'spec.outboundTrafficPolicy.egressProxy',
    'it has no effect.',
    'Use a ServiceEntry and a VirtualService to the egress gateway.',
  ],
  ...(spec.egress ?? []).map((e, i): Finding | false =>
    e.bind || e.captureMode === 'NONE'
      ? [`spec.egress[${i}]`, 'its hosts are imported; bind and captureMode NONE have no effect.', 'Leave them out.']
      : false,
  ),
]);

const ofDestinationRule = finder<DestinationRule>('DestinationRule', ({ spec }) => [
  ...ofPolicy('spec.trafficPolicy', spec.trafficPolicy),
  ...(spec.subsets ?? []).flatMap((s, i) => ofPolicy(`spec.subsets[${i}].trafficPolicy`, s.trafficPolicy)),
]);

/** A policy, and those of its ports. */
function ofPolicy(path: string, policy: TrafficPolicy | undefined): readonly (Finding | false | undefined)[] {
  const ports = policy?.portLevelSettings ?? [];
  return [...ofSettings(path, policy), ...ports.flatMap((p, i) => ofSettings(`${path}.portLevelSettings[${i}]`, p))];
}

function ofSettings(path: string, policy: PortTrafficPolicy | TrafficPolicy | undefined): readonly (Finding | false | undefined)[] {
  const lb = policy?.loadBalancer;
  return [
    // Who is never ejected is never failed over from.
    Boolean(lb?.localityLbSetting?.failover?.length || lb?.localityLbSetting?.failoverPriority?.length) &&
      !policy?.outlierDetection && [
        `${path}.loadBalancer.localityLbSetting`,
        'without outlierDetection no endpoint is ever found bad, so nothing fails over.',
        'Set outlierDetection.',
      ],
    lb?.zoneAwareLbSetting !== undefined && [
      `${path}.loadBalancer.zoneAwareLbSetting`,
      'it has no effect.',
      'Use localityLbSetting with outlierDetection.',
    ],
    (lb?.warmup ?? lb?.warmupDurationSecs) !== undefined &&
      (lb?.consistentHash || lb?.simple === 'RANDOM' || lb?.simple === 'PASSTHROUGH') && [
        `${path}.loadBalancer.warmup`,
        'Envoy warms up endpoints under ROUND_ROBIN and LEAST_REQUEST only.',
        'Use one of these, or leave warmup out.',
      ],
  ];
}

const ofGateway = finder<Gateway>('Gateway', ({ spec }) =>
  (spec?.servers ?? []).flatMap((s, i): (Finding | false | undefined)[] => [
    OWN_PORTS.has(s.port?.targetPort ?? s.port?.number) && [
      `spec.servers[${i}].port`,
      `gateways keep port ${s.port?.targetPort ?? s.port?.number} for themselves, so the server is left out.`,
      'Use another port.',
    ],
    Boolean(s.bind && !isPlace(s.bind)) && [
      `spec.servers[${i}].bind`,
      `nothing can listen at ${s.bind}; the server listens on every address.`,
      'Use an address of the gateway, or unix:// and a path of at most 107 bytes.',
      'IST0106',
    ],
    s.defaultEndpoint !== undefined && [
      `spec.servers[${i}].defaultEndpoint`,
      'it has no effect; requests go where VirtualServices send them.',
      'Use a VirtualService.',
    ],
    ...(s.tls?.cipherSuites ?? []).map(
      (cipher, j): Finding | false =>
        !isCipher(cipher) && [`spec.servers[${i}].tls.cipherSuites[${j}]`, `proxies know no cipher ${cipher}.`, 'Leave it out.'],
    ),
    ...FILES.map(
      (field): Finding | false =>
        s.tls?.[field] !== undefined && [
          `spec.servers[${i}].tls.${field}`,
          'files of the gateway are not read.',
          'Put certificates into Secrets, and name these in credentialName, credentialNames and caCertCredentialName.',
        ],
    ),
  ]),
);

/** Of a server's TLS. */
const FILES = ['serverCertificate', 'privateKey', 'caCertificates', 'caCrl', 'tlsCertificates'] as const;

/** Of every proxy. */
const OWN_PORTS: ReadonlySet<number | undefined> = new Set([15001, 15006, 15021, 15090]);

const ofServiceEntry = finder<ServiceEntry>('ServiceEntry', ({ spec }) => [
  ...(spec.endpoints ?? []).map((endpoint, i) => ofNetwork(endpoint, `spec.endpoints[${i}].network`)),
  ...(spec.resolution === 'DYNAMIC_DNS' ? (spec.ports ?? []).flatMap(ofLookedUp) : []),
  ...(spec.ports ?? []).map(
    (port, i): Finding | false =>
      OWN_PORTS.has(port.number) && [
        `spec.ports[${i}].number`,
        `sidecars keep port ${port.number} for themselves: what is sent there is not told apart by host.`,
        'Use another port.',
      ],
  ),
]);

type EntryPort = NonNullable<ServiceEntry['spec']['ports']>[number];

/** What of a port is not heeded where the proxy looks up names. */
function ofLookedUp({ protocol, number, targetPort }: EntryPort, i: number): readonly (Finding | false)[] {
  const spoken = protocolNamed(protocol, number);
  return [
    !isHttp(spoken) &&
      spoken !== 'tls' && [
        `spec.ports[${i}].protocol`,
        'only HTTP and TLS show a name that the proxy could look up; connections go to the address that the client looked up.',
        'Use HTTP or TLS, or the resolution NONE.',
      ],
    isHttp(spoken) &&
      targetPort !== undefined && [`spec.ports[${i}].targetPort`, 'requests go to the port that they name.', 'Leave it out.'],
  ];
}

const ofWorkloadEntry = finder<WorkloadEntry>('WorkloadEntry', ({ spec }) => [ofNetwork(spec, 'spec.network')]);

function ofNetwork({ network }: WorkloadEntrySpec, path: string): Finding | false {
  return Boolean(network) && [path, 'networks are not told apart; the address is called as it is.', 'Leave it out.'];
}

const ofWorkloadGroup = finder<WorkloadGroup>('WorkloadGroup', ({ spec }) => [
  [
    'spec',
    'no machine registers by itself; entries that name the group in their annotation istio.io/autoRegistrationGroup have what its template says.',
    'Write a WorkloadEntry with that annotation for each machine.',
  ],
  spec.probe !== undefined && ['spec.probe', 'nobody asks machines how they are.', 'Set the condition Healthy of each WorkloadEntry.'],
  spec.template !== undefined && ofNetwork(spec.template, 'spec.template.network'),
]);

const ofProxyConfig = finder<ProxyConfig>('ProxyConfig', ({ spec: { concurrency, environmentVariables = {}, image } }) => [
  image !== undefined && ['spec.image', 'there is one image of the proxy.', 'Leave it out.'],
  concurrency !== undefined &&
    !isThreads(concurrency) && ['spec.concurrency', `${String(concurrency)} is no number of threads.`, 'Use 0 to 128.'],
  ...Object.keys(environmentVariables).map(
    (name): Finding | false => !isVariable(name) && [`spec.environmentVariables.${name}`, 'it is no name of a variable.', 'Correct it.'],
  ),
]);

type Attachable = AuthorizationPolicy | RequestAuthentication;

/** What of a policy that is attached to Gateways is for none that is served, or cannot be done for one alone. */
const ofAttached = memo((served: readonly string[], kind: Kind, policy: Attachable): readonly Problem[] => {
  if (!isAttached(policy)) return [];
  const { action } = (policy.spec ?? {}) as { action?: string };
  const path = policy.spec?.targetRef ? 'spec.targetRef' : 'spec.targetRefs';
  const holds = attachedTo(policy).some((gateway) => served.includes(gateway));
  const found: readonly (Finding | false)[] = [
    !holds && [path, 'the policy is attached to nothing.', 'Name a Gateway of its namespace that is served, or use a selector.', 'IST0167'],
    holds &&
      action === 'CUSTOM' && [
        'spec.action',
        'no authorizer is asked for a single Gateway; what the rules match is refused.',
        'Use a selector for the gateway.',
      ],
    holds && action === 'AUDIT' && ['spec.action', 'nothing is counted for a single Gateway.', 'Use a selector for the gateway.'],
  ];
  return finder<Attachable>(kind, () => found)(policy);
});

interface Objects {
  readonly gatewayApi: { readonly gateways: readonly EntranceGateway[] };
  readonly virtualServices: { readonly all: readonly Rules[] };
  readonly sidecars: { readonly all: readonly Sidecar[] };
  readonly destinationRules: { readonly all: readonly DestinationRule[] };
  readonly gateways: readonly Gateway[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly workloadEntries: readonly WorkloadEntry[];
  readonly workloadGroups: readonly WorkloadGroup[];
  readonly proxyConfigs: readonly ProxyConfig[];
  readonly guards: { readonly policies: readonly AuthorizationPolicy[]; readonly requests: readonly RequestAuthentication[] };
}

const NOTHING: readonly Problem[] = [];

/** Finds it in one model after another; an object is looked at again when it changed. */
export function createWithoutEffect(): (model: Objects) => readonly Problem[] {
  const virtualServices = flatMapped((rules: Rules) => (rules.kind ? NOTHING : ofVirtualService(rules)));
  const sidecars = flatMapped(ofSidecar);
  const destinationRules = flatMapped(ofDestinationRule);
  const gateways = flatMapped(ofGateway);
  const serviceEntries = flatMapped(ofServiceEntry);
  const workloadEntries = flatMapped(ofWorkloadEntry);
  const workloadGroups = flatMapped(ofWorkloadGroup);
  const proxyConfigs = flatMapped(ofProxyConfig);
  const authorizations = flatMapped((p: AuthorizationPolicy, served: readonly string[]) => ofAttached(served, 'AuthorizationPolicy', p));
  const requests = flatMapped((r: RequestAuthentication, served: readonly string[]) => ofAttached(served, 'RequestAuthentication', r));
  return (model) => {
    const served = gatewaysBehind(model.gatewayApi.gateways);
    return joined(
      virtualServices(model.virtualServices.all),
      sidecars(model.sidecars.all),
      destinationRules(model.destinationRules.all),
      gateways(model.gateways),
      serviceEntries(model.serviceEntries),
      workloadEntries(model.workloadEntries),
      workloadGroups(model.workloadGroups),
      proxyConfigs(model.proxyConfigs),
      authorizations(model.guards.policies, served),
      requests(model.guards.requests, served),
    );
  };
}
