/** Damage that a schema does not always see. */
import type { KubeObject, Schema } from '../../src/api/index.ts';
import { below, type Rng } from '../../src/base/index.ts';
import { anyNumber, anyString, chance, oddValue, oneOf } from '../fuzz/choice.ts';
import { mutateValue } from '../fuzz/mutate.ts';

/** Texts that mean something to a mesh, or nearly. */
const TEXTS = Object.values({
  names: [
    'reviews',
    'reviews.default.svc.cluster.local',
    'reviews:9080',
    'productpage',
    'v1',
    'nowhere',
    'default/web',
    './*',
    '*/*',
    '~/*',
  ],
  hosts: [
    '*',
    '*.example.com',
    '*.*',
    'a.*.b',
    '*a.example.com',
    'UPPER.example.com',
    'xn--nxasmq6b',
    'bücher.example',
    '例え.jp',
    '.',
    '-',
    '_',
  ],
  long: ['a'.repeat(64), 'a'.repeat(254), `${'a'.repeat(60)}.`.repeat(4), 'é'.repeat(2000), 'x'.repeat(20_000)],
  patterns: ['(', '(?i)a+', '(a+)+$', '\\1', '^/[a-z]*$', '(?=a)', '[[:word:]]', '\\p{Greek}', 'a{1001}', '(?:a{100}){100}', '.*', '*'],
  paths: ['/', '/a//b/../c', '/%zz', '/\u00e9', '?q', '#', '/a?b=c', '/{*}', '/{a}/{a}', 'x-a b', 'host', ':authority', ':path', ':status'],
  headers: [
    'content-length',
    'connection',
    'transfer-encoding',
    'x-envoy-max-retries',
    '%REQ(x)%',
    '%',
    '%START_TIME%',
    '%DYNAMIC_METADATA()%',
    '%%%',
  ],
  characters: ['\n', 'a\u0000b', 'a\tb', '\u202e', '\u{1f600}', ' '],
  durations: ['0s', '1ns', '0.0001s', '100000h', '1e3s', '-1s', '315576000001s', '1ms', '99999999999h'],
  addresses: [
    '10.0.0.0/33',
    '0.0.0.0/0',
    '::/0',
    '300.0.0.1',
    '10.0.0.1',
    '10.96.0.31',
    '::1',
    '::ffff:10.0.0.1',
    'fe80::1%lo',
    '127.0.0.1',
    'unix:///tmp/x',
    'unix://@x',
  ],
  protocols: [
    'HTTP',
    'HTTPS',
    'TLS',
    'TCP',
    'MONGO',
    'UDP',
    'GRPC',
    'HTTP2',
    'SIMPLE',
    'MUTUAL',
    'ISTIO_MUTUAL',
    'PASSTHROUGH',
    'AUTO_PASSTHROUGH',
  ],
  choices: [
    'RANDOM',
    'ROUND_ROBIN',
    'DNS',
    'NONE',
    'STATIC',
    '5xx,gateway-error,nonsense',
    'deadline-exceeded',
    '-1',
    '99999999999',
    '600',
    '0',
    'true',
  ],
  places: [
    'region/zone/subzone',
    'a/b/c/d',
    'region/*',
    '//',
    'spiffe://cluster.local/ns/default/sa/default',
    'spiffe://*',
    'sha256:x',
    '/etc/nowhere.pem',
  ],
  credentials: [
    'ECDHE-RSA-AES128-GCM-SHA256',
    'NO-SUCH-CIPHER',
    'https://nowhere.example/keys',
    'http://[::1',
    'javascript:x',
    'request.auth.claims[a][b]',
    'request.headers[x]',
  ],
}).flat();

const NUMBERS = Object.values({
  near: [0, 1, 2, 99, 100, 101, 199, 200, 599, 600, 999, 1000, -1, 80, 443, 8080, 9080],
  far: [15_000, 15_001, 15_006, 15_021, 15_090, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 0.5, 1e-9, 1e300],
}).flat();

/** Values by the name of the field that they stand in, from all objects. */
export type Values = ReadonlyMap<string, readonly unknown[]>;

const ANNOTATED = 'nginx.ingress.kubernetes.io/';

/** What of an object is damaged. */
function partsOf(object: KubeObject): [key: 'spec' | 'annotations', holder: Record<string, unknown>][] {
  const { spec } = object as { spec?: unknown };
  const annotations = object.kind === 'Ingress' ? object.metadata?.annotations : undefined;
  return [...(spec ? [['spec', object] as const] : []), ...(annotations ? [['annotations', object.metadata!] as const] : [])] as never;
}

export function valuesByField(objects: readonly KubeObject[]): Values {
  const found = new Map<string, Map<string, unknown>>();
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return;
    for (const [key, child] of Object.entries(value)) {
      if (!Array.isArray(value)) {
        let values = found.get(key);
        if (!values) found.set(key, (values = new Map()));
        values.set(JSON.stringify(child), child);
      }
      visit(child);
    }
  };
  for (const object of objects) for (const [key, holder] of partsOf(object)) visit(holder[key]);
  return new Map([...found].map(([key, values]) => [key, [...values.values()]]));
}

interface Spot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  readonly schema: Schema;
}

