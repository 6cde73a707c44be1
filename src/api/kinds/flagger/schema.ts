/** Schemas of the Flagger kinds. */
import type { Schema } from '../../kind.ts';
import { corsPolicy, headers, httpMatch, httpRetry, rewrite, stringMatch, trafficPolicy } from '../istio/traffic-schema.ts';
import { objectMetaSchema, OBJECT_FIELDS } from '../schema/builtin.ts';
import { as, bool, duration, int, intOrStr, list, map, num, obj, oneOf, open, str, time } from '../schema/vocabulary.ts';

const reference = obj({ apiVersion: str(), kind: str(), 'name!': str(), namespace: str() }, 'Another object.');

const target = (kinds: readonly string[], description: string, more: Record<string, Schema> = {}): Schema =>
  obj({ 'apiVersion!': str(), 'kind!': oneOf(kinds), 'name!': str(), ...more }, description);

const metadata = obj({ labels: map(str()), annotations: map(str()) }, 'Labels and annotations of one of the services.');

const service = obj(
  {
    name: str('Name of the service; that of the target when absent.'),
    'port!': int('Port of the service.'),
    portName: str('Name of the port; http when absent.'),
    targetPort: intOrStr('Port of the pods, by number or name; the same as port when absent.'),
    appProtocol: str('Protocol of the port; tcp makes TCP routes.'),
    trafficDistribution: str(),
    portDiscovery: bool('Whether the other ports of the pods get service ports too.'),
    headless: bool('Whether the services have no virtual address.'),
    timeout: duration('Limit of requests.'),
    backendTimeout: duration(),
    gateways: list(str(), 'Gateways the routes are for; mesh when absent.'),
    gatewayRefs: list(open()),
    hosts: list(str(), 'Hosts of the routes; the name of the service when absent.'),
    delegation: bool('Whether the routes are for a VirtualService that delegates to them.'),
    trafficPolicy,
    match: list(httpMatch, 'Requests the routes are for.'),
    rewrite: { ...rewrite, properties: { ...rewrite.properties, type: str() } },
    retries: httpRetry,
    headers,
    corsPolicy,
    mirror: list(open()),
    meshName: str(),
    backends: list(str()),
    apex: metadata,
    primary: metadata,
    canary: metadata,
    unmanagedMetadata: obj({ labels: list(str()), annotations: list(str()) }, 'Keys that are left alone.'),
  },
  'The services and routes that are made.',
);

const metric = obj(
  {
    'name!': str('request-success-rate, request-duration, or any name with a query or template.'),
    interval: duration('Window of the query; 1m when absent.'),
    threshold: num('Greatest value (least, for request-success-rate).'),
    thresholdRange: obj({ min: num('Least value.'), max: num('Greatest value.') }, 'Values that pass.'),
    query: str('PromQL; replaced by templateRef.'),
    templateRef: as(reference, 'A MetricTemplate.'),
    templateVariables: map(str(), 'Variables of the template.'),
  },
  'A measure that has to be good for the canary to go on.',
);

const webhook = obj(
  {
    'name!': str('Name, for events.'),
    'url!': str('Where to POST.'),
    type: oneOf(
      [
        '',
        'confirm-rollout',
        'pre-rollout',
        'rollout',
        'confirm-traffic-increase',
        'confirm-promotion',
        'post-rollout',
        'rollback',
        'event',
      ],
      'When it is called; at each step (rollout) when absent.',
    ),
    timeout: duration('Limit of a call; 10s when absent.'),
    retries: int('Tries after a failed one.'),
    disableTLS: bool('Whether certificates are not checked.'),
    muteAlert: bool('Whether it raises no alerts.'),
    metadata: map(str(), 'Sent along.'),
  },
  'An HTTP endpoint that is asked or told.',
);

const analysis = obj(
  {
    'interval!': duration('Time between steps; may be below 10s here.'),
    'threshold!': int('Failed checks after which the canary is rolled back.'),
    maxWeight: int('Weight at which the canary is promoted; 100 when absent.'),
    stepWeight: int('How much weight each step adds.'),
    stepWeights: list(int(), 'The weights of the steps; instead of stepWeight.'),
    stepWeightPromotion: int('How much weight each step of the promotion moves; all at once when absent.'),
    iterations: int('Checks before the promotion, for blue/green and A/B tests; instead of weights.'),
    mirror: bool('Whether requests are mirrored before traffic is shifted.'),
    mirrorWeight: int('Share of requests that is mirrored.'),
    primaryReadyThreshold: int('Percent of the primary pods that must be ready.'),
    canaryReadyThreshold: int('Percent of the canary pods that must be ready.'),
    match: list(
      obj({ headers: map(stringMatch), queryParams: map(stringMatch), sourceLabels: map(str()), uri: stringMatch }),
      'Requests that see the canary in an A/B test.',
    ),
    metrics: list(metric, 'Measures that have to be good.'),
    alerts: list(
      obj({ 'name!': str(), severity: oneOf(['', 'info', 'warn', 'error']), 'providerRef!': as(reference, 'An AlertProvider.') }),
      'Who is told.',
    ),
    webhooks: list(webhook, 'Endpoints that are asked or told.'),
    sessionAffinity: obj(
      {
        'cookieName!': str(),
        primaryCookieName: str(),
        maxAge: int('Seconds; 86400 when absent.'),
        domain: str(),
        path: str(),
        sameSite: oneOf(['Strict', 'Lax', 'None']),
        secure: bool(),
        httpOnly: bool(),
        partitioned: bool(),
      },
      'Keeps a user on the version first seen.',
    ),
  },
  'How the canary is judged, step by step.',
);

