/** Schemas of the Istio kinds other than VirtualService and DestinationRule. */
import type { Schema } from '../../kind.ts';
import { any, as, bool, duration, int, intOrStr, list, map, num, obj, oneOf, open, str, time } from '../schema/vocabulary.ts';
import { objectMetaSchema, OBJECT_FIELDS } from '../schema/builtin.ts';
import { connectionPool, workloadSelector } from './traffic-schema.ts';

const selector = obj({ matchLabels: map(str(), 'Labels of the pods.') }, 'Pods the policy is for; all of the namespace when absent.');
const targetRef = obj({ group: str(), kind: str(), name: str(), namespace: str() });
const targetRefs = { targetRef, targetRefs: list(targetRef) };

const port = obj(
  {
    'number!': int('Port number.'),
    'name!': str('Name of the port.'),
    protocol: str('HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS.'),
    targetPort: int('Port of the endpoints; the same when absent.'),
  },
  'A port.',
);

const serverTls = obj(
  {
    httpsRedirect: bool('Whether plain requests are sent to HTTPS.'),
    mode: oneOf(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'], 'How connections are secured.'),
    credentialName: str('Secret with the certificate, in the namespace of the gateway.'),
    credentialNames: list(str()),
    serverCertificate: str(),
    privateKey: str(),
    caCertificates: str(),
    caCertCredentialName: str(),
    caCrl: str(),
    tlsCertificates: list(obj({ serverCertificate: str(), privateKey: str(), caCertificates: str() })),
    subjectAltNames: list(str()),
    verifyCertificateSpki: list(str()),
    verifyCertificateHash: list(str()),
    minProtocolVersion: oneOf(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']),
    maxProtocolVersion: oneOf(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']),
    cipherSuites: list(str()),
  },
  'TLS of the server.',
);

export const gatewaySpec: Schema = obj(
  {
    servers: list(
      obj({
        'port!': as(port, 'Where the server listens.'),
        bind: str('Address to listen on.'),
        'hosts!': list(str(), 'Hosts that are served: name, *.suffix or *, with namespace/ before it.'),
        tls: serverTls,
        defaultEndpoint: str(),
        name: str('Name of the server.'),
      }),
      'What the gateway listens for.',
    ),
    selector: map(str(), 'Labels of the gateway pods.'),
  },
  'What a gateway lets in.',
);

const workload = {
  address: str('IP address, DNS name or path of a socket.'),
  ports: map(int(), 'Ports by name, where they differ.'),
  labels: map(str(), 'Labels of the workload.'),
  network: str(),
  locality: str('region/zone/sub-zone'),
  weight: int('Share of requests.'),
  serviceAccount: str('Identity of the workload.'),
};

export const workloadEntrySpec: Schema = obj(workload, 'A workload that is not a pod.');

export const serviceEntrySpec: Schema = obj(
  {
    'hosts!': list(str(), 'Names of the service.'),
    addresses: list(str(), 'Virtual addresses of the service.'),
    ports: list(port, 'Ports of the service.'),
    location: oneOf(['MESH_EXTERNAL', 'MESH_INTERNAL'], 'Whether the service is part of the mesh.'),
    resolution: oneOf(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'], 'How addresses are found.'),
    endpoints: list(obj(workload), 'Addresses of the service.'),
    workloadSelector,
    exportTo: list(str(), 'Namespaces the service is known in.'),
    subjectAltNames: list(str(), 'Identities the endpoints may have.'),
  },
  'A service that the cluster does not know of itself.',
);

export const sidecarSpec: Schema = obj(
  {
    workloadSelector,
    ingress: list(
      obj({
        'port!': port,
        bind: str(),
        captureMode: oneOf(['DEFAULT', 'IPTABLES', 'NONE']),
        defaultEndpoint: str('Where requests go: 127.0.0.1:port, 0.0.0.0:port or unix:///path.'),
        tls: serverTls,
        connectionPool: connectionPool,
      }),
      'What sidecars take in.',
    ),
    egress: list(
      obj({
        port,
        bind: str(),
        captureMode: oneOf(['DEFAULT', 'IPTABLES', 'NONE']),
        'hosts!': list(str(), 'namespace/host; . is this namespace, * all.'),
      }),
      'What sidecars know of.',
    ),
    inboundConnectionPool: connectionPool,
    outboundTrafficPolicy: obj(
      { mode: oneOf(['REGISTRY_ONLY', 'ALLOW_ANY']), egressProxy: open() },
      'What becomes of unknown destinations.',
    ),
  },
  'What sidecars of a namespace take in and know of.',
);

export const envoyFilterSpec: Schema = obj(
  {
    workloadSelector,
    ...targetRefs,
    configPatches: list(
      obj({
        applyTo: oneOf(
          [
            'INVALID',
            'LISTENER',
            'FILTER_CHAIN',
            'NETWORK_FILTER',
            'HTTP_FILTER',
            'ROUTE_CONFIGURATION',
            'VIRTUAL_HOST',
            'HTTP_ROUTE',
            'CLUSTER',
            'EXTENSION_CONFIG',
            'BOOTSTRAP',
            'LISTENER_FILTER',
          ],
          'What is changed.',
        ),
        match: open('Which of them.'),
        patch: obj({
          operation: str('MERGE, ADD, REMOVE, INSERT_BEFORE, INSERT_AFTER, INSERT_FIRST or REPLACE.'),
          value: any(),
          filterClass: str(),
        }),
      }),
      'Changes, in order.',
    ),
    priority: int('Order among filters.'),
  },
  'Changes the configuration of Envoy itself.',
);

const mtls = obj(
  { mode: oneOf(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'], 'Whether mTLS is taken, demanded or neither.') },
  'Mutual TLS.',
);

export const peerAuthenticationSpec: Schema = obj(
  { selector, mtls, portLevelMtls: map(mtls, 'Mutual TLS of single ports, by number; needs a selector.') },
  'Whether workloads demand mutual TLS.',
);

const source = obj({
  ...lists('principals', 'requestPrincipals', 'namespaces', 'ipBlocks', 'remoteIpBlocks', 'serviceAccounts', 'trustDomains'),
});
const operation = obj({ ...lists('hosts', 'ports', 'methods', 'paths') });

/** Lists of texts with these names, and their opposites (`notHosts` of `hosts`). */
function lists(...names: string[]): Record<string, Schema> {
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, list(str())],
      [`not${name[0]!.toUpperCase()}${name.slice(1)}`, list(str())],
    ]),
  );
}

export const authorizationPolicySpec: Schema = obj(
  {
    selector,
    ...targetRefs,
    action: oneOf(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'], 'What becomes of requests that match; ALLOW when absent.'),
    provider: obj({ name: str() }, 'Who decides, for CUSTOM.'),
    rules: list(
      obj({
        from: list(obj({ source }), 'Who asks: any of these.'),
        to: list(obj({ operation }), 'What is asked for: any of these.'),
        when: list(obj({ 'key!': str(), values: list(str()), notValues: list(str()) }), 'Further conditions; all of them.'),
      }),
      'Requests that match: any of these.',
    ),
  },
  'Who may ask what of workloads.',
);

export const requestAuthenticationSpec: Schema = obj(
  {
    selector,
    ...targetRefs,
    jwtRules: list(
      obj({
        'issuer!': str('Who issued the token.'),
        audiences: list(str(), 'Whom the token is for.'),
        jwksUri: str('Where the keys are.'),
        jwks: str('The keys.'),
        jwks_uri: str('Where the keys are.'),
        fromHeaders: list(obj({ 'name!': str(), prefix: str() })),
        fromParams: list(str()),
        fromCookies: list(str()),
        outputPayloadToHeader: str(),
        forwardOriginalToken: bool(),
        outputClaimToHeaders: list(obj({ 'header!': str(), 'claim!': str() })),
        timeout: duration(),
        spaceDelimitedClaims: list(str()),
      }),
      'Tokens that are accepted.',
    ),
  },
  'Which tokens of end users workloads accept.',
);

const providers = list(obj({ 'name!': str() }), 'Where to.');
const mode = oneOf(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER']);

export const telemetrySpec: Schema = obj(
  {
    selector,
    ...targetRefs,
    tracing: list(
      obj({
        match: obj({ mode }),
        providers,
        randomSamplingPercentage: num('Share of requests that are traced.'),
        disableSpanReporting: bool(),
        customTags: map(open()),
        useRequestIdForTraceSampling: bool(),
        enableIstioTags: bool(),
        disableContextPropagation: bool(),
      }),
      'Traces.',
    ),
    metrics: list(
      obj({
        providers,
        overrides: list(
          obj({
            match: obj({ metric: str(), customMetric: str(), mode }),
            disabled: bool(),
            tagOverrides: map(obj({ operation: oneOf(['UPSERT', 'REMOVE']), value: str() })),
          }),
        ),
        reportingInterval: duration(),
      }),
      'Metrics.',
    ),
    accessLogging: list(obj({ match: obj({ mode }), providers, disabled: bool(), filter: obj({ expression: str() }) }), 'Access logs.'),
  },
  'What workloads report.',
);

const status = obj(
  {
    conditions: list(
      obj({
        type: str(),
        status: str(),
        reason: str(),
        message: str(),
        lastTransitionTime: time(),
        lastProbeTime: time(),
        observedGeneration: intOrStr(),
      }),
    ),
    validationMessages: list(open()),
    observedGeneration: intOrStr(),
  },
  'What is known of the object.',
);

/** The schema of a whole object with this spec. */
export function istioObject(spec: Schema): Schema {
  return {
    ...obj({ ...OBJECT_FIELDS, metadata: objectMetaSchema(), spec, status }),
    ...(spec.description ? { description: spec.description } : {}),
  };
}
