/**
 * The API server as a process of its own, over TLS: how fast it is there, what it costs idle, how long its verbs take, how fast watchers
 * are told, how long a large list takes. It runs with the controllers, unlike stock's apiserver; `stock` is kube-apiserver 1.33 with
 * etcd 3.5 on a machine of the same size (JSON clients, 1 KiB ConfigMaps). `fdatasync` of this disk is the floor of every durable write.
 *
 * SLUICE_BENCH_PEER names the kubeconfig of another server of this machine, which is then asked the same in turns, so that both meet the
 * same weather: its figures are under `peer`. The ConfigMaps in its namespace `default` are deleted.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readContext } from '../src/apiserver/auth/kubeconfig.ts';
import { startApiProcess, type ApiProcess } from '../test/support/api-process.ts';
import { rawHttp, type RawHttp, type RawRequest } from '../test/support/raw-http.ts';
import { rssMbOf, workedMsOf } from '../test/support/usage.ts';
import { quantile, result, round } from './support/instance.ts';

const COLLECTION = '/api/v1/namespaces/default/configmaps';
const JSON_BODY = { 'content-type': 'application/json' };
const TEXT = 'x'.repeat(900);
const body = (name: string, value = '0'): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: TEXT, value } });

const figures = (ms: readonly number[]): { p50: number; p99: number } => ({
  p50: round(quantile(ms, 0.5), 2),
  p99: round(quantile(ms, 0.99), 2),
});

/** One append after the other, each on disk before the next. */
function disk(dir: string, count: number): number[] {
  const file = openSync(join(dir, 'floor'), 'w');
  const record = Buffer.alloc(1200, 1);
  const times = Array.from({ length: count }, () => {
    const started = performance.now();
    writeSync(file, record);
    fdatasyncSync(file);
    return performance.now() - started;
  });
  closeSync(file);
  return times;
}

async function send(http: RawHttp, request: RawRequest, code: number): Promise<Buffer> {
  const answer = await http.request(request);
  if (answer.code !== code) throw new Error(`${request.method} ${request.path} was answered ${answer.code}: ${answer.body.toString()}`);
  return answer.body;
}

/** Who is asked: our server and, when there is one, its peer. */
interface Asked {
  readonly place: { readonly port: number; readonly ca: string; readonly token: string };
  /** One connection that is kept. */
  readonly http: RawHttp;
}

function asked({ port, ca, token }: { port: number; ca: string; token: string }): Asked {
  const place = { port, ca, token };
  return { place, http: rawHttp(place, 1) };
}

function peer(): Asked[] {
  const path = process.env['SLUICE_BENCH_PEER'];
  if (!path) return [];
  const { server, caCert, token } = readContext(readFileSync(path, 'utf8'), path);
  return [asked({ port: Number(new URL(server).port), ca: caCert, token })];
}

/** The figures of our server, and those of the peer beside them. */
function compared(question: string, [own, other]: readonly Record<string, unknown>[], rest: Record<string, unknown>): void {
  result('api', { question, ...own, ...rest, ...(other ? { peer: other } : {}) });
}

/** The first requests of each verb. */
const EARLY = 200;
/** So many are asked of one server before it is the other's turn. */
const TURN = 100;

/** Times of requests that are made one after the other, of each server; the first of them is request `first`. */
async function timed(
  servers: readonly Asked[],
  count: number,
  ask: (http: RawHttp, i: number) => Promise<unknown>,
  first = 0,
): Promise<number[][]> {
  const times = servers.map((): number[] => []);
  for (let from = first; from < first + count; from += TURN) {
    for (const [s, { http }] of servers.entries()) {
      for (let i = from; i < Math.min(from + TURN, first + count); i++) {
        const started = performance.now();
        await ask(http, i);
        times[s]!.push(performance.now() - started);
      }
    }
  }
  return times;
}

async function inTurn<T>(servers: readonly Asked[], ask: (server: Asked) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (const server of servers) all.push(await ask(server));
  return all;
}

