import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '../../index.ts';

const catalog = createCatalog();

/** Version, plural, warning, spec as the old version has it, spec as it is stored. */
const CASES: readonly (readonly [string, string, string, object, object])[] = [
  [
    'extensions/v1beta1',
    'ingresses',
    'extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress',
    {
      backend: { serviceName: 'a', servicePort: 80 },
      rules: [{ host: 'h', http: { paths: [{ path: '/x', pathType: 'Prefix', backend: { serviceName: 'b', servicePort: 'web' } }] } }],
    },
    {
      defaultBackend: { service: { name: 'a', port: { number: 80 } } },
      rules: [
        { host: 'h', http: { paths: [{ path: '/x', pathType: 'Prefix', backend: { service: { name: 'b', port: { name: 'web' } } } }] } },
      ],
    },
  ],
  [
    'policy/v1beta1',
    'poddisruptionbudgets',
    'policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget',
    { minAvailable: 1, selector: {} },
    {
      minAvailable: 1,
      selector: { matchExpressions: [{ key: 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match', operator: 'Exists' }] },
    },
  ],
  [
    'autoscaling/v2beta1',
    'horizontalpodautoscalers',
    'autoscaling/v2beta1 HorizontalPodAutoscaler is deprecated in v1.22+, unavailable in v1.25+; use autoscaling/v2 HorizontalPodAutoscaler',
    {
      maxReplicas: 2,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', targetAverageUtilization: 50 } },
        { type: 'Pods', pods: { metricName: 'rps', targetAverageValue: '10' } },
        { type: 'Object', object: { target: { kind: 'Service', name: 'a' }, metricName: 'm', targetValue: '5' } },
        { type: 'External', external: { metricName: 'q', targetAverageValue: '3' } },
      ],
    },
    {
      maxReplicas: 2,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
        { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
        {
          type: 'Object',
          object: { describedObject: { kind: 'Service', name: 'a' }, metric: { name: 'm' }, target: { type: 'Value', value: '5' } },
        },
        { type: 'External', external: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '3' } } },
      ],
    },
  ],
  [
    'batch/v1beta1',
    'cronjobs',
    'batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob',
    { schedule: '* * * * *' },
    { schedule: '* * * * *' },
  ],
];

for (const [apiVersion, plural, warning, old, stored] of CASES) {
  test(`${apiVersion} ${plural} is read and shown in its own shape`, () => {
    const [group = '', version = ''] = apiVersion.split('/');
    const legacy = catalog.find(group, version, plural)!.legacy!;
    assert.equal(legacy.warning, warning);
    const up = legacy.upgrade?.({ spec: old }) ?? { spec: old };
    assert.deepEqual(up['spec'], stored);
    assert.deepEqual((legacy.downgrade?.(up) ?? up)['spec'], old);
  });
}

test('a Deployment of old selects by its labels, and has the defaults of its time', () => {
  const template = { metadata: { labels: { app: 'a' } } };
  const up = (group: string, version: string): unknown =>
    catalog.find(group, version, 'deployments')!.legacy!.upgrade!({ spec: { template, rollbackTo: {} } })['spec'];
  assert.deepEqual(up('extensions', 'v1beta1'), {
    template,
    selector: { matchLabels: { app: 'a' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } },
    revisionHistoryLimit: 2_147_483_647,
    progressDeadlineSeconds: 2_147_483_647,
  });
  assert.equal((up('apps', 'v1beta1') as { revisionHistoryLimit: number }).revisionHistoryLimit, 2);
});

test('Events are one store under two names', () => {
  const { legacy } = catalog.find('events.k8s.io', 'v1', 'events')!;
  assert.equal(legacy!.warning, '');
  const shown = { regarding: { kind: 'Pod', name: 'a' }, note: 'm', reportingController: 'c', deprecatedCount: 2 };
  const stored = { involvedObject: { kind: 'Pod', name: 'a' }, message: 'm', reportingComponent: 'c', count: 2 };
  assert.deepEqual(legacy!.upgrade!(shown), stored);
  assert.deepEqual(legacy!.downgrade!(stored), shown);
});
