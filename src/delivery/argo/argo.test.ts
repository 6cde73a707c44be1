import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Namespaces, type Canary, type CanarySpec, type KubeObject } from '../../api/index.ts';
import { ADMIN } from '../../apiserver/index.ts';
import { world } from '../../apiserver/testing.ts';
import { parseYaml } from '../../base/index.ts';
import { settingsOf } from '../settings.ts';
import { boundsOf } from './condition.ts';
import { importRollouts, type Imported } from './import.ts';

const SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: guestbook, namespace: shop}
spec: {ports: [{name: http, port: 80, targetPort: 8080}]}
`;
const POD = `
  replicas: 5
  selector: {matchLabels: {app: guestbook}}
  template:
    metadata: {labels: {app: guestbook}}
    spec: {containers: [{name: guestbook, image: "argoproj/rollouts-demo:blue", ports: [{containerPort: 8080}]}]}
`;
const rollout = (strategy: string, spec = POD): string =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: guestbook, namespace: shop}\nspec:${spec}  strategy: ${strategy}\n`;
const canary = (fields: string): string => rollout(`{canary: {stableService: guestbook, canaryService: guestbook-canary, ${fields}}}`);
const template = (name: string, metrics: string, args = ''): string =>
  `apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: ${name}, namespace: shop}\nspec: {${args} metrics: [${metrics}]}\n`;

/** All that was made of anything here. */
const outputs: Imported[] = [];
function read(...documents: string[]): Imported {
  const imported = importRollouts(parseYaml([...documents, SERVICE].join('\n---\n')));
  outputs.push(imported);
  return imported;
}
const canaryIn = ({ objects }: Imported): Canary => objects.find((o) => o.kind === 'Canary') as Canary;
const specOf = (...documents: string[]): CanarySpec => canaryIn(read(...documents)).spec;
const said = ({ notes }: Imported, path: RegExp, message: RegExp): void =>
  assert.ok(
    notes.some((n) => path.test(n.path) && message.test(n.message)),
    notes.map((n) => `${n.path}: ${n.message}`).join('\n'),
  );

test('an inline Rollout becomes a Deployment and a Canary that can be followed', () => {
  const found = read(
    canary('maxSurge: "20%", steps: [{setWeight: 20}, {pause: {duration: 1m}}, {setWeight: 40}, {pause: {duration: 60}}]'),
  );
  assert.deepEqual(
    found.objects.map((o) => `${o.kind} ${o.metadata?.namespace}/${o.metadata?.name}`),
    ['Deployment shop/guestbook', 'Canary shop/guestbook'],
  );
  const [deployment] = found.objects as (KubeObject & { spec: { replicas: number; strategy: object } })[];
  assert.equal(deployment?.spec.replicas, 5);
  assert.deepEqual(deployment?.spec.strategy, { type: 'RollingUpdate', rollingUpdate: { maxSurge: '20%' } });
  const { spec } = canaryIn(found);
  assert.deepEqual(spec.targetRef, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'guestbook' });
  assert.deepEqual(spec.service, { port: 80, targetPort: 8080 });
  assert.deepEqual(spec.analysis, { interval: '1m', threshold: 1, stepWeight: 20, maxWeight: 40 });
  assert.ok(!('problem' in settingsOf(canaryIn(found))));
  said(found, /canary$/, /without trafficRouting/);
  said(found, /canaryService/, /takes it over/);
});

