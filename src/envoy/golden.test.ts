import 'reflect-metadata';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import * as x509 from '@peculiar/x509';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../api/index.ts';
import { parseYaml, seededRng, toYaml, type Rng } from '../base/index.ts';
import { defaultMeshConfig, problemText, proxyOf, snapshotOf, type KeySet, type MeshConfig, type Proxy } from '../mesh/index.ts';
import { decode } from './encode.ts';
import type { Json } from './json.ts';
import type { ProxyResources } from './resource.ts';
import { staticConfig, type Credentials } from './static-config.ts';
import { createTranslator } from './translator.ts';
import { clustersIn } from './virtual-host.ts';

const DIR = join(import.meta.dirname, 'golden');

interface Header {
  case: string;
  /** `namespace/name` of the pod whose proxy is looked at. */
  proxy: string;
  base: string[];
  /** `<kind> <name>`, and for route tables the virtual host after it. */
  show: string[];
  mesh?: Partial<MeshConfig>;
  /** What came of fetching keys, by URL. */
  keys?: Record<string, KeySet>;
  /** Show the access loggers in full; elsewhere they would hide what matters. */
  metrics?: boolean;
}

interface Case extends Header {
  file: string;
  objects: KubeObject[];
}

function readCase(file: string): Case {
  const read = (path: string): unknown[] => parseYaml(readFileSync(path, 'utf8'), path);
  const [header, ...objects] = read(join(DIR, `${file}.yaml`)) as [Header, ...KubeObject[]];
  return { ...header, file, objects: [...header.base.flatMap((b) => read(join(DIR, 'base', `${b}.yaml`)) as KubeObject[]), ...objects] };
}

const cases = readdirSync(DIR)
  .filter((f) => f.endsWith('.yaml') && !f.endsWith('.expected.yaml'))
  .map((f) => readCase(f.slice(0, -5)));

function run(
  c: Case,
  objects: readonly KubeObject[] = c.objects,
  asked?: ReadonlySet<string>,
): { proxy: Proxy; resources: ProxyResources; text: string } {
  const translator = createTranslator({ onDemandAbove: asked ? -1 : Infinity });
  const found = translator.update({
    ...snapshotOf(objects, { ...defaultMeshConfig, ...c.mesh }),
    keySets: new Map(Object.entries(c.keys ?? {})),
  });
  const pod = objects.find((o) => o.kind === 'Pod' && `${o.metadata?.namespace}/${o.metadata?.name}` === c.proxy) as Pod | undefined;
  const proxy = pod && proxyOf(pod);
  assert.ok(proxy, `${c.file}: no proxy in pod ${c.proxy}`);
  const resources = translator.resources(proxy, asked);
  if (asked) return { proxy, resources, text: '' };
  const problems = [...found, ...translator.patchProblems()];
  const shown = c.show.map((what) => toYaml({ [what]: show(resources, what, c.metrics ?? false) }));
  const head = problems.length ? toYaml({ problems: problems.map(problemText) }) : '';
  return { proxy, resources, text: `# ${c.case}\n${head}${shown.join('')}` };
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

function withoutLoggers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (k, v: unknown) => (k === 'access_log' || k === 'access_log_options' ? undefined : v)));
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

function shuffled<T>(list: readonly T[], rng: Rng): T[] {
  return list
    .map((value) => ({ value, at: rng.next() }))
    .sort((a, b) => a.at - b.at)
    .map((e) => e.value);
}

/** The real Envoy; a machine without it cannot say that the configuration is good. */
function envoyBinary(): string {
  const said = process.env['SLUICE_ENVOY'];
  const candidates = [...(said ? [said] : []), ...(process.env['PATH'] ?? '').split(delimiter).map((d) => join(d, 'envoy'))];
  const found = candidates.find((c) => existsSync(c));
  assert.ok(found, 'Envoy was not found: set SLUICE_ENVOY to its binary, or put it on the PATH');
  return found;
}

async function credentials(): Promise<Credentials> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=golden', keys, signingAlgorithm: algorithm });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { certificate: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n` };
}

describe('golden: objects in, Envoy resources out', () => {
  assert.ok(cases.length >= 25, 'cases are missing');
  for (const c of cases) {
    test(`${c.file}: ${c.case}`, () => {
      const path = join(DIR, `${c.file}.expected.yaml`);
      const { text } = run(c);
      if (process.env['UPDATE_GOLDEN']) writeFileSync(path, text);
      assert.equal(text, existsSync(path) ? readFileSync(path, 'utf8') : 'nothing yet; make it with UPDATE_GOLDEN=1');
    });
  }
});

test('the order in which objects come does not matter', () => {
  const rng = seededRng(7);
  for (const c of cases) {
    const versions = (r: ProxyResources): Record<string, string> =>
      Object.fromEntries(
        Object.values(r).flatMap((m) => [...(m as ProxyResources['clusters'])].map(([n, e]) => [`${e.typeUrl} ${n}`, e.version])),
      );
    const first = run(c);
    for (let i = 0; i < 3; i++) {
      const again = run(c, shuffled(c.objects, rng));
      assert.equal(again.text, first.text, c.file);
      assert.deepEqual(versions(again.resources), versions(first.resources), c.file);
    }
  }
});

test('a name that is asked for is answered as by the whole table, with all that its requests need', () => {
  let compared = 0;
  for (const c of cases) {
    const { proxy, resources: whole } = run(c);
    if (proxy.kind !== 'sidecar') continue;
    const expected = new Map<string, Json>();
    for (const [table, { typeUrl, bytes }] of whole.routes) {
      for (const host of (decode(typeUrl, bytes)['virtual_hosts'] ?? []) as (Json & { domains: string[] })[]) {
        for (const d of host.domains) expected.set(`${table}/${d === '*' ? 'nobody.example' : d.replace('*', 'some')}`, host);
      }
    }
    const { resources } = run(c, c.objects, new Set(expected.keys()));
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

describe('the real Envoy takes every golden configuration', () => {
  let dir: string;
  let pems: Credentials;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'golden-'));
    pems = await credentials();
  });
  after(() => rmSync(dir, { recursive: true }));
  for (const c of cases) {
    test(c.file, async () => {
      const { proxy, resources } = run(c);
      const path = join(dir, `${c.file}.json`);
      writeFileSync(path, JSON.stringify(staticConfig(proxy, resources, pems)));
      const args = ['--mode', 'validate', '--disable-hot-restart', '--concurrency', '1', '-l', 'warning', '-c', path];
      const { stdout, stderr } = await promisify(execFile)(envoyBinary(), args, { timeout: 30_000 });
      assert.match(stdout + stderr, /OK/);
      assert.doesNotMatch(stderr, /Deprecated field/);
    });
  }
});
