/** Bodies that are allowed and yet as much work as a body can be: none may hold the server up. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rawHttp, type RawHttp } from '../support/raw-http.ts';
import { DEFINITION, WIDGET } from './seeds.ts';
import { startFuzzServer, type FuzzServer } from './server.ts';

/** For one answer; the machine may be busy with others. */
const LIMIT_MS = 5000;

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const WIDGETS = '/apis/fuzz.example/v1/namespaces/default/widgets';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const fields = (count: number): Record<string, string> => Object.fromEntries(many(count, (i) => [`k${i}`, 'v']));
const labels = { app: 'web' };
const deployment = (containers: readonly unknown[]): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'a' },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
});
const containers = (count: number): unknown[] => many(count, (i) => ({ name: `c${i}`, image: 'img' }));
const widget = (spec: object): object => ({ ...WIDGET, metadata: { name: 'b' }, spec: { size: 1, code: 'a', ...spec } });

/** A schema whose every level asks twice for the next. */
function doubled(levels: number): object {
  let schema: object = { type: 'object', required: ['x'] };
  for (let i = 0; i < levels; i++) schema = { type: 'object', anyOf: [schema, schema] };
  return schema;
}

function definition(property: object): object {
  const copy = structuredClone(DEFINITION) as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: { properties: Record<string, unknown> } } } } }[] };
  };
  copy.spec.versions[0]!.schema.openAPIV3Schema.properties.spec.properties['heavy'] = property;
  return copy;
}

const JSON_TYPE = 'application/json';
const YAML = 'application/yaml';
const [JSON_PATCH, STRATEGIC, APPLY] = ['json-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'].map(
  (t) => `application/${t}`,
) as [string, string, string];

const BODIES: Record<string, readonly [method: string, path: string, type: string, body: () => string | object]> = {
  'YAML with many keys': ['POST', MAPS, YAML, () => `metadata: {name: b}\ndata:\n${many(75_000, (i) => `  k${i}: "v"\n`).join('')}`],
  'YAML that nests': ['POST', MAPS, YAML, () => `a: ${'['.repeat(500_000)}`],
  'YAML with many anchors': ['POST', MAPS, YAML, () => many(55_000, (i) => `k${i}: &a${i} x\n`).join('')],
  'JSON that nests': ['POST', MAPS, JSON_TYPE, () => `${'{"a":'.repeat(400_000)}1${'}'.repeat(400_000)}`],
  'JSON with a field given often': ['POST', MAPS, JSON_TYPE, () => `{"metadata":{"name":"z"},${many(300_000, () => '"a":1').join(',')}}`],
  'many labels': ['POST', MAPS, JSON_TYPE, () => ({ metadata: { name: 'b', labels: fields(150_000) } })],
  'much data': ['POST', MAPS, JSON_TYPE, () => ({ metadata: { name: 'b' }, data: fields(150_000) })],
  'many containers': ['POST', DEPLOYMENTS, JSON_TYPE, () => deployment(containers(60_000))],
  'many containers, merged': [
    'PATCH',
    `${DEPLOYMENTS}/a`,
    STRATEGIC,
    () => ({ spec: { template: { spec: { containers: containers(9000) } } } }),
  ],
  'many containers, applied': ['PATCH', `${DEPLOYMENTS}/a?fieldManager=x`, APPLY, () => deployment(containers(60_000))],
  'many finalizers, merged': [
    'PATCH',
    `${MAPS}/a`,
    STRATEGIC,
    () => ({ metadata: { finalizers: many(100_000, (i) => `example.com/f${i}`) } }),
  ],
  'many finalizers, ordered': [
    'PATCH',
    `${MAPS}/a`,
    STRATEGIC,
    () => ({
      metadata: { finalizers: many(9000, (i) => `e.com/${i}`), '$setElementOrder/finalizers': many(9000, (i) => `e.com/${2 * i}`) },
    }),
  ],
  'many operations': ['PATCH', `${MAPS}/a`, JSON_PATCH, () => many(10_000, (i) => ({ op: 'add', path: `/data/z${i}`, value: '1' }))],
  'operations that copy': ['PATCH', `${MAPS}/a`, JSON_PATCH, () => many(100, (i) => ({ op: 'copy', from: '', path: `/data/z${i}` }))],
  'a long text for a pattern': ['POST', WIDGETS, JSON_TYPE, () => widget({ code: `${'a'.repeat(2_000_000)}!` })],
  'a large set': ['POST', WIDGETS, JSON_TYPE, () => widget({ tags: many(150_000, String) })],
  'a large list of maps, applied': [
    'PATCH',
    `${WIDGETS}/c?fieldManager=x`,
    APPLY,
    () => widget({ parts: many(60_000, (i) => ({ name: `x${i}` })) }),
  ],
  'a schema that doubles': ['PUT', `${DEFINITIONS}/widgets.fuzz.example`, JSON_TYPE, () => definition(doubled(13))],
  'an object of a schema that doubles': ['POST', WIDGETS, JSON_TYPE, () => widget({ heavy: {} })],
  'a pattern that multiplies': [
    'PUT',
    `${DEFINITIONS}/widgets.fuzz.example`,
    JSON_TYPE,
    () => definition({ type: 'string', pattern: '((((a{1,99}){1,99}){1,99}){1,99})' }),
  ],
  'a pattern that nests': [
    'PUT',
    `${DEFINITIONS}/widgets.fuzz.example`,
    JSON_TYPE,
    () => definition({ type: 'string', pattern: '(x|'.repeat(50_000) + ')'.repeat(50_000) }),
  ],
};

let server: FuzzServer;
let http: RawHttp;
before(async () => {
  server = await startFuzzServer(1);
  http = rawHttp({ socketPath: server.socketPath }, 2);
  for (const [path, object] of [
    [MAPS, { metadata: { name: 'a' }, data: { x: '1' } }],
    [DEPLOYMENTS, deployment(containers(1))],
    [DEFINITIONS, DEFINITION],
  ] as const) {
    const answer = await http.request({ method: 'POST', path, headers: { 'content-type': JSON_TYPE }, body: JSON.stringify(object) });
    assert.equal(answer.code, 201, answer.body.toString());
  }
});
after(async () => {
  http.close();
  await server.close();
});

for (const [what, [method, path, type, make]] of Object.entries(BODIES)) {
  test(what, async () => {
    const made = make();
    const body = typeof made === 'string' ? made : JSON.stringify(made);
    const started = performance.now();
    const answer = await http.request({ method, path, headers: { 'content-type': type }, body });
    const ms = performance.now() - started;
    assert.ok(answer.code < 500, `${answer.code} ${answer.body.toString().slice(0, 500)} ${server.log.at(-1)}`);
    assert.ok(ms < LIMIT_MS, `answered ${answer.code} after ${Math.round(ms)} ms`);
  });
}
