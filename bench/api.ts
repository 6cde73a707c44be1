/**
 * The API server as a process of its own, over TLS: how fast it is there, what it costs idle, how long its verbs take, how fast watchers
 * are told, how long a large list takes. It runs with the controllers, unlike stock's apiserver; `stock` is kube-apiserver 1.33 with
 * etcd 3.5 on a machine of the same size (JSON clients, 1 KiB ConfigMaps). `fdatasync` of this disk is the floor of every durable write.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startApiProcess, type ApiProcess } from '../test/support/api-process.ts';
import { rawHttp, type RawHttp, type RawRequest } from '../test/support/raw-http.ts';
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

async function timed(count: number, ask: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await ask(i);
    times.push(performance.now() - started);
  }
  return times;
}

async function starts(count: number): Promise<void> {
  const ready: number[] = [];
  for (let i = 0; i < count; i++) {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-api-'));
    const started = performance.now();
    const server = await startApiProcess({ dir, controllers: true });
    const http = rawHttp(server, 1);
    await send(http, { method: 'GET', path: '/readyz' }, 200);
    ready.push(performance.now() - started);
    http.close();
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
  result('api', { question: 'exec to ready, an empty directory', ms: figures(ready), n: count, budgetMs: 1000, stock: { ms: 2300 } });
}

/** Ticks of the clock (100 a second) that the process has used, and the megabytes it holds. */
function usage({ pid }: ApiProcess): { ticks: number; rssMb: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
  return { ticks: Number(fields[11]) + Number(fields[12]), rssMb: round(Number(rss) / 1024, 0) };
}

async function idle(server: ApiProcess, seconds: number): Promise<void> {
  await pause(3000);
  const before = usage(server);
  await pause(seconds * 1000);
  const after = usage(server);
  result('api', {
    question: 'idle, with all controllers',
    rssMb: after.rssMb,
    budgetRssMb: 200,
    cpuPercent: round((after.ticks - before.ticks) / seconds, 2),
    budgetCpuPercent: 1,
    stock: { rssMb: { etcd: 41, apiserver: 244, controllerManager: 102, scheduler: 62 } },
  });
}

/** Verbs one after the other, by one client. */
async function verbs(http: RawHttp, floorMs: number): Promise<void> {
  const one = `${COLLECTION}/verbs`;
  const patch =
    (type: string, value: unknown, query = '') =>
    (): Promise<Buffer> =>
      send(http, { method: 'PATCH', path: one + query, headers: { 'content-type': type }, body: JSON.stringify(value) }, 200);
  let n = 0;
  const next = (): string => String(++n);
  const put = (): Promise<Buffer> => send(http, { method: 'PUT', path: one, headers: JSON_BODY, body: body('verbs', next()) }, 200);
  const apply = (): Promise<Buffer> =>
    patch('application/apply-patch+yaml', { apiVersion: 'v1', kind: 'ConfigMap', data: { applied: next() } }, '?fieldManager=bench')();
  const stale = JSON.stringify({ metadata: { name: 'verbs', resourceVersion: '1' }, data: {} });
  const asked: readonly (readonly [string, (i: number) => Promise<unknown>, { p50: number; p99: number }])[] = [
    [
      'create',
      (i) => send(http, { method: 'POST', path: COLLECTION, headers: JSON_BODY, body: body(`made-${i}`) }, 201),
      { p50: 1.21, p99: 3.5 },
    ],
    ['get', () => send(http, { method: 'GET', path: one }, 200), { p50: 0.7, p99: 3.4 }],
    ['update', put, { p50: 1.26, p99: 3.2 }],
    ['merge patch', () => patch('application/merge-patch+json', { data: { value: next() } })(), { p50: 1.29, p99: 4 }],
    [
      'strategic merge patch',
      () => patch('application/strategic-merge-patch+json', { data: { value: next() } })(),
      { p50: 1.24, p99: 4.7 },
    ],
    [
      'JSON patch',
      () => patch('application/json-patch+json', [{ op: 'replace', path: '/data/value', value: next() }])(),
      { p50: 1.28, p99: 4 },
    ],
    ['server-side apply', apply, { p50: 1.36, p99: 3.3 }],
    [
      'stale update, refused',
      () => send(http, { method: 'PUT', path: one, headers: JSON_BODY, body: stale }, 409),
      { p50: 0.98, p99: 3.4 },
    ],
    ['delete', (i) => send(http, { method: 'DELETE', path: `${COLLECTION}/made-${i}` }, 200), { p50: 1.23, p99: 5.1 }],
  ];
  await send(http, { method: 'POST', path: COLLECTION, headers: JSON_BODY, body: body('verbs') }, 201);
  await timed(300, put); // until the compiler has done its work
  for (const [verb, ask, stock] of asked) {
    result('api', {
      question: `${verb}, one client`,
      ms: figures(await timed(1000, ask)),
      n: 1000,
      fdatasyncP50Ms: floorMs,
      stock: { ms: stock },
    });
  }
}