const STEPS: Record<string, { steps: string; is: object; notes?: readonly [RegExp, RegExp][] }> = {
  'uneven weights': { steps: '{setWeight: 5}, {pause: {duration: 30s}}, {setWeight: 50}', is: { interval: '30s', stepWeights: [5, 50] } },
  'pauses that differ: the longest': {
    steps: '{setWeight: 5}, {pause: {duration: 10}}, {setWeight: 50}, {pause: {duration: 1h}}',
    is: { interval: '60m' },
    notes: [[/steps$/, /the longest, 60m/]],
  },
  'weights that fall': {
    steps: '{setWeight: 50}, {setWeight: 20}, {setWeight: 70}',
    is: { stepWeights: [50, 70] },
    notes: [[/steps\[1\]/, /only grow/]],
  },
  'a gate in the middle': {
    steps: '{setWeight: 20}, {pause: {}}, {setWeight: 40}',
    is: { webhooks: [{ type: 'confirm-traffic-increase', name: 'traffic-gate', url: 'http://flagger-loadtester.shop/gate/check' }] },
    notes: [[/steps\[1\]/, /asked before every step/]],
  },
  'a gate at the end': {
    steps: '{setWeight: 20}, {pause: {}}',
    is: { webhooks: [{ type: 'confirm-promotion', name: 'promotion-gate', url: 'http://flagger-loadtester.shop/gate/check' }] },
  },
  'a header alone': {
    steps:
      '{setHeaderRoute: {name: h, match: [{headerName: x-beta, headerValue: {exact: "1"}}]}}, {pause: {duration: 1m}}, {pause: {duration: 1m}}',
    is: { interval: '1m', iterations: 2, match: [{ headers: { 'x-beta': { exact: '1' } } }] },
  },
  'a header beside weights': {
    steps: '{setHeaderRoute: {name: h, match: [{headerName: x, headerValue: {prefix: a}}]}}, {setWeight: 20}, {setWeight: 30}',
    is: { stepWeights: [20, 30], match: undefined },
    notes: [[/steps$/, /setHeaderRoute is left out/]],
  },
  'the header of a preview beside weights': {
    steps:
      '{setHeaderRoute: {name: h, match: [{headerName: x-try, headerValue: {exact: canary}}]}}, {setWeight: 20}, {setHeaderRoute: {name: h}}',
    is: { stepWeights: [20], previewHeader: 'x-try', match: undefined },
    notes: [[/steps$/, /setHeaderRoute is analysis\.previewHeader/]],
  },
  'a mirror': {
    steps: '{setMirrorRoute: {name: m, percentage: 35, match: [{method: {exact: GET}}]}}, {setWeight: 20}',
    is: { mirror: true, mirrorWeight: 35 },
    notes: [[/steps\[0\]/, /mirrored for one interval/]],
  },
  'scales, experiments, plugins': {
    steps:
      '{setCanaryScale: {replicas: 3}}, {setWeight: 20}, {experiment: {duration: 1h, templates: []}}, {plugin: {name: p}}, {dance: {}}',
    is: { stepWeights: [20] },
    notes: [
      [/steps\[0\]/, /left out: the canary has the replicas/],
      [/steps\[2\]/, /nothing is run beside/],
      [/steps\[3\]/, /plugins of Argo/],
      [/steps\[4\]/, /dance is not known/],
    ],
  },
  'a share of the pods': {
    steps: '{replicaProgressThreshold: {type: Percentage, value: 80}}, {setWeight: 20}',
    is: { canaryReadyThreshold: 80 },
  },
  'no steps': { steps: '', is: { stepWeights: [100] }, notes: [[/steps$/, /there are no weights/]] },
};

for (const [name, { steps, is, notes = [] }] of Object.entries(STEPS))
  test(`steps: ${name}`, () => {
    const found = read(canary(`steps: [${steps}]`));
    const analysis = canaryIn(found).spec.analysis as Record<string, unknown>;
    assert.deepEqual(Object.fromEntries(Object.keys(is).map((k) => [k, analysis[k]])), is);
    for (const [path, message] of notes) said(found, path, message);
    assert.ok(!('problem' in settingsOf(canaryIn(found))));
  });

test('blue/green: iterations without a mesh, a gate where promotion is by hand', () => {
  const strategy = (more: string): string => rollout(`{blueGreen: {activeService: guestbook, previewService: preview, ${more}}}`);
  const byHand = read(strategy('autoPromotionEnabled: false, scaleDownDelaySeconds: 60'));
  const { spec } = canaryIn(byHand);
  assert.deepEqual([spec.provider, spec.analysis.iterations, spec.analysis.webhooks?.[0]?.type], ['kubernetes', 1, 'confirm-promotion']);
  said(byHand, /scaleDownDelaySeconds/, /left out/);
  said(byHand, /previewService/, /preview is guestbook-canary/);
  const { analysis } = specOf(strategy('autoPromotionSeconds: 300'));
  assert.deepEqual([analysis.interval, analysis.iterations, analysis.webhooks], ['1m', 5, undefined]);
  const measured = specOf(
    strategy('prePromotionAnalysis: {templates: [{templateName: smoke}]}'),
    template(
      'smoke',
      '{name: ok, interval: 20s, count: 4, successCondition: "result[0] > 0.9", provider: {prometheus: {address: "http://p", query: up}}}',
    ),
  );
  assert.deepEqual([measured.analysis.interval, measured.analysis.iterations, measured.analysis.metrics?.length], ['20s', 4, 1]);
});

