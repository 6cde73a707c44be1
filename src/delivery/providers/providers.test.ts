/** Each provider asks a server on a real socket that speaks its API; the answers are in the shapes that the API's documents show. */
import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { exportPKCS8, jwtVerify } from 'jose';
import { VirtualClock } from '../../base/index.ts';
import { FakeClient } from '../../control/testing.ts';
import { serve, type Asked, type Told } from '../testing/local-server.ts';
import { createWeb } from '../web.edge.ts';
import { PROVIDERS } from './index.ts';
import type { Question, Tools } from './provider.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const SECOND = 1000;

const tools = (env: Tools['env'] = {}): Tools => ({ web: createWeb(), client: new FakeClient(new VirtualClock()), env });

interface Case {
  readonly type: string;
  readonly what: string;
  readonly spec?: Partial<Question['spec']>;
  readonly secret?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly answer: Told;
  /** What is wanted: values, or what the error says. */
  readonly want: readonly number[] | RegExp;
  /** What the server has to have been asked. */
  readonly asked?: (asked: Asked) => void;
}

async function measure(t: TestContext, c: Omit<Case, 'want' | 'what'>, env?: Tools['env']): Promise<readonly number[]> {
  const server = await serve(t, () => c.answer);
  const spec = { type: c.type, address: server.url, ...c.spec };
  const secret = c.secret && { name: 'keys', data: c.secret };
  const question: Question = { spec, secret, query: c.query ?? 'up', windowMs: 60 * SECOND, now: NOW };
  try {
    return await PROVIDERS[c.type]!(question, tools(env));
  } finally {
    if (server.asked[0]) c.asked?.(server.asked[0]);
  }
}

const prometheusVector = (...values: string[]): Told => ({
  body: {
    status: 'success',
    data: { resultType: 'vector', result: values.map((v, i) => ({ metric: { pod: `p${i}` }, value: [1767323045.1, v] })) },
  },
});
const DATADOG = { datadog_api_key: 'dd-api', datadog_application_key: 'dd-app' };
const NEWRELIC = { newrelic_account_id: '51312', newrelic_query_key: 'nr-key' };
const AWS = { aws_access_key_id: 'AKIDEXAMPLE', aws_secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const METRIC =
  '[{"id": "e1", "expression": "m1 / m2"}, {"id": "m1", "metricStat": {"metric": {"metricName": "Errors"}, "period": 60, "stat": "Sum"}, "returnData": false}]';
const CSV =
  '#datatype,string,long,dateTime:RFC3339,double,string\r\n#group,false,false,false,false,true\r\n#default,_result,,,,\r\n,result,table,_time,_value,pod\r\n';
const sse = (...events: [string, unknown][]): Told => ({
  headers: { 'content-type': 'text/event-stream' },
  body: events.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''),
});
const points = (...data: [string, number | null][]): [string, unknown] => [
  'data',
  { data: data.map(([tsId, value]) => ({ tsId, value })), logicalTimestampMs: NOW, maxDelayMs: 0 },
];