const PROVIDERS = [
  '',
  'apisix',
  'appmesh',
  'appmesh:v1beta2',
  'contour',
  'gatewayapi:v1',
  'gatewayapi:v1beta1',
  'gloo',
  'istio',
  'knative',
  'kubernetes',
  'kuma',
  'linkerd',
  'nginx',
  'osm',
  'skipper',
  'smi:v1alpha1',
  'smi:v1alpha2',
  'smi:v1alpha3',
  'traefik',
];

const canarySpec = obj(
  {
    provider: oneOf(PROVIDERS, 'What routes requests; istio when absent.'),
    metricsServer: str('Address of a Prometheus.'),
    'targetRef!': target(['Deployment', 'DaemonSet', 'Service'], 'What is released.'),
    autoscalerRef: target(['HorizontalPodAutoscaler', 'ScaledObject'], 'What scales the target.', {
      primaryScalerQueries: map(str()),
      primaryScalerReplicas: obj({ minReplicas: int(), maxReplicas: int() }, 'Bounds of the scaler of the primary.'),
    }),
    ingressRef: target(['Ingress'], 'The ingress, for nginx and skipper.'),
    routeRef: target(['ApisixRoute'], 'The route, for apisix.'),
    upstreamRef: target(['Upstream'], 'The upstream, for gloo.', { namespace: str() }),
    service,
    'analysis!': analysis,
    progressDeadlineSeconds: int('Seconds the canary may take to get ready; 600 when absent.'),
    skipAnalysis: bool('Whether new versions are promoted as soon as they are ready.'),
    revertOnDeletion: bool('Whether the target is restored when the canary is deleted.'),
    suspend: bool('Whether nothing is done.'),
  },
  'What is released, and how.',
);

const canaryStatus = obj(
  {
    phase: oneOf(
      [
        '',
        'Initializing',
        'Initialized',
        'Waiting',
        'Progressing',
        'WaitingPromotion',
        'Promoting',
        'Finalising',
        'Succeeded',
        'Failed',
        'Terminating',
        'Terminated',
      ],
      'Where the release stands.',
    ),
    failedChecks: int('Failed checks of this analysis.'),
    canaryWeight: int('Percent of requests that go to the canary.'),
    iterations: int('Checks that were made, without weights.'),
    sessionAffinityCookie: str(),
    primarySessionAffinityCookie: str(),
    previousSessionAffinityCookie: str(),
    trackedConfigs: map(str(), 'Hashes of the ConfigMaps and Secrets of the target.'),
    lastAppliedSpec: str('Hash of the version under analysis.'),
    lastPromotedSpec: str('Hash of the version that was promoted last.'),
    lastTransitionTime: time('When the status last changed.'),
    conditions: list(
      obj({ 'type!': str(), 'status!': str(), reason: str(), message: str(), lastUpdateTime: time(), lastTransitionTime: time() }),
      'One entry: Promoted.',
    ),
  },
  'How the release goes.',
);

const object = (spec: Schema, description: string, status: Schema = open()): Schema =>
  obj({ ...OBJECT_FIELDS, metadata: objectMetaSchema(), 'spec!': spec, status }, description);

export const canarySchema = (): Schema => object(canarySpec, 'Releases new versions of a workload step by step.', canaryStatus);

const METRIC_PROVIDERS = [
  'prometheus',
  'influxdb',
  'datadog',
  'externalmetrics',
  'stackdriver',
  'cloudwatch',
  'newrelic',
  'graphite',
  'dynatrace',
  'keptn',
  'splunk',
];

export const metricTemplateSchema = (): Schema =>
  object(
    obj({
      'provider!': obj(
        {
          'type!': oneOf(METRIC_PROVIDERS, 'What is asked.'),
          address: str('Where it is.'),
          headers: map(list(str()), 'Sent along.'),
          secretRef: obj({ 'name!': str() }, 'A Secret with credentials.'),
          region: str(),
          insecureSkipVerify: bool(),
        },
        'What is asked.',
      ),
      'query!': str(
        'A template of the query, with {{ name }}, {{ namespace }}, {{ target }}, {{ service }}, {{ interval }}, {{ variables.x }}.',
      ),
    }),
    'A query that canaries measure by.',
  );

export const alertProviderSchema = (): Schema =>
  object(
    obj({
      'type!': oneOf(['slack', 'msteams', 'discord', 'rocket', 'gchat'], 'Who is told.'),
      channel: str('Channel; general when absent.'),
      username: str('Sender; flagger when absent.'),
      address: str('URL to POST to.'),
      secretRef: obj({ 'name!': str() }, 'A Secret with address and token.'),
      proxy: str(),
    }),
    'Where alerts of canaries go.',
  );
