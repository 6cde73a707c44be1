/** Schemas of what VirtualService and DestinationRule say of traffic; Flagger's Canary uses parts of them. */
import type { Schema } from '../../kind.ts';
import { any, as, bool, duration, int, list, map, num, obj, oneOf, open, str } from '../schema/vocabulary.ts';

export const stringMatch: Schema = obj(
  { exact: str('The whole value.'), prefix: str('The start of the value.'), regex: str('An RE2 expression for the whole value.') },
  'How a text has to look; one of the fields.',
);

const portSelector = obj({ number: int('Port of the service.') }, 'A port of the service.');

export const destination: Schema = obj(
  {
    'host!': str('Service to send to: a short name (in the namespace of this object), or a fully qualified name.'),
    subset: str('Subset of the service, as a DestinationRule defines it.'),
    port: as(portSelector, 'Port of the service; needed when it has more than one.'),
  },
  'Where requests go.',
);

const headerOperations = obj({
  set: map(str(), 'Headers to overwrite.'),
  add: map(str(), 'Headers to add to.'),
  remove: list(str(), 'Headers to take away.'),
});

export const headers: Schema = obj(
  {
    request: as(headerOperations, 'Changes to headers on the way to the destination.'),
    response: as(headerOperations, 'Changes to headers on the way back.'),
  },
  'Changes to headers.',
);

export const percent: Schema = obj({ value: num('From 0 to 100.') }, 'A share of requests.');

export const httpMatch: Schema = obj(
  {
    name: str('Name of the match, for statistics.'),
    uri: as(stringMatch, 'Path of the request.'),
    scheme: as(stringMatch, 'Scheme of the request.'),
    method: as(stringMatch, 'Method of the request.'),
    authority: as(stringMatch, 'Host of the request.'),
    headers: map(stringMatch, 'Headers of the request, by lower-case name.'),
    withoutHeaders: map(stringMatch, 'Headers that must not match.'),
    queryParams: map(stringMatch, 'Query parameters, by name.'),
    ignoreUriCase: bool('Whether the case of the path is ignored (exact and prefix).'),
    port: int('Port the request was made to.'),
    sourceLabels: map(str(), 'Labels of the pod that makes the request.'),
    sourceNamespace: str('Namespace of the pod that makes the request.'),
    gateways: list(str(), 'Gateways the rule is for; those of the object when absent.'),
    statPrefix: str('Name under which matching requests are counted.'),
  },
  'What a request has to look like; all fields have to hold.',
);

export const httpRetry: Schema = obj(
  {
    attempts: int('Tries after the first one; 0 for none.'),
    perTryTimeout: duration('Limit of each try.'),
    retryOn: str('Conditions, separated by commas, such as 5xx,connect-failure.'),
    retryRemoteLocalities: bool('Whether other localities are tried.'),
    retryIgnorePreviousHosts: bool('Whether hosts that failed may be tried again.'),
    backoff: duration('Least time between tries.'),
  },
  'What is tried again.',
);

export const corsPolicy: Schema = obj(
  {
    allowOrigin: list(str(), 'Origins; replaced by allowOrigins.'),
    allowOrigins: list(stringMatch, 'Origins that may make requests.'),
    allowMethods: list(str(), 'Methods that may be used.'),
    allowHeaders: list(str(), 'Headers that may be sent.'),
    exposeHeaders: list(str(), 'Headers that scripts may read.'),
    maxAge: duration('How long a preflight answer holds.'),
    allowCredentials: bool('Whether credentials may be sent.'),
    unmatchedPreflights: oneOf(['UNSPECIFIED', 'FORWARD', 'IGNORE'], 'What becomes of preflights from other origins.'),
  },
  'Requests from scripts of other origins.',
);

export const rewrite: Schema = obj(
  {
    uri: str('Replaces the matched part of the path.'),
    authority: str('Replaces the host.'),
    uriRegexRewrite: obj({ match: str('An RE2 expression.'), rewrite: str('What replaces it.') }, 'Replaces parts of the path.'),
  },
  'Changes the request before it is sent on.',
);