const CASES: readonly Case[] = [
  {
    type: 'prometheus',
    what: 'an instant query, on one line, with a bearer token and headers',
    spec: { headers: { 'x-scope-orgid': ['team-a', 'team-b'] } },
    secret: { token: 'pt' },
    query: '\n  sum(\n    rate(x[1m])\n  )\n',
    answer: prometheusVector('12.5'),
    want: [12.5],
    asked: ({ path, query, headers, method }) => {
      assert.deepEqual([method, path, query], ['GET', '/api/v1/query', { query: 'sum( rate(x[1m]) )' }]);
      assert.deepEqual([headers.authorization, headers['x-scope-orgid']], ['Bearer pt', 'team-a, team-b']);
    },
  },
  {
    type: 'prometheus',
    what: 'basic authentication',
    secret: { username: 'me', password: 'pä:ss' },
    answer: prometheusVector('1'),
    want: [1],
    asked: ({ headers }) => assert.equal(Buffer.from(headers.authorization!.slice(6), 'base64').toString(), 'me:pä:ss'),
  },
  {
    type: 'prometheus',
    what: 'all series; NaN is none, infinity is one',
    answer: prometheusVector('1', 'NaN', '+Inf'),
    want: [1, Infinity],
  },
  { type: 'prometheus', what: 'no series', answer: prometheusVector(), want: [] },
  {
    type: 'prometheus',
    what: 'a scalar',
    answer: { body: { status: 'success', data: { resultType: 'scalar', result: [1767323045, '7'] } } },
    want: [7],
  },
  {
    type: 'prometheus',
    what: 'a range vector',
    answer: { body: { status: 'success', data: { resultType: 'matrix', result: [] } } },
    want: /returns a matrix: write one that returns an instant vector/,
  },
  {
    type: 'prometheus',
    what: 'a query that cannot be parsed',
    answer: { status: 400, body: { status: 'error', errorType: 'bad_data', error: 'invalid parameter "query": 1:4: parse error' } },
    want: /error response: 400 invalid parameter "query": 1:4: parse error$/,
  },
  {
    type: 'prometheus',
    what: 'a page that is no API',
    answer: { body: '<html>hello</html>' },
    want: /not JSON: <html>hello<\/html>; is spec.provider.address/,
  },
  {
    type: 'prometheus',
    what: 'half of the credentials',
    secret: { username: 'me' },
    answer: {},
    want: /prometheus credentials does not contain password: add it to the data of Secret keys/,
  },
  { type: 'prometheus', what: 'no address', spec: { address: '' }, answer: {}, want: /prometheus address is not set: write/ },
  {
    type: 'prometheus',
    what: 'an address that is none',
    spec: { address: 'prometheus:9090' },
    answer: {},
    want: /prometheus:9090 is not a valid URL/,
  },
  {
    type: 'prometheus',
    what: 'nobody there',
    spec: { address: 'http://127.0.0.1:1' },
    answer: {},
    want: /127.0.0.1:1 cannot be asked: connect ECONNREFUSED/,
  },
  {
    type: 'prometheus',
    what: 'no access',
    answer: { status: 401, body: 'Unauthorized' },
    want: /401 Unauthorized; do the credentials in spec.provider.secretRef give access to prometheus\?/,
  },
  {
    type: 'datadog',
    what: 'ten windows, and of them the oldest point that has a value',
    secret: DATADOG,
    query: 'avg:system.cpu.user{*}by{host}',
    answer: {
      body: {
        status: 'ok',
        series: [
          {
            metric: 'x',
            pointlist: [
              [1767322445000, null],
              [1767322505000, 1.5],
              [1767322565000, 9],
            ],
          },
        ],
      },
    },
    want: [1.5],
    asked: ({ path, query, headers }) => {
      assert.deepEqual([path, query], ['/api/v1/query', { query: 'avg:system.cpu.user{*}by{host}', from: '1767322445', to: '1767323045' }]);
      assert.deepEqual([headers['dd-api-key'], headers['dd-application-key']], ['dd-api', 'dd-app']);
    },
  },
  { type: 'datadog', what: 'no series', secret: DATADOG, answer: { body: { status: 'ok', series: [] } }, want: [] },
  {
    type: 'datadog',
    what: 'no access',
    secret: DATADOG,
    answer: { status: 403, body: { errors: ['Forbidden'] } },
    want: /error response: 403 Forbidden; do the credentials/,
  },
  {
    type: 'datadog',
    what: 'a bad query',
    secret: DATADOG,
    answer: { body: { status: 'error', error: 'Error parsing query' } },
    want: /the query is refused: Error parsing query/,
  },
  {
    type: 'datadog',
    what: 'no Secret',
    answer: {},
    want: /datadog credentials does not contain datadog_api_key: add it to a Secret, and name that in spec.provider.secretRef/,
  },
  {
    type: 'newrelic',
    what: 'NRQL since the window began',
    secret: NEWRELIC,
    query: 'SELECT percentage(count(*), WHERE ok)\nFROM Metric',
    answer: { body: { results: [{ result: 97.5 }], metadata: {} } },
    want: [97.5],
    asked: ({ path, query, headers }) => {
      assert.deepEqual([path, headers['x-query-key']], ['/v1/accounts/51312/query', 'nr-key']);
      assert.deepEqual(query, { nrql: 'SELECT percentage(count(*), WHERE ok) FROM Metric SINCE 60 seconds ago' });
    },
  },
  {
    type: 'newrelic',
    what: 'a result under the name of its function',
    secret: NEWRELIC,
    answer: { body: { results: [{ average: 3 }] } },
    want: [3],
  },
  {
    type: 'newrelic',
    what: 'a percentile',
    secret: NEWRELIC,
    answer: { body: { results: [{ percentiles: { 99: 0.25 } }] } },
    want: [0.25],
  },
  { type: 'newrelic', what: 'no value', secret: NEWRELIC, answer: { body: { results: [{ result: null }] } }, want: [] },
  {
    type: 'newrelic',
    what: 'several values',
    secret: NEWRELIC,
    answer: { body: { results: [{ result: 1 }, { result: 2 }] } },
    want: /returns 2 values: select one/,
  },
  {
    type: 'graphite',
    what: 'the newest point with a value, of each target',
    secret: { username: 'g', password: 'p' },
    query: 'target=sumSeries(app.*.errors)&\n from=-1min',
    answer: {
      body: [
        {
          target: 'a',
          datapoints: [
            [1, 1767322985],
            [2, 1767323005],
            [null, 1767323045],
          ],
        },
        { target: 'b', datapoints: [['4.5', 1767322985]] },
      ],
    },
    want: [2, 4.5],
    asked: ({ path, query, headers }) => {
      assert.deepEqual([path, query['target'], query['format']], ['/render', 'sumSeries(app.*.errors)', 'json']);
      assert.equal(headers.authorization, `Basic ${Buffer.from('g:p').toString('base64')}`);
    },
  },
  { type: 'graphite', what: 'no values', answer: { body: [{ target: 'a', datapoints: [[null, 1]] }] }, want: [] },
  {
    type: 'influxdb',
    what: 'Flux, and the first record of each table',
    secret: { org: 'my org', token: 'it' },
    query: 'from(bucket: "b")\n  |> range(start: -1m)\n  |> mean()',
    answer: {
      body: `${CSV},,0,2026-01-02T03:03:05Z,15.5,"a,""1"""\r\n,,0,2026-01-02T03:04:05Z,99,"a,""1"""\r\n,,1,2026-01-02T03:03:05Z,7,b\r\n\r\n`,
    },
    want: [15.5, 7],
    asked: ({ method, path, query, headers, body }) => {
      assert.deepEqual([method, path, query], ['POST', '/api/v2/query', { org: 'my org' }]);
      assert.deepEqual([headers.authorization, headers['content-type']], ['Token it', 'application/vnd.flux']);
      assert.equal(body, 'from(bucket: "b")\n  |> range(start: -1m)\n  |> mean()');
    },
  },
  { type: 'influxdb', what: 'nothing found is not zero', answer: { body: '\r\n' }, want: [] },
  {
    type: 'influxdb',
    what: 'a bad query',
    answer: { status: 400, body: { code: 'invalid', message: 'compilation failed: error @1:1' } },
    want: /400 compilation failed: error @1:1/,
  },
  {
    type: 'influxdb',
    what: 'a query that fails midway',
    answer: { body: '#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,"Failed, at ""mean""",897\r\n' },
    want: /the query fails: Failed, at "mean"/,
  },
  {
    type: 'dynatrace',
    what: 'one point for ten windows',
    secret: { dynatrace_token: 'dt0c01' },
    query: 'builtin:service.response.time:avg',
    answer: {
      body: {
        totalCount: 1,
        resolution: 'Inf',
        result: [{ metricId: 'm', data: [{ dimensions: [], timestamps: [NOW], values: [250.5] }] }],
      },
    },
    want: [250.5],
    asked: ({ path, query, headers }) => {
      const parameters = {
        metricSelector: 'builtin:service.response.time:avg',
        resolution: 'Inf',
        from: String(NOW - 600_000),
        to: String(NOW),
      };
      assert.deepEqual([path, query, headers.authorization], ['/api/v2/metrics/query', parameters, 'Api-Token dt0c01']);
    },
  },
  {
    type: 'dynatrace',
    what: 'a null',
    secret: { dynatrace_token: 't' },
    answer: { body: { result: [{ data: [{ values: [null] }] }] } },
    want: [],
  },
  {
    type: 'dynatrace',
    what: 'no access',
    secret: { dynatrace_token: 't' },
    answer: { status: 401, body: { error: { code: 401, message: 'Token Authentication failed' } } },
    want: /401 Token Authentication failed; do the/,
  },
  {
    type: 'splunk',
    what: 'a program over the past, and the newest value of its series',
    secret: { sf_token_key: 'st' },
    query: "data('requests').sum().publish()",
    answer: sse(
      ['control-message', { event: 'STREAM_START', timestampMs: NOW }],
      ['metadata', { tsId: 'AAAAAA', properties: { sf_resolutionMs: 1000 } }],
      points(['AAAAAA', 4]),
      points(['AAAAAA', 5]),
      points(['AAAAAA', null]),
      ['control-message', { event: 'END_OF_CHANNEL', timestampMs: NOW }],
    ),
    want: [5],
    asked: ({ method, path, query, headers, body }) => {
      assert.deepEqual([method, path, body], ['POST', '/v2/signalflow/execute', "data('requests').sum().publish()"]);
      assert.deepEqual(query, { start: String(NOW - 600_000), stop: String(NOW), immediate: 'true' });
      assert.deepEqual([headers['x-sf-token'], headers['content-type']], ['st', 'text/plain']);
    },
  },
  {
    type: 'splunk',
    what: 'no data',
    secret: { sf_token_key: 'st' },
    answer: sse(['control-message', { event: 'END_OF_CHANNEL' }]),
    want: [],
  },
  {
    type: 'splunk',
    what: 'several series',
    secret: { sf_token_key: 'st' },
    answer: sse(points(['A', 1], ['B', 2])),
    want: /publishes 2 time series: aggregate/,
  },
  {
    type: 'splunk',
    what: 'a bad program',
    secret: { sf_token_key: 'st' },
    answer: sse(['error', { errors: [{ code: 'ANALYTICS_PROGRAM_NAME_ERROR' }] }]),
    want: /refused: .*ANALYTICS_PROGRAM_NAME_ERROR/,
  },
  {
    type: 'splunk',
    what: 'an aborted program',
    secret: { sf_token_key: 'st' },
    answer: sse(['control-message', { event: 'CHANNEL_ABORT', abortInfo: { sf_job_abortReason: 'too many' } }]),
    want: /aborted: .*too many/,
  },
  {
    type: 'externalmetrics',
    what: 'the first item, as a quantity',
    secret: { token: 'kt' },
    query: 'shop/requests_per_second?labelSelector=app%3Dweb',
    answer: { body: { kind: 'ExternalMetricValueList', items: [{ metricName: 'requests_per_second', value: '1500m' }, { value: '9' }] } },
    want: [1.5],
    asked: ({ path, query, headers }) => {
      assert.equal(path, '/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/requests_per_second');
      assert.deepEqual([query, headers.authorization], [{ labelSelector: 'app=web' }, 'Bearer kt']);
    },
  },
  { type: 'externalmetrics', what: 'no items', query: 'a', answer: { body: { items: [] } }, want: [] },
  { type: 'externalmetrics', what: 'too many slashes', query: 'a/b/c', answer: {}, want: /malformed query a\/b\/c: write <namespace>/ },
  { type: 'keptn', what: 'a metric that is not there', query: 'keptnmetric/shop/rt', answer: {}, want: /KeptnMetric shop\/rt not found/ },
  { type: 'keptn', what: 'an analysis', query: 'analysis/shop/rt', answer: {}, want: /write keptnmetric\/<namespace>\/<name>/ },
  {
    type: 'cloudwatch',
    what: 'no region',
    query: METRIC,
    secret: AWS,
    answer: {},
    want: /region not specified: write it into spec.provider.region/,
  },
  {
    type: 'cloudwatch',
    what: 'a query that is no list',
    spec: { region: 'eu-west-1' },
    query: '{}',
    secret: AWS,
    answer: {},
    want: /not a JSON array of MetricDataQuery/,
  },
  {
    type: 'cloudwatch',
    what: 'no credentials',
    spec: { region: 'eu-west-1' },
    query: METRIC,
    answer: {},
    want: /name a Secret with aws_access_key_id/,
  },
  {
    type: 'cloudwatch',
    what: 'no values',
    spec: { region: 'eu-west-1' },
    query: METRIC,
    secret: AWS,
    answer: { body: { MetricDataResults: [{ Id: 'e1', StatusCode: 'Complete', Values: [] }] } },
    want: [],
  },
  {
    type: 'cloudwatch',
    what: 'no access',
    spec: { region: 'eu-west-1' },
    query: METRIC,
    secret: AWS,
    answer: {
      status: 400,
      body: { __type: 'com.amazon.coral.service#AccessDenied', Message: 'not authorized to perform cloudwatch:GetMetricData' },
    },
    want: /400 not authorized to perform cloudwatch:GetMetricData/,
  },
];