async function throughput(server: ApiProcess, clients: number, count: number): Promise<void> {
  const http = rawHttp(server, clients);
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
  result('api', {
    question: `creates, ${clients} clients`,
    perSecond,
    ms: figures(times),
    n: count,
    stock: { perSecond: 2475, ms: { p50: 5.6, p99: 20 } },
  });
}

/** From the beginning of a write until all watchers have its event. */
async function fanOut(server: ApiProcess, watchers: number, writes: number): Promise<void> {
  const http = rawHttp(server, watchers + 1);
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
  result('api', {
    question: `a write until ${watchers} watchers have it`,
    firstMs: figures(first),
    lastMs: figures(last),
    n: writes,
    stock: { firstMs: { p50: 5.4, p99: 12.7 }, lastMs: { p50: 7, p99: 14.9 } },
  });
}

async function lists(http: RawHttp, server: ApiProcess): Promise<void> {
  const get = (query: string, accept = 'application/json'): Promise<Buffer> =>
    send(http, { method: 'GET', path: COLLECTION + query, headers: { accept } }, 200);
  const paged = async (): Promise<void> => {
    let more = '';
    do {
      const { metadata } = JSON.parse((await get(`?limit=500${more}`)).toString()) as { metadata: { continue?: string } };
      more = metadata.continue ? `&continue=${metadata.continue}` : '';
    } while (more);
  };
  const whole = await get('');
  const { items } = JSON.parse(whole.toString()) as { items: unknown[] };
  const asked: readonly (readonly [string, () => Promise<unknown>, number])[] = [
    ['list', () => get(''), 82],
    ['list of resourceVersion 0', () => get('?resourceVersion=0'), 80],
    ['list as a Table', () => get('', 'application/json;as=Table;v=v1;g=meta.k8s.io'), 84],
    ['list of the metadata', () => get('', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'), 61],
    ['list with a selector that takes none', () => get('?labelSelector=a%3Db'), 3.6],
    ['list in pages of 500, with the time to read them', paged, 272],
  ];
  for (const [question, ask, stock] of asked) {
    const times = await timed(10, ask);
    result('api', {
      question: `${question}, ${items.length} ConfigMaps`,
      ms: figures(times),
      megabytes: round(whole.length / 2 ** 20),
      stock: { ms: stock },
    });
  }
  result('api', { question: 'memory after all this', rssMb: usage(server).rssMb, stock: { rssMb: { etcd: 299, apiserver: 1322 } } });
}

/** Reads the list over and over, and throws it away. */
const READER = `
const { get } = require('node:http');
const [socketPath, path] = process.argv.slice(1);
const read = () => get({ socketPath, path }, (res) => res.resume().on('end', () => { process.stdout.write('.'); read(); }));
read();
`;

/** How long small requests take while somebody else reads the whole list, again and again. */
async function besideLists(http: RawHttp, server: ApiProcess): Promise<void> {
  const reader = spawn(process.execPath, ['-e', READER, server.socketPath, COLLECTION], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lists = 0;
  reader.stdout.on('data', (dots: Buffer) => (lists += dots.length));
  await once(reader.stdout, 'data');
  const times = await timed(1000, () => send(http, { method: 'GET', path: `${COLLECTION}/verbs` }, 200));
  reader.kill();
  await once(reader, 'exit');
  result('api', {
    question: 'get, while another client reads the list of 10,000',
    ms: { ...figures(times), max: round(Math.max(...times), 2) },
    n: 1000,
    lists,
  });
}

async function deleteAll(http: RawHttp): Promise<void> {
  const started = performance.now();
  const answer = await send(http, { method: 'DELETE', path: COLLECTION }, 200);
  const seconds = (performance.now() - started) / 1000;
  const { items } = JSON.parse(answer.toString()) as { items: unknown[] };
  result('api', {
    question: 'deletecollection',
    perSecond: Math.round(items.length / seconds),
    n: items.length,
    stock: { perSecond: 1270 },
  });
}

const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-api-'));
await starts(5);
const floor = figures(disk(dir, 1000));
result('api', { question: 'fdatasync of an append of 1.2 KB, the floor of a durable write', ms: floor, n: 1000 });
const server = await startApiProcess({ dir, controllers: true });
try {
  await idle(server, 30);
  const http = rawHttp(server, 1);
  await verbs(http, floor.p50);
  await fanOut(server, 100, 300);
  await throughput(server, 16, 10_000);
  await lists(http, server);
  await besideLists(http, server);
  await deleteAll(http);
  http.close();
} finally {
  await server.kill();
  rmSync(dir, { recursive: true, force: true });
}