const fault = obj(
  {
    delay: obj(
      {
        fixedDelay: duration('How long requests wait.'),
        exponentialDelay: duration(),
        percentage: as(percent, 'Share of requests that wait.'),
        percent: int('Share of requests that wait; replaced by percentage.'),
      },
      'Makes requests wait.',
    ),
    abort: obj(
      {
        httpStatus: int('Status of the answer.'),
        grpcStatus: str('gRPC status of the answer.'),
        http2Error: str(),
        percentage: as(percent, 'Share of requests that fail.'),
      },
      'Makes requests fail.',
    ),
  },
  'Faults put in on purpose.',
);

const httpRoute = obj(
  {
    name: str('Name of the route, for logs and statistics.'),
    match: list(httpMatch, 'Requests the route is for: any of these; all when absent.'),
    route: list(
      obj({
        'destination!': destination,
        weight: int('Share of requests, relative to the other destinations.'),
        headers,
      }),
      'Destinations, with weights.',
    ),
    redirect: obj(
      {
        uri: str('New path.'),
        authority: str('New host.'),
        port: int('New port.'),
        derivePort: oneOf(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'], 'Where the port comes from.'),
        scheme: str('New scheme.'),
        redirectCode: int('Status: 301, 302, 303, 307 or 308.'),
      },
      'Answers with a redirect.',
    ),
    directResponse: obj(
      { 'status!': int('Status of the answer.'), body: obj({ string: str(), bytes: str() }, 'Body of the answer.') },
      'Answers without a destination.',
    ),
    delegate: obj({ name: str(), namespace: str() }, 'A VirtualService that has the rules.'),
    rewrite,
    timeout: duration('Limit of the request, tries included.'),
    retries: httpRetry,
    fault,
    mirror: as(destination, 'Also gets a copy of the requests; its answers are dropped.'),
    mirrors: list(obj({ 'destination!': destination, percentage: percent }), 'Several mirrors.'),
    mirrorPercentage: as(percent, 'Share of requests that is mirrored; all when absent.'),
    mirrorPercent: int('Replaced by mirrorPercentage.'),
    mirror_percent: int('Replaced by mirrorPercentage.'),
    corsPolicy,
    headers,
  },
  'A rule for HTTP requests; the first that matches counts.',
);

const l4Destinations = list(obj({ 'destination!': destination, weight: int('Share of connections.') }), 'Destinations, with weights.');
const l4Match = {
  destinationSubnets: list(str(), 'Addresses connections are made to.'),
  port: int('Port connections are made to.'),
  sourceSubnet: str('Address connections come from.'),
  sourceLabels: map(str(), 'Labels of the pod that connects.'),
  gateways: list(str(), 'Gateways the rule is for.'),
  sourceNamespace: str('Namespace of the pod that connects.'),
};

export const virtualServiceSpec: Schema = obj(
  {
    hosts: list(str(), 'Hosts that requests are made to.'),
    gateways: list(str(), 'Gateways the rules are for; mesh stands for all sidecars, and is meant when absent.'),
    http: list(httpRoute, 'Rules for HTTP.'),
    tls: list(
      obj({ 'match!': list(obj({ 'sniHosts!': list(str(), 'Server names.'), ...l4Match })), route: l4Destinations }),
      'Rules for TLS that is passed through.',
    ),
    tcp: list(obj({ match: list(obj(l4Match)), route: l4Destinations }), 'Rules for TCP.'),
    exportTo: list(str(), 'Namespaces the rules hold in: . for this one, * for all.'),
  },
  'How requests to some hosts are routed.',
);

const hashCookie = obj({
  'name!': str(),
  path: str(),
  ttl: duration('How long the cookie lives.'),
  attributes: list(obj({ name: str(), value: str() })),
});

const loadBalancer = obj(
  {
    simple: oneOf(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'], 'How the next host is chosen.'),
    consistentHash: obj(
      {
        httpHeaderName: str('Requests with the same header go to the same host.'),
        httpCookie: as(hashCookie, 'Requests with the same cookie go to the same host.'),
        useSourceIp: bool('Requests from the same address go to the same host.'),
        httpQueryParameterName: str('Requests with the same query parameter go to the same host.'),
        ringHash: obj({ minimumRingSize: int() }),
        maglev: obj({ tableSize: int() }),
        minimumRingSize: int('Replaced by ringHash.minimumRingSize.'),
      },
      'Keeps requests that are alike on one host.',
    ),
    localityLbSetting: obj(
      {
        distribute: list(obj({ from: str(), to: map(int()) })),
        failover: list(obj({ from: str(), to: str() })),
        failoverPriority: list(str()),
        enabled: bool(),
      },
      'How localities are preferred.',
    ),
    warmupDurationSecs: duration('Replaced by warmup.'),
    warmup: obj({ 'duration!': duration(), minimumPercent: num(), aggression: num() }, 'New hosts get their share little by little.'),
  },
  'How requests are spread over hosts.',
);

export const connectionPool: Schema = obj(
  {
    tcp: obj({
      maxConnections: int('Most connections to a host.'),
      connectTimeout: duration('Limit of making a connection.'),
      tcpKeepalive: obj({ probes: int(), time: duration(), interval: duration() }),
      maxConnectionDuration: duration('Longest life of a connection.'),
      idleTimeout: duration('When idle connections are closed.'),
    }),
    http: obj({
      http1MaxPendingRequests: int('Most requests that wait for a connection.'),
      http2MaxRequests: int('Most requests at a time.'),
      maxRequestsPerConnection: int('Requests after which a connection is closed; 0 for no limit.'),
      maxRetries: int('Most retries at a time.'),
      idleTimeout: duration('When idle connections are closed.'),
      h2UpgradePolicy: oneOf(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'], 'Whether HTTP/2 is spoken to the service.'),
      useClientProtocol: bool('Whether the protocol of the client is kept.'),
      maxConcurrentStreams: int('Most streams of a connection.'),
      http2KeepAlive: open(),
    }),
  },
  'Limits of connections and requests.',
);

const outlierDetection = obj(
  {
    consecutiveErrors: int('Replaced by consecutive5xxErrors.'),
    splitExternalLocalOriginErrors: bool(),
    consecutiveLocalOriginFailures: int(),
    consecutiveGatewayErrors: int('502, 503 and 504 in a row until a host is ejected.'),
    consecutive5xxErrors: int('5xx in a row until a host is ejected; 5 when absent.'),
    interval: duration('Time between checks; 10s when absent.'),
    baseEjectionTime: duration('Least time a host stays ejected; 30s when absent.'),
    maxEjectionPercent: int('Most hosts ejected, in percent; 10 when absent.'),
    minHealthPercent: int('Below this share of healthy hosts nothing is ejected.'),
    outlierDetectionHttpErrorCodes: any(),
  },
  'Takes failing hosts out for a while.',
);

const clientTls = obj(
  {
    mode: oneOf(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'], 'How connections are secured.'),
    clientCertificate: str(),
    privateKey: str(),
    caCertificates: str(),
    credentialName: str(),
    subjectAltNames: list(str()),
    sni: str(),
    insecureSkipVerify: bool(),
    caCrl: str(),
  },
  'TLS towards the service; replaces automatic mTLS.',
);

const portPolicy = { loadBalancer, connectionPool, outlierDetection, tls: clientTls };

export const trafficPolicy: Schema = obj(
  {
    ...portPolicy,
    portLevelSettings: list(obj({ port: portSelector, ...portPolicy }), 'Policies of single ports; they replace the others as a whole.'),
    tunnel: obj({ protocol: str(), targetHost: str(), targetPort: int() }),
    proxyProtocol: obj({ version: str() }),
    retryBudget: obj({ percent: num(), minRetryConcurrency: int() }),
  },
  'How the service is spoken to.',
);

export const workloadSelector: Schema = obj(
  { matchLabels: map(str(), 'Labels of the pods.'), labels: map(str(), 'Labels of the pods.') },
  'Pods the object is for.',
);

export const destinationRuleSpec: Schema = obj(
  {
    'host!': str('The service: a short name (in the namespace of this object), a fully qualified name, or *.suffix.'),
    trafficPolicy,
    subsets: list(
      obj({
        'name!': str('Name by which routes refer to the subset.'),
        labels: map(str(), 'Labels of the pods in the subset.'),
        trafficPolicy: as(trafficPolicy, 'How the subset is spoken to; field by field over the policy of the service.'),
      }),
      'Named sets of pods of the service.',
    ),
    exportTo: list(str(), 'Namespaces the rule holds in: . for this one, * for all.'),
    workloadSelector,
  },
  'What applies to requests to a service after routing.',
);