async function starts(count: number): Promise<void> {
  const ready: number[] = [];
  for (let i = 0; i < count; i++) {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-api-'));
    const started = performance.now();
    const server = await startApiProcess({ dir, controllers: true });
    const { http } = asked(server);
    await send(http, { method: 'GET', path: '/readyz' }, 200);
    ready.push(performance.now() - started);
    http.close();
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
  result('api', { question: 'exec to ready, an empty directory', ms: figures(ready), n: count, budgetMs: 1000, stock: { ms: 2300 } });
}

async function idle({ pid }: ApiProcess, seconds: number): Promise<void> {
  await pause(3000);
  const before = workedMsOf(pid);
  await pause(seconds * 1000);
  const after = workedMsOf(pid);
  result('api', {
    question: 'idle, with all controllers',
    rssMb: rssMbOf(pid),
    budgetRssMb: 200,
    cpuPercent: round((after - before) / seconds / 10, 2),
    budgetCpuPercent: 1,
    stock: { rssMb: { etcd: 41, apiserver: 244, controllerManager: 102, scheduler: 62 } },
  });
}

/** Verbs one after the other, by one client. */
async function verbs(servers: readonly Asked[], floorMs: number): Promise<void> {
  const one = `${COLLECTION}/verbs`;
  const patch = (http: RawHttp, type: string, value: unknown, query = ''): Promise<Buffer> =>
    send(http, { method: 'PATCH', path: one + query, headers: { 'content-type': type }, body: JSON.stringify(value) }, 200);
  let n = 0;
  const next = (): string => String(++n);
  const put = (http: RawHttp): Promise<Buffer> =>
    send(http, { method: 'PUT', path: one, headers: JSON_BODY, body: body('verbs', next()) }, 200);
  const create = (http: RawHttp, name: string): Promise<Buffer> =>
    send(http, { method: 'POST', path: COLLECTION, headers: JSON_BODY, body: body(name) }, 201);
  const remove = (http: RawHttp, name: string): Promise<Buffer> => send(http, { method: 'DELETE', path: `${COLLECTION}/${name}` }, 200);
  const applied = (): object => ({ apiVersion: 'v1', kind: 'ConfigMap', data: { applied: next() } });
  const stale = JSON.stringify({ metadata: { name: 'verbs', resourceVersion: '1' }, data: {} });
  const each: readonly (readonly [string, (http: RawHttp, i: number) => Promise<unknown>, { p50: number; p99: number }])[] = [
    ['create', (http, i) => create(http, `made-${i}`), { p50: 1.21, p99: 3.5 }],
    ['get', (http) => send(http, { method: 'GET', path: one }, 200), { p50: 0.7, p99: 3.4 }],
    ['update', put, { p50: 1.26, p99: 3.2 }],
    ['merge patch', (http) => patch(http, 'application/merge-patch+json', { data: { value: next() } }), { p50: 1.29, p99: 4 }],
    [
      'strategic merge patch',
      (http) => patch(http, 'application/strategic-merge-patch+json', { data: { value: next() } }),
      { p50: 1.24, p99: 4.7 },
    ],
    [
      'JSON patch',
      (http) => patch(http, 'application/json-patch+json', [{ op: 'replace', path: '/data/value', value: next() }]),
      { p50: 1.28, p99: 4 },
    ],
    ['server-side apply', (http) => patch(http, 'application/apply-patch+yaml', applied(), '?fieldManager=bench'), { p50: 1.36, p99: 3.3 }],
    [
      'stale update, refused',
      (http) => send(http, { method: 'PUT', path: one, headers: JSON_BODY, body: stale }, 409),
      { p50: 0.98, p99: 3.4 },
    ],
    ['delete', (http, i) => remove(http, `made-${i}`), { p50: 1.23, p99: 5.1 }],
  ];
  await inTurn(servers, ({ http }) => create(http, 'verbs'));
  for (const [verb, ask, stock] of each) {
    // Until the compiler has done its work; what that costs is a figure of its own.
    const early = await timed(servers, EARLY, ask);
    const times = await timed(servers, 1000, ask, EARLY);
    compared(
      `${verb}, one client`,
      times.map((ms, s) => ({ ms: figures(ms), earlyMs: figures(early[s]!) })),
      { n: 1000, early: EARLY, fdatasyncP50Ms: floorMs, stock: { ms: stock } },
    );
  }
}

async function throughput({ place }: Asked, clients: number, count: number): Promise<Record<string, unknown>> {
  const http = rawHttp(place, clients);
  const times: number[] = [];
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) {
        const request = { method: 'POST', path: COLLECTION, headers: JSON_BODY, body: body(`many-${next++}`) };
        const begun = performance.now();
        await send(http, request, 201);
        times.push(performance.now() - begun);
      }
    }),
  );
  const perSecond = Math.round(count / ((performance.now() - started) / 1000));
  http.close();
  return { perSecond, ms: figures(times) };
}

/** From the beginning of a write until all watchers have its event. */
async function fanOut({ place }: Asked, watchers: number, writes: number): Promise<Record<string, unknown>> {
  const http = rawHttp(place, watchers + 1);
  const arrived = Array.from({ length: writes }, () => [] as number[]);
  const all = Array.from({ length: writes }, () => Promise.withResolvers<void>());
  const path = `${COLLECTION}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dwatched`;
  const open = Array.from(
    { length: watchers },
    () =>
      new Promise<() => void>((resolve, reject) => {
        const request = http.open({ method: 'GET', path });
        request.once('error', reject);
        request.once('response', (response) => {
          let held = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            const lines = (held + chunk).split('\n');
            held = lines.pop()!;
            const now = performance.now();
            for (const line of lines) {
              const value = Number((JSON.parse(line) as { object: { data: { value: string } } }).object.data.value);
              const seen = arrived[value];
              if (seen?.push(now) === watchers) all[value]!.resolve();
            }
          });
          response.on('error', () => {});
          resolve(() => {
            request.off('error', reject);
            request.on('error', () => {}).destroy();
          });
        });
      }),
  );
  const close = await Promise.all(open);
  const first: number[] = [];
  const last: number[] = [];
  for (let i = 0; i < writes; i++) {
    const started = performance.now();
    const method = i === 0 ? 'POST' : 'PUT';
    await send(
      http,
      { method, path: i === 0 ? COLLECTION : `${COLLECTION}/watched`, headers: JSON_BODY, body: body('watched', String(i)) },
      i === 0 ? 201 : 200,
    );
    await all[i]!.promise;
    first.push(arrived[i]![0]! - started);
    last.push(arrived[i]!.at(-1)! - started);
  }
  close.forEach((end) => end());
  http.close();
  return { firstMs: figures(first), lastMs: figures(last) };
}

