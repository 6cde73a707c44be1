const route = (subset: string, weight?: number): object => ({
  destination: { host: 'reviews', subset },
  ...(weight === undefined ? {} : { weight }),
});

/** What guides of the years 2018 to 2026 write of custom kinds, each in the version and with the spelling of its year. */
export const GUIDES: readonly (readonly [apiVersion: string, kind: string, spec: object])[] = [
  ['networking.istio.io/v1alpha3', 'VirtualService', { hosts: ['reviews'], http: [{ route: [route('v1', 50), route('v3', 50)] }] }],
  [
    'networking.istio.io/v1alpha3',
    'VirtualService',
    {
      hosts: ['reviews'],
      http: [{ match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [route('v2')] }, { route: [route('v1')] }],
    },
  ],
  [
    'networking.istio.io/v1alpha3',
    'VirtualService',
    {
      hosts: ['ratings'],
      http: [{ fault: { delay: { percent: 100, fixedDelay: '7s' } }, route: [{ destination: { host: 'ratings', subset: 'v1' } }] }],
    },
  ],
  [
    'networking.istio.io/v1alpha3',
    'VirtualService',
    {
      hosts: ['*'],
      gateways: ['frontend-gateway'],
      http: [
        {
          match: [{ uri: { prefix: '/' } }],
          rewrite: { uri: '/' },
          retries: { attempts: 10, perTryTimeout: '2s', retryOn: '5xx,connect-failure' },
          mirror: { host: 'reviews', subset: 'v2' },
          mirror_percent: 20,
          corsPolicy: { allowOrigin: ['*'], allowMethods: ['GET'], maxAge: '24h' },
          route: [{ destination: { host: 'frontend', port: { number: 80 } }, weight: 100, headers: { response: { remove: ['x'] } } }],
        },
      ],
    },
  ],
  [
    'networking.istio.io/v1alpha3',
    'Gateway',
    { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] },
  ],
  [
    'networking.istio.io/v1alpha3',
    'Gateway',
    {
      selector: { istio: 'ingressgateway' },
      servers: [
        { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'], tls: { httpsRedirect: true } },
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          hosts: ['a.example.com'],
          tls: { mode: 'SIMPLE', privateKey: 'sds', serverCertificate: 'sds', credentialName: 'a-tls' },
        },
      ],
    },
  ],
  [
    'networking.istio.io/v1alpha3',
    'ServiceEntry',
    {
      hosts: ['accounts.example.com', '*.apis.example.com'],
      ports: [
        { number: 80, protocol: 'HTTP', name: 'http' },
        { number: 443, protocol: 'HTTPS', name: 'https' },
      ],
    },
  ],
  [
    'networking.istio.io/v1alpha3',
    'ServiceEntry',
    { hosts: ['metadata.example.internal'], addresses: ['169.254.169.254'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] },
  ],
  [
    'networking.istio.io/v1alpha3',
    'ServiceEntry',
    { hosts: ['httpbin.org'], location: 'MESH_EXTERNAL', resolution: 'DNS', ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] },
  ],
  [
    'networking.istio.io/v1beta1',
    'DestinationRule',
    {
      host: 'reviews',
      trafficPolicy: {
        connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } },
        outlierDetection: { consecutiveErrors: 1, interval: '1s', baseEjectionTime: '3m', maxEjectionPercent: 100 },
        loadBalancer: { simple: 'LEAST_CONN' },
        tls: { mode: 'ISTIO_MUTUAL' },
      },
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        {
          name: 'v2',
          labels: { version: 'v2' },
          trafficPolicy: { loadBalancer: { consistentHash: { httpCookie: { name: 'u', ttl: '0s' } } } },
        },
      ],
    },
  ],
  ['security.istio.io/v1beta1', 'PeerAuthentication', { mtls: { mode: 'STRICT' } }],
  [
    'security.istio.io/v1beta1',
    'AuthorizationPolicy',
    {
      selector: { matchLabels: { app: 'a' } },
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { principals: ['cluster.local/ns/default/sa/a'] } }],
          to: [{ operation: { methods: ['GET'], paths: ['/info*'] } }],
          when: [{ key: 'request.auth.claims[iss]', values: ['https://accounts.example.com'] }],
        },
      ],
    },
  ],
  ['telemetry.istio.io/v1alpha1', 'Telemetry', { accessLogging: [{ providers: [{ name: 'envoy' }] }] }],
  [
    'flagger.app/v1beta1',
    'Canary',
    {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'reviews' },
      progressDeadlineSeconds: 60,
      service: { port: 9080, targetPort: 9080 },
      analysis: {
        interval: '1m',
        threshold: 5,
        maxWeight: 50,
        stepWeight: 10,
        metrics: [
          { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '1m' },
          { name: 'request-duration', thresholdRange: { max: 500 }, interval: '30s' },
        ],
        webhooks: [{ name: 'load-test', url: 'http://flagger-loadtester.default/', timeout: '5s', metadata: { cmd: 'hey -z 1m' } }],
      },
    },
  ],
  [
    'flagger.app/v1beta1',
    'Canary',
    {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'frontend' },
      autoscalerRef: { apiVersion: 'autoscaling/v2beta1', kind: 'HorizontalPodAutoscaler', name: 'frontend' },
      service: {
        port: 80,
        gateways: ['public-gateway.istio-system.svc.cluster.local'],
        hosts: ['*'],
        retries: { attempts: 3, perTryTimeout: '1s', retryOn: 'gateway-error' },
      },
      analysis: {
        interval: '10s',
        threshold: 10,
        iterations: 12,
        match: [
          { headers: { 'user-agent': { regex: '.*Firefox.*' } } },
          { headers: { cookie: { regex: '^(.*?;)?(type=insider)(;.*)?$' } } },
        ],
        metrics: [
          {
            name: 'error-rate',
            templateRef: { name: 'error-rate', namespace: 'istio-system' },
            thresholdRange: { max: 1 },
            interval: '30s',
          },
        ],
        alerts: [{ name: 'on-call', severity: 'error', providerRef: { name: 'on-call', namespace: 'flagger' } }],
      },
    },
  ],
  [
    'helm.fluxcd.io/v1',
    'HelmRelease',
    { values: { slack: { user: 'flagger', channel: 'general', url: 'https://hooks.example.com/services/a' } } },
  ],
  [
    'helm.toolkit.fluxcd.io/v2beta1',
    'HelmRelease',
    {
      interval: '5m',
      chart: { spec: { chart: 'podinfo', version: '6.x', sourceRef: { kind: 'HelmRepository', name: 'podinfo' }, valuesFile: 'v.yaml' } },
    },
  ],
  [
    'kustomize.toolkit.fluxcd.io/v1beta1',
    'Kustomization',
    { interval: '10m', path: './apps', prune: true, validation: 'client', sourceRef: { kind: 'GitRepository', name: 'flux-system' } },
  ],
  [
    'source.toolkit.fluxcd.io/v1beta1',
    'GitRepository',
    { interval: '1m', url: 'https://example.com/a.git', gitImplementation: 'go-git', ref: { branch: 'main' } },
  ],
  [
    'gateway.networking.k8s.io/v1beta1',
    'HTTPRoute',
    {
      parentRefs: [{ name: 'gateway', namespace: 'istio-ingress' }],
      hostnames: ['httpbin.example.com'],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/get' } }],
          filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { add: [{ name: 'my-added-header', value: 'added-value' }] } }],
          backendRefs: [
            { name: 'httpbin', port: 8000, weight: 90 },
            { name: 'httpbin-canary', port: 8000, weight: 10 },
          ],
        },
      ],
    },
  ],
];
