import 'reflect-metadata';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { seededRng, toYaml } from '../base/index.ts';
import { problemText } from '../mesh/index.ts';
import { decode } from './encode.ts';
import {
  GOLDEN_DIR,
  goldenCases,
  shuffled,
  translate,
  versionsOf,
  withoutLoggers,
  type GoldenCase,
  type Translation,
} from './golden.fixture.ts';
import type { Json } from './json.ts';
import type { ProxyResources } from './resource.ts';
import { clustersIn } from './virtual-host.ts';

const cases = goldenCases();

function textOf(c: GoldenCase, { resources, problems }: Translation): string {
  const shown = c.show.map((what) => toYaml({ [what]: show(resources, what, c.metrics ?? false) }));
  const head = problems.length ? toYaml({ problems: problems.map(problemText) }) : '';
  return `# ${c.case}\n${head}${shown.join('')}`;
}

function show(resources: ProxyResources, what: string, metrics: boolean): unknown {
  const [kind, quoted = '', part] = what.split(' ');
  const name = quoted.replaceAll("'", '');
  const found = resources[kind as keyof ProxyResources].get(name);
  assert.ok(found, `${what}: not among ${[...resources[kind as keyof ProxyResources].keys()].join(', ')}`);
  const json = decode(found.typeUrl, found.bytes);
  const picked = part ? (json['virtual_hosts'] as Json[]).find((h) => h['name'] === part) : json;
  assert.ok(picked, `${what}: no such virtual host`);
  return metrics ? loggersOf(picked) : withoutLoggers(picked);
}

/** Filter chain by filter chain: each counter with its labels on one line each, and logs and spans where there are any. */
function loggersOf(listener: Json): unknown {
  type Stat = { stat: { name: string; tags: { name: string; value_format: string; rules?: unknown }[] } };
  type Logger = { name: string; filter?: unknown; typed_config: { counters?: Stat[]; histograms?: Stat[] } };
  type Chain = { name?: string; filters: { typed_config: { access_log?: Logger[]; tracing?: unknown } }[] };
  return (listener['filter_chains'] as Chain[]).map((chain, i) => {
    const { access_log: loggers = [], tracing } = chain.filters[0]?.typed_config ?? {};
    const logs = loggers.filter((l) => l.name !== 'envoy.access_loggers.stats');
    return {
      chain: chain.name ?? i,
      stats: loggers.flatMap(({ typed_config: t }) =>
        [...(t.counters ?? []), ...(t.histograms ?? [])].map(({ stat }) => ({
          [stat.name]: Object.fromEntries(stat.tags.map((tag) => [tag.name, tag.value_format + (tag.rules ? ' or unknown' : '')])),
        })),
      ),
      ...(logs.length ? { logs } : {}),
      ...(tracing ? { tracing } : {}),
    };
  });
}

describe('golden: objects in, Envoy resources out', () => {
  assert.ok(cases.length >= 25, 'cases are missing');
  for (const c of cases) {
    test(`${c.file}: ${c.case}`, () => {
      const path = join(GOLDEN_DIR, `${c.file}.expected.yaml`);
      const text = textOf(c, translate(c, c.objects));
      if (process.env['UPDATE_GOLDEN']) writeFileSync(path, text);
      assert.equal(text, existsSync(path) ? readFileSync(path, 'utf8') : 'nothing yet; make it with UPDATE_GOLDEN=1');
    });
  }
});

test('the order in which objects come does not matter', () => {
  const rng = seededRng(7);
  for (const c of cases) {
    const first = translate(c, c.objects);
    for (let i = 0; i < 3; i++) {
      const again = translate(c, shuffled(c.objects, rng));
      assert.equal(textOf(c, again), textOf(c, first), c.file);
      assert.deepEqual(versionsOf(again.resources), versionsOf(first.resources), c.file);
    }
  }
});

test('a name that is asked for is answered as by the whole table, with all that its requests need', () => {
  let compared = 0;
  for (const c of cases) {
    const { proxy, resources: whole } = translate(c, c.objects);
    if (proxy.kind !== 'sidecar') continue;
    const expected = new Map<string, Json>();
    for (const [table, { typeUrl, bytes }] of whole.routes) {
      for (const host of (decode(typeUrl, bytes)['virtual_hosts'] ?? []) as (Json & { domains: string[] })[]) {
        for (const d of host.domains) expected.set(`${table}/${d === '*' ? 'nobody.example' : d.replace('*', 'some')}`, host);
      }
    }
    const { resources } = translate(c, c.objects, new Set(expected.keys()));
    assert.deepEqual(new Set(resources.routes.keys()), new Set(whole.routes.keys()), c.file);
    for (const [name, { name: _name, domains: _domains, ...host }] of expected) {
      const answer = resources.virtualHosts.get(name);
      assert.ok(answer, `${c.file}: ${name} is not answered`);
      const { name: _own, domains, ...rest } = decode(answer.typeUrl, answer.bytes);
      assert.deepEqual(domains, [name.slice(name.indexOf('/') + 1)], c.file);
      assert.deepEqual(rest, host, `${c.file}: ${name}`);
      for (const cluster of clustersIn(rest)) {
        assert.equal(resources.clusters.get(cluster)?.version, whole.clusters.get(cluster)?.version, `${c.file}: ${cluster}`);
        assert.equal(resources.endpoints.get(cluster)?.version, whole.endpoints.get(cluster)?.version, `${c.file}: ${cluster}`);
      }
      compared++;
    }
    for (const [name, r] of resources.listeners) assert.equal(whole.listeners.get(name)?.version, r.version, c.file);
  }
  assert.ok(compared > 200, `only ${compared} names were compared`);
});