async function lists(servers: readonly Asked[]): Promise<void> {
  const get = (http: RawHttp, query: string, accept = 'application/json'): Promise<Buffer> =>
    send(http, { method: 'GET', path: COLLECTION + query, headers: { accept } }, 200);
  const paged = async (http: RawHttp): Promise<void> => {
    let more = '';
    do {
      const { metadata } = JSON.parse((await get(http, `?limit=500${more}`)).toString()) as { metadata: { continue?: string } };
      more = metadata.continue ? `&continue=${metadata.continue}` : '';
    } while (more);
  };
  const whole = await get(servers[0]!.http, '');
  const { items } = JSON.parse(whole.toString()) as { items: unknown[] };
  const each: readonly (readonly [string, (http: RawHttp) => Promise<unknown>, number])[] = [
    ['list', (http) => get(http, ''), 82],
    ['list of resourceVersion 0', (http) => get(http, '?resourceVersion=0'), 80],
    ['list as a Table', (http) => get(http, '', 'application/json;as=Table;v=v1;g=meta.k8s.io'), 84],
    ['list of the metadata', (http) => get(http, '', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'), 61],
    ['list with a selector that takes none', (http) => get(http, '?labelSelector=a%3Db'), 3.6],
    ['list in pages of 500, with the time to read them', paged, 272],
  ];
  for (const [question, ask, stock] of each) {
    const times = await timed(servers, 10, ask);
    compared(
      `${question}, ${items.length} ConfigMaps`,
      times.map((ms) => ({ ms: figures(ms) })),
      { megabytes: round(whole.length / 2 ** 20), stock: { ms: stock } },
    );
  }
}

/** Reads the list over and over, and throws it away. */
const READER = `
const { get } = require('node:https');
const [options] = process.argv.slice(1);
const read = () => get(JSON.parse(options), (res) => res.resume().on('end', () => { process.stdout.write('.'); read(); }));
read();
`;

/** How long small requests take while somebody else reads the whole list, again and again. */
async function besideLists({ place, http }: Asked): Promise<Record<string, unknown>> {
  const { port, ca, token } = place;
  const options = { host: '127.0.0.1', port, ca, path: COLLECTION, headers: { authorization: `Bearer ${token}` } };
  const reader = spawn(process.execPath, ['-e', READER, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lists = 0;
  reader.stdout.on('data', (dots: Buffer) => (lists += dots.length));
  await once(reader.stdout, 'data');
  const [times] = await timed([{ place, http }], 1000, () => send(http, { method: 'GET', path: `${COLLECTION}/verbs` }, 200));
  reader.kill();
  await once(reader, 'exit');
  return { ms: { ...figures(times!), max: round(Math.max(...times!), 2) }, lists };
}

async function deleteAll({ http }: Asked): Promise<Record<string, unknown>> {
  const started = performance.now();
  const answer = await send(http, { method: 'DELETE', path: COLLECTION }, 200);
  const seconds = (performance.now() - started) / 1000;
  const { items } = JSON.parse(answer.toString()) as { items: unknown[] };
  return { perSecond: Math.round(items.length / seconds), n: items.length };
}

const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-api-'));
await starts(5);
const floor = figures(disk(dir, 1000));
result('api', { question: 'fdatasync of an append of 1.2 KB, the floor of a durable write', ms: floor, n: 1000 });
const server = await startApiProcess({ dir, controllers: true });
const servers = [asked(server), ...peer()];
try {
  await idle(server, 30);
  await inTurn(servers.slice(1), deleteAll);
  await verbs(servers, floor.p50);
  compared('a write until 100 watchers have it', await inTurn(servers, (one) => fanOut(one, 100, 300)), {
    n: 300,
    stock: { firstMs: { p50: 5.4, p99: 12.7 }, lastMs: { p50: 7, p99: 14.9 } },
  });
  compared('creates, 16 clients', await inTurn(servers, (one) => throughput(one, 16, 10_000)), {
    n: 10_000,
    stock: { perSecond: 2475, ms: { p50: 5.6, p99: 20 } },
  });
  await lists(servers);
  result('api', { question: 'memory after all this', rssMb: rssMbOf(server.pid), stock: { rssMb: { etcd: 299, apiserver: 1322 } } });
  compared('get, while another client reads the list of 10,000', await inTurn(servers, besideLists), { n: 1000 });
  compared('deletecollection', await inTurn(servers, deleteAll), { stock: { perSecond: 1270 } });
} finally {
  for (const { http } of servers) http.close();
  await server.kill();
  rmSync(dir, { recursive: true, force: true });
}