for (const c of CASES)
  test(`${c.type}: ${c.what}`, async (t) => {
    if (c.want instanceof RegExp) await assert.rejects(measure(t, c), { message: c.want });
    else assert.deepEqual(await measure(t, c), c.want);
  });

test('every provider that a MetricTemplate may name has a case here', () => {
  assert.deepEqual(Object.keys(PROVIDERS).sort(), [...new Set([...CASES.map((c) => c.type), 'stackdriver'])].sort());
});

test('cloudwatch: the request is signed as Signature Version 4 says', async (t) => {
  const answer = {
    body: { MetricDataResults: [{ Id: 'e1', Label: 'e1', StatusCode: 'Complete', Timestamps: [1, 0], Values: [0.25, 9] }] },
  };
  const asked = (a: Asked): void => {
    const { headers, body } = a;
    assert.equal(headers['x-amz-target'], 'GraniteServiceVersion20100801.GetMetricData');
    assert.deepEqual(JSON.parse(body), {
      StartTime: NOW / SECOND - 600,
      EndTime: NOW / SECOND,
      MaxDatapoints: 20,
      MetricDataQueries: [
        { Id: 'e1', Expression: 'm1 / m2' },
        { Id: 'm1', MetricStat: { Metric: { MetricName: 'Errors' }, Period: 60, Stat: 'Sum' }, ReturnData: false },
      ],
    });
    assert.equal(headers.authorization, signature(a, AWS.aws_secret_access_key));
  };
  const c = { type: 'cloudwatch', spec: { region: 'eu-west-1' }, query: METRIC, answer, asked };
  assert.deepEqual(await measure(t, { ...c, secret: AWS }), [0.25]);
  const env = { AWS_ACCESS_KEY_ID: AWS.aws_access_key_id, AWS_SECRET_ACCESS_KEY: AWS.aws_secret_access_key };
  assert.deepEqual(await measure(t, c, env), [0.25]);
});

