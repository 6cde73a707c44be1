/** Whole releases in virtual time that are measured by MetricTemplates and by other servers than the built-in one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployments, MetricTemplates, Secrets, type CanaryMetric, type MetricTemplate } from '../api/index.ts';
import type { Client } from '../control/index.ts';
import type { WebRequest } from './ports.ts';
import { deployment, saidAll, weight, world, type World } from './testing/world.ts';

const METRIC: CanaryMetric = {
  name: 'errors',
  interval: '30s',
  templateRef: { name: 'errors', namespace: 'monitoring' },
  templateVariables: { code: '5..' },
  thresholdRange: { max: 1 },
};

const template = (spec: MetricTemplate['spec']): MetricTemplate => ({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'MetricTemplate',
  metadata: { name: 'errors', namespace: 'monitoring' },
  spec: spec!,
});

const DATADOG = template({
  provider: { type: 'datadog', secretRef: { name: 'datadog' } },
  query: 'sum:errors{ns:{{ namespace }},app:{{ target }},code:{{ variables.code }}}',
});

async function secret(client: Client): Promise<void> {
  const data = { datadog_api_key: btoa('key-of-the-api\n'), datadog_application_key: btoa('key-of-the-app') };
  await client.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'datadog', namespace: 'monitoring' }, data });
}

const points = (...values: number[]): string => JSON.stringify({ status: 'ok', series: values.map((v) => ({ pointlist: [[0, v]] })) });

/** A release of version 2 is under way with all of it at `make`'s disposal. */
async function releasing(make: (client: Client) => Promise<void>, metric = METRIC): Promise<World> {
  const w = await world({
    analysis: { metrics: [metric] },
    before: async (client) => {
      await client.create(Deployments, deployment('podinfo:1'));
      await make(client);
    },
  });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  return w;
}

test('a release is promoted by what a provider says, asked with the keys of its Secret', async () => {
  const w = await releasing(async (client) => {
    await client.create(MetricTemplates, DATADOG);
    await secret(client);
  });
  w.answer = () => ({ body: points(0.5) });
  await w.reach('Succeeded');
  const { url, headers } = w.sent[0] as WebRequest;
  assert.equal(new URL(url).searchParams.get('query'), 'sum:errors{ns:test,app:podinfo,code:5..}');
  assert.deepEqual(headers, { accept: 'application/json', 'dd-api-key': 'key-of-the-api', 'dd-application-key': 'key-of-the-app' });
  w.stop();
});

test('a release is rolled back when one of several series is beyond the bounds', async () => {
  const w = await releasing(async (client) => {
    await client.create(MetricTemplates, DATADOG);
    await secret(client);
  });
  w.answer = () => ({ body: points(3, 0) });
  await w.reach('Failed');
  await saidAll(w, ['Halt podinfo.test advancement errors 3.00 > 1', 'Rolling back podinfo.test failed checks threshold reached 2']);
  w.stop();
});

test('what cannot be asked is no success: it says what to do, and never what is secret', async () => {
  const broken: [string, (client: Client) => Promise<unknown>, string, Partial<CanaryMetric>?][] = [
    [
      'no template',
      async () => {},
      'Metric template errors.monitoring error: not found: create it, or correct templateRef in spec.analysis.metrics of the Canary',
    ],
    [
      'no Secret',
      (c) => c.create(MetricTemplates, DATADOG),
      'Metric template errors.monitoring secret datadog error: not found: create it in namespace monitoring, or correct spec.provider.secretRef',
    ],
    [
      'no key in it',
      async (c) => {
        await c.create(MetricTemplates, DATADOG);
        await c.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'datadog', namespace: 'monitoring' }, data: {} });
      },
      'Metric query failed for errors: datadog credentials does not contain datadog_api_key: add it to the data of Secret datadog',
    ],
    [
      'no variable',
      async (c) => {
        await c.create(MetricTemplates, DATADOG);
        await secret(c);
      },
      "Metric template errors.monitoring query render error: variable code is not set: add it to templateVariables of the Canary's metric",
      { templateVariables: {} },
    ],
    [
      'no such provider',
      (c) => c.create(MetricTemplates, template({ provider: { type: 'abacus' }, query: 'x' })),
      'Metric template errors.monitoring provider abacus error: not known; use one of cloudwatch, datadog, dynatrace, externalmetrics, graphite, influxdb, keptn, newrelic, prometheus, splunk, stackdriver',
    ],
    [
      'an answer that gives keys away',
      async (c) => {
        await c.create(MetricTemplates, DATADOG);
        await secret(c);
      },
      'Metric query failed for errors: error response: 403 bad key ***; do the credentials in spec.provider.secretRef give access to datadog?',
    ],
    [
      'no values',
      (c) => c.create(MetricTemplates, template({ provider: { type: 'prometheus', address: 'http://prom' }, query: 'x' })),
      'Halt advancement no values found for custom metric: errors: no values found',
    ],
  ];
  for (const [what, make, message, metric] of broken) {
    const w = await releasing(async (client) => void (await make(client)), { ...METRIC, inconclusive: 'wait', ...metric });
    w.answer = ({ url }) =>
      url.startsWith('http://prom')
        ? { body: '{"status":"success","data":{"resultType":"vector","result":[]}}' }
        : { status: 403, body: '{"errors":["bad key key-of-the-api"]}' };
    await w.pass(60_000);
    assert.ok((await w.events()).includes(message), `${what}:\n${(await w.events()).join('\n')}`);
    assert.deepEqual([(await w.canary()).status?.phase, await weight(w)], ['Progressing', 20], what);
    w.stop();
  }
});

test('builtin metrics and queries go to the Prometheus that the Canary names', async () => {
  const w = await world({
    spec: { metricsServer: 'http://prometheus.monitoring:9090' },
    analysis: {
      metrics: [
        { name: 'request-success-rate', thresholdRange: { min: 99 } },
        { name: 'queue', query: 'max(queue)', thresholdRange: { max: 5 } },
      ],
    },
  });
  w.successRate = 0;
  w.answer = ({ url }) => ({
    body: JSON.stringify({ data: { resultType: 'vector', result: [{ value: [0, url.includes('queue') ? '4' : '99.5'] }] } }),
  });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  assert.deepEqual([...new Set(w.sent.map((r) => new URL(r.url).origin))], ['http://prometheus.monitoring:9090']);
  w.stop();
});