test('what routes requests', () => {
  const vs = `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vsvc, namespace: shop}\nspec: {hosts: [shop.example.com], gateways: [door], http: [{name: primary, timeout: 3s, route: []}]}\n`;
  const istio = canary('trafficRouting: {istio: {virtualService: {name: vsvc, routes: [primary]}}}, steps: [{setWeight: 10}]');
  const { provider, service } = specOf(istio, vs);
  assert.deepEqual([provider, service.hosts, service.gateways, service.timeout], ['istio', ['shop.example.com'], ['door'], '3s']);
  said(read(istio), /virtualService$/, /vsvc is not in what was given/);
  const nginx = specOf(canary('trafficRouting: {nginx: {stableIngress: web}}, steps: [{setWeight: 10}]'));
  assert.deepEqual([nginx.provider, nginx.ingressRef?.name], ['nginx', 'web']);
  const route = `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{name: gw}], hostnames: [a.example.com]}\n`;
  const gateway = specOf(
    canary('trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: r, namespace: shop}}}, steps: [{setWeight: 10}]'),
    route,
  );
  assert.deepEqual(
    [gateway.provider, gateway.service.gatewayRefs, gateway.service.hosts],
    ['gatewayapi:v1', [{ name: 'gw' }], ['a.example.com']],
  );
  said(
    read(canary('trafficRouting: {alb: {ingress: i, servicePort: 80}}, steps: [{setWeight: 10}]')),
    /trafficRouting\.alb/,
    /AWS load balancers is not supported/,
  );
});

test('a template becomes a MetricTemplate with variables, and its limits those of the Canary', () => {
  const found = read(
    canary(
      'analysis: {templates: [{templateName: success-rate}], args: [{name: service-name, value: guestbook-canary.shop}]}, steps: [{setWeight: 10}]',
    ),
    template(
      'success-rate',
      `{name: success-rate, interval: 5m, failureLimit: 3, initialDelay: 1m, successCondition: "isNaN(result[0]) || result[0] >= 0.95",
        provider: {prometheus: {address: "http://prometheus:9090", query: 'sum(rate(x{svc=~"{{args.service-name}}"}[5m]))'}}}`,
      'args: [{name: service-name}],',
    ),
  );
  const made = found.objects.find((o) => o.kind === 'MetricTemplate') as KubeObject & { spec: unknown };
  assert.equal(made.metadata?.name, 'success-rate');
  assert.deepEqual(made.spec, {
    provider: { type: 'prometheus', address: 'http://prometheus:9090' },
    query: 'sum(rate(x{svc=~"{{ variables.service_name }}"}[5m]))',
  });
  const { analysis } = canaryIn(found).spec;
  assert.equal(analysis.threshold, 4);
  assert.deepEqual(analysis.metrics, [
    {
      name: 'success-rate',
      templateRef: { name: 'success-rate' },
      interval: '5m',
      thresholdRange: { min: 0.95 },
      inconclusive: 'wait',
      templateVariables: { service_name: 'guestbook-canary.shop' },
    },
  ]);
  said(found, /initialDelay/, /left out/);
});

const PROVIDED: Record<string, { provider: string; is?: object; note?: RegExp }> = {
  datadog: { provider: '{datadog: {query: "avg:x{*}"}}', is: { type: 'datadog', secretRef: { name: 'datadog' } }, note: /datadog_api_key/ },
  newRelic: {
    provider: '{newRelic: {profile: nr, query: "SELECT 1 FROM T SINCE 5 minutes ago"}}',
    is: { type: 'newrelic', secretRef: { name: 'nr' } },
    note: /SINCE is left out/,
  },
  cloudWatch: {
    provider: '{cloudWatch: {metricDataQueries: [{id: a, expression: b}]}}',
    is: { type: 'cloudwatch' },
    note: /spec\.provider\.region/,
  },
  graphite: {
    provider: '{graphite: {address: "http://g", query: "sumSeries(a)"}}',
    is: { type: 'graphite', address: 'http://g' },
    note: /how far it looks back/,
  },
  influxdb: {
    provider: '{influxdb: {profile: i, query: "from()"}}',
    is: { type: 'influxdb', secretRef: { name: 'i' } },
    note: /token and org/,
  },
  web: { provider: '{web: {url: "http://x", jsonPath: "{$.ok}"}}', note: /webhook of type rollout/ },
  job: { provider: '{job: {spec: {}}}', note: /load tester/ },
  kayenta: { provider: '{kayenta: {}}', note: /the judge/ },
  wavefront: { provider: '{wavefront: {}}', note: /no provider wavefront/ },
  'something else': { provider: '{abacus: {}}', note: /abacus is not a provider/ },
};