const ANY: Schema = {};

/** Where something stands or could stand; what is there is listed twice, for it matters more. */
function spotsOf(holder: Record<string, unknown>, key: string, schema: Schema): Spot[] {
  const here = { holder, key, schema };
  const value = holder[key];
  if (value === undefined) return [here];
  if (value === null || typeof value !== 'object') return [here, here];
  const map = value as Record<string, unknown>;
  const { items, properties = {}, additionalProperties: more } = schema;
  const schemaAt = (k: string): Schema =>
    (Array.isArray(value) ? items : (properties[k] ?? (typeof more === 'object' ? more : ANY))) ?? ANY;
  // A list in the place of an object has functions under the names of some fields.
  const keys = new Set([...Object.keys(map), ...(Array.isArray(value) ? [] : Object.keys(properties))]);
  return [here, ...[...keys].flatMap((k) => spotsOf(map, k, schemaAt(k)))];
}

/** A damaged copy: fields put in that the schema knows or taken from other objects, odd texts and numbers, sometimes anything at all. */
export function damaged(rng: Rng, object: KubeObject, schema: Schema, values: Values): KubeObject {
  const copy = structuredClone(object);
  const parts = partsOf(copy);
  if (parts.length === 0) return copy;
  for (let n = below(rng, 3) + 1; n > 0; n--) {
    const [part, holder] = oneOf(rng, parts);
    if (part === 'annotations') {
      const names = [...values.keys()].filter((key) => key.startsWith(ANNOTATED));
      const map = holder[part] as Record<string, unknown>;
      map[oneOf(rng, names)] = chance(rng, 0.5) ? oneOf(rng, TEXTS) : oneOf(rng, values.get(oneOf(rng, names))!);
      continue;
    }
    if (chance(rng, 0.1)) {
      holder[part] = mutateValue(rng, holder[part]);
      continue;
    }
    const spots = spotsOf(holder, part, schema.properties?.[part] ?? ANY);
    const { holder: at, key, schema: known } = oneOf(rng, spots.length > 1 ? spots.slice(1) : spots);
    if (chance(rng, 0.1)) {
      const other = oneOf(rng, spots);
      if (other.holder !== holder) [at[key], other.holder[other.key]] = structuredClone([other.holder[other.key], at[key]]);
    } else at[key] = replacement(rng, key, at[key], known, values);
  }
  // As it comes over the wire.
  return JSON.parse(JSON.stringify(copy)) as KubeObject;
}

function replacement(rng: Rng, key: string, value: unknown, schema: Schema, values: Values): unknown {
  const others = values.get(key);
  if (others && chance(rng, 0.35)) return structuredClone(oneOf(rng, others));
  if (value === undefined || chance(rng, 0.15)) return grown(rng, key, schema, values, 3);
  if (typeof value === 'string') return scalar(rng, 'string', schema);
  if (typeof value === 'number') return scalar(rng, 'number', schema);
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) {
    if (chance(rng, 0.3)) return [];
    return chance(rng, 0.5) ? [...value, ...structuredClone(value)] : [...value, grown(rng, key, schema.items ?? ANY, values, 3)];
  }
  if (value !== null && typeof value === 'object') return chance(rng, 0.4) ? {} : withoutOne(rng, value);
  return oddValue(rng);
}

function scalar(rng: Rng, type: 'string' | 'number', { enum: allowed }: Schema): unknown {
  if (allowed && chance(rng, 0.8)) return oneOf(rng, allowed);
  if (type === 'string') return chance(rng, 0.85) ? oneOf(rng, TEXTS) : anyString(rng);
  return chance(rng, 0.85) ? oneOf(rng, NUMBERS) : anyNumber(rng);
}

/** A value as the schema wants it, as far as types go. */
function grown(rng: Rng, key: string, schema: Schema, values: Values, depth: number): unknown {
  const known = values.get(key);
  if (known && chance(rng, 0.5)) return structuredClone(oneOf(rng, known));
  const { type, items, properties = {}, required = [], additionalProperties: more } = schema;
  switch (type) {
    case 'string':
      return scalar(rng, 'string', schema);
    case 'integer':
    case 'number':
      return scalar(rng, 'number', schema);
    case 'boolean':
      return chance(rng, 0.5);
    case 'array':
      return Array.from({ length: below(rng, 3) }, () => grown(rng, key, items ?? ANY, values, depth - 1));
    case 'object': {
      if (typeof more === 'object') return Object.fromEntries([[oneOf(rng, TEXTS), grown(rng, '', more, values, depth - 1)]]);
      const keys = Object.keys(properties).filter((k) => required.includes(k) || (depth > 0 && chance(rng, 0.3)));
      return Object.fromEntries(keys.map((k) => [k, grown(rng, k, properties[k]!, values, depth - 1)]));
    }
    default:
      return schema['x-kubernetes-int-or-string'] ? oneOf(rng, [...NUMBERS, ...TEXTS]) : oddValue(rng);
  }
}

function withoutOne(rng: Rng, value: object): object {
  const gone = below(rng, Math.max(1, Object.keys(value).length));
  return Object.fromEntries(Object.entries(value).filter((_, i) => i !== gone));
}