/** Worked out anew from the request as it came in (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
function signature({ method, path, headers, body }: Asked, secret: string): string {
  const [, scope = '', signed = ''] = /Credential=AKIDEXAMPLE\/(\S+), SignedHeaders=(\S+),/.exec(headers.authorization ?? '') ?? [];
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const lines = signed.split(';').map((h) => `${h}:${String(headers[h])}\n`);
  const canonical = [method, path, '', lines.join(''), signed, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', '20260102T030405Z', scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${secret}`);
  const credential = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}`;
  return `${credential}, SignedHeaders=${signed}, Signature=${hmac(key, toSign).toString('hex')}`;
}

test('stackdriver: the service account vouches for itself and gets a token, and the token reads', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const server = await serve(t, ({ path }) =>
    path === '/token'
      ? { body: { access_token: 'ya29', expires_in: 3599, token_type: 'Bearer' } }
      : {
          body: {
            timeSeriesData: [
              { pointData: [{ values: [{ int64Value: '42' }] }, { values: [{ int64Value: '1' }] }] },
              { pointData: [{ values: [{ doubleValue: 0.5 }] }] },
            ],
          },
        },
  );
  const key = {
    client_email: 'me@p.iam.gserviceaccount.com',
    private_key: await exportPKCS8(privateKey),
    token_uri: `${server.url}/token`,
  };
  const secret = { name: 'gcp', data: { project: 'my-project', serviceAccountKey: JSON.stringify(key) } };
  const question = { spec: { type: 'stackdriver', address: server.url }, secret, query: 'fetch k8s_service', windowMs: 60_000, now: NOW };
  assert.deepEqual(await PROVIDERS['stackdriver']!(question, tools()), [42, 0.5]);
  const [grant, query] = server.asked;
  const form = new URLSearchParams(grant!.body);
  assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const { payload } = await jwtVerify(form.get('assertion')!, publicKey, { currentDate: new Date(NOW), audience: key.token_uri });
  assert.deepEqual([payload.iss, payload['scope']], [key.client_email, 'https://www.googleapis.com/auth/monitoring.read']);
  assert.deepEqual([query!.method, query!.path], ['POST', '/v3/projects/my-project/timeSeries:query']);
  assert.deepEqual([query!.headers.authorization, JSON.parse(query!.body)], ['Bearer ya29', { query: 'fetch k8s_service' }]);
});

test('stackdriver: what is wrong with the credentials is said, and not what they are', async () => {
  const broken: [Record<string, string>, RegExp][] = [
    [{}, /stackdriver credentials does not contain project/],
    [{ project: 'p', serviceAccountKey: 'nonsense-of-a-key' }, /serviceAccountKey in Secret gcp is not JSON: put/],
    [{ project: 'p', serviceAccountKey: '{"client_email":"a"}' }, /has no client_email and private_key/],
    [
      { project: 'p', serviceAccountKey: '{"client_email":"a","private_key":"nonsense-of-a-key"}' },
      /has a private_key that cannot be read/,
    ],
  ];
  for (const [data, want] of broken) {
    const question = { spec: { type: 'stackdriver' }, secret: { name: 'gcp', data }, query: 'x', windowMs: 1, now: NOW };
    await assert.rejects(
      PROVIDERS['stackdriver']!(question, tools()),
      ({ message }: Error) => want.test(message) && !message.includes('nonsense'),
    );
  }
});

test('splunk: the address of the API or of a WebSocket stands for that of the stream', async () => {
  for (const [address, host] of [
    ['https://api.us1.signalfx.com', 'stream.us1.signalfx.com'],
    ['wss://stream.eu0.signalfx.com', 'stream.eu0.signalfx.com'],
  ]) {
    const urls: string[] = [];
    const web = {
      send: async ({ url }: { url: string }) => {
        urls.push(url);
        return { status: 200, body: '', retryAfter: undefined };
      },
    };
    const secret = { name: 's', data: { sf_token_key: 't' } };
    await PROVIDERS['splunk']!(
      { spec: { type: 'splunk', address: address! }, secret, query: 'x', windowMs: 1, now: NOW },
      { ...tools(), web },
    );
    assert.equal(new URL(urls[0]!).origin, `https://${host}`);
  }
});