for (const [name, { provider, is, note }] of Object.entries(PROVIDED))
  test(`a metric by ${name}`, () => {
    const found = read(
      canary('analysis: {templates: [{templateName: t}]}, steps: [{setWeight: 10}]'),
      template('t', `{name: m, successCondition: "result > 1", provider: ${provider}}`),
    );
    const made = found.objects.find((o) => o.kind === 'MetricTemplate') as (KubeObject & { spec: { provider: object } }) | undefined;
    assert.deepEqual(made?.spec.provider, is);
    assert.equal(canaryIn(found).spec.analysis.metrics?.length, is ? 1 : undefined);
    if (note) said(found, /provider/, note);
  });

const CONDITIONS: readonly [string, object | undefined, failure?: boolean][] = [
  ['result[0] >= 0.95', { min: 0.95 }],
  ['result <= 5', { max: 5 }],
  ['0.1 > result[0]', { max: 0.1 }],
  ['len(result) > 0 && result[0] < 500', { max: 500 }],
  ['(result[0] >= 1) && (result[0] <= 2e3)', { min: 1, max: 2000 }],
  ['result[0] >= 1 and result[0] <= 2', { min: 1, max: 2 }],
  ['len(result) == 0 || isNaN(result[0]) || result[0] >= 0.9', { min: 0.9 }],
  ['default(result, 0) < 0.05', { max: 0.05 }],
  ['asFloat(result) >= 99.5', { min: 99.5 }],
  ['all(result, # < 10)', { max: 10 }],
  ['result == 0', { min: 0, max: 0 }],
  ['result[0] >= 5', { max: 5 }, true],
  ['result[0] < 0.9 || result[0] > 2', { min: 0.9, max: 2 }, true],
  ['result == "ok"', undefined],
  ['result.ok && result.n > 1', undefined],
  ['result[0] > 1 || result[1] > 2', undefined],
  ['result == 1', undefined, true],
  ['', undefined],
];

for (const [condition, range, failure] of CONDITIONS)
  test(`a condition: ${condition}${failure ? ' fails' : ''}`, () => assert.deepEqual(boundsOf(condition, failure)?.range, range));

test('a workload that is referred to stays, an autoscaler follows, what is missing is said', () => {
  const hpa = `apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scaler, namespace: shop}\nspec: {maxReplicas: 4, scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: guestbook}}\n`;
  const referring = rollout(
    '{canary: {steps: [{setWeight: 10}, {analysis: {templates: [{templateName: nowhere}]}}]}}',
    '\n  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n',
  );
  const found = read(referring, hpa);
  assert.deepEqual(
    found.objects.map((o) => o.kind),
    ['HorizontalPodAutoscaler', 'Canary'],
  );
  assert.equal(canaryIn(found).spec.targetRef.name, 'web');
  assert.equal(canaryIn(found).spec.autoscalerRef?.name, 'scaler');
  const [scaler] = found.objects as (KubeObject & { spec: { scaleTargetRef: object } })[];
  assert.deepEqual(scaler?.spec.scaleTargetRef, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' });
  said(found, /steps\[1\]/, /AnalysisTemplate nowhere is not in what was given/);
});

test('the API takes all that is made, and knows each field of it', async () => {
  const { registry, client } = await world();
  await client.create(Namespaces, { metadata: { name: 'shop' } });
  const kinds = registry.catalog.all();
  for (const object of outputs.flatMap((o) => o.objects)) {
    const [group = '', version = ''] = object.apiVersion!.split('/');
    const { plural } = kinds.find(({ resource }) => resource.group === group && resource.kind === object.kind)!.resource;
    const target = { served: registry.catalog.find(group, version, plural)!, namespace: object.metadata?.namespace, user: ADMIN };
    await assert.doesNotReject(
      registry.create(target, { value: object }, { fieldValidation: 'Strict', dryRun: true }),
      JSON.stringify(object),
    );
  }
  assert.ok(outputs.length > 30, String(outputs.length));
});

test('what is no Rollout is refused with what to give', () => {
  assert.throws(() => importRollouts(parseYaml(SERVICE)), { code: 'NoRollout' });
});
