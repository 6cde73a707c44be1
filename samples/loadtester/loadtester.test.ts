/** The load tools against a server that is played, and the load tester's paths. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { serve } from '../lib/server.ts';
import { durationMs } from './duration.ts';
import { openLoad } from './drive.ts';
import { heyReport, wrkReport } from './reports.ts';
import { createTally } from './tally.ts';
import { createTasks } from './tasks.ts';
import { createTester } from './tester.ts';

const tool = (name: string): string => fileURLToPath(new URL(`../bin/${name}`, import.meta.url));
const run = promisify(execFile);

let server: Server;
let url: string;
before(async () => {
  server = createServer((_request, response) => response.end('hello'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
after(() => server.close());

test('durations, as Go writes them', () => {
  const table: [string, number | undefined][] = [
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['10', undefined],
    ['0s', undefined],
    ['soon', undefined],
  ];
  for (const [text, want] of table) assert.equal(durationMs(text), want, text);
});

test('a tally keeps quantiles to half a percent, whatever the number of answers', () => {
  const tally = createTally();
  for (let i = 1; i <= 10_000; i++) tally.answered(i / 10, i % 100 === 0 ? 500 : 200, 5);
  for (const q of [0.1, 0.5, 0.9, 0.99]) assert.ok(Math.abs(tally.quantile(q) / (q * 1000) - 1) < 0.006, `${q}: ${tally.quantile(q)}`);
  assert.equal(tally.quantile(1), 1000);
  assert.equal(tally.statuses.get(500), 100);
  assert.equal(tally.bytes, 50_000);
  assert.equal(tally.between(-1, 1000), 10_000);
});

test('reports in the words of hey and wrk', () => {
  const tally = createTally();
  for (let i = 1; i <= 100; i++) tally.answered(i, i > 98 ? 503 : 200, 10);
  tally.failed('timeout awaiting response');
  const hey = heyReport(tally, 10_000);
  assert.match(hey, /^\nSummary:\n {2}Total:\t10\.0000 secs\n {2}Slowest:\t0\.1000 secs\n/);
  assert.match(hey, /Requests\/sec:\t10\.0000\n/);
  assert.match(hey, /Status code distribution:\n {2}\[200\]\t98 responses\n {2}\[503\]\t2 responses\n/);
  assert.match(hey, /Error distribution:\n {2}\[1\]\ttimeout awaiting response\n\n$/);
  const bars = [...hey.matchAll(/ \[(\d+)\]\t\|/g)].map((m) => Number(m[1]));
  assert.equal(
    bars.reduce((a, b) => a + b, 0),
    100,
    'each answer is in one bar',
  );
  const shown = { url: new URL('http://a/'), duration: '10s', threads: '2', connections: 4, latency: true };
  const wrk = wrkReport(tally, 10_000, shown);
  assert.match(wrk, /^Running 10s test @ http:\/\/a\/\n {2}2 threads and 4 connections\n/);
  assert.match(wrk, /\n {2}100 requests in 10\.00s, 1000\.00B read\n/);
  assert.match(wrk, /timeout 1\n {2}Non-2xx or 3xx responses: 2\nRequests\/sec: +10\.00\n/);
});

test('an open load counts the wait of requests that were due while the server stood still', async () => {
  // The first answer holds up the one connection for 300 ms: the requests that were due meanwhile have waited.
  const tally = createTally();
  let free = Promise.resolve();
  let first = true;
  const send = async (): Promise<{ status: number; bytes: number }> => {
    const before = free;
    const hold = first ? 300 : 0;
    first = false;
    free = before.then(() => new Promise((resolve) => setTimeout(resolve, hold)));
    await free;
    return { status: 200, bytes: 0 };
  };
  const load = { client: { send, close() {} }, tally, requests: 30, durationMs: Infinity, signal: new AbortController().signal };
  await openLoad(load, 100);
  assert.equal(tally.answers, 30);
  // Due at 0, 10, 20, ... 290 ms: half of them have waited for at least 100 ms. Counted from the sending, one would have.
  assert.ok(tally.quantile(0.4) > 90, String(tally.quantile(0.4)));
});

test('hey, wrk and load as canaries call them', async () => {
  const hey = await run(tool('hey'), ['-z', '300ms', '-q', '50', '-c', '2', url]);
  assert.match(hey.stdout, /\[200\]\t\d+ responses\n\n$/);
  const counted = await run(tool('hey'), ['-n', '20', '-c', '2', '-m', 'POST', '-H', 'x: y', '-host', 'b', '-o', 'csv', url]);
  assert.equal(counted.stdout.trim().split('\n').length, 21);
  const wrk = await run(tool('wrk'), ['-t2', '-c2', '-d1s', '-R', '50', '--latency', url]);
  assert.match(wrk.stdout, /Latency Distribution\n {5}50%/);
  const load = await run(tool('load'), ['-r', '100', '-z', '300ms', '-random', '-o', 'json', url]);
  const { statuses } = JSON.parse(load.stdout) as { statuses: Record<string, number> };
  assert.ok(statuses['200']! > 5, load.stdout);
  await assert.rejects(run(tool('hey'), ['-z', 'soon', url]), /hey: -z takes a duration such as 10s, 3m or 1h, not soon/);
  await assert.rejects(run(tool('wrk'), ['-s', 'a.lua', url]), /Lua scripts/);
  await assert.rejects(run(tool('load'), ['-r', '0', url]), /-r takes a number above 0/);
  const refused = await run(tool('hey'), ['-n', '2', '-c', '1', 'http://127.0.0.1:1/']);
  assert.match(refused.stdout, /Error distribution:\n {2}\[2\]\t.*ECONNREFUSED/);
});

test('the load tester: commands, checks and gates', async () => {
  const logged: string[] = [];
  const log = (_level: string, msg: string, fields: object): void => void logged.push(`${msg} ${JSON.stringify(fields)}`);
  const tasks = createTasks(5000, log);
  const tester = serve(0, createTester(tasks, /^(test|)$/, log), '127.0.0.1');
  await once(tester, 'listening');
  const at = `http://127.0.0.1:${(tester.address() as AddressInfo).port}`;
  const post = async (path: string, body?: unknown): Promise<[number, string]> => {
    const response = await fetch(`${at}${path}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
    return [response.status, await response.text()];
  };
  const podinfo = { name: 'podinfo', namespace: 'test', phase: 'Progressing', checksum: '1' };
  const task = (metadata: Record<string, string>): unknown => ({ ...podinfo, metadata });
  const table: [string, unknown, [number, string]][] = [
    ['/healthz', undefined, [200, 'OK']],
    ['/gate/approve', undefined, [200, 'OK']],
    ['/gate/halt', undefined, [403, 'Forbidden']],
    ['/gate/check', podinfo, [403, 'Forbidden']],
    ['/gate/open', podinfo, [202, '']],
    ['/gate/check', podinfo, [200, 'Approved']],
    ['/rollback/check', podinfo, [403, 'Forbidden']],
    ['/rollback/open', podinfo, [202, '']],
    ['/rollback/check', podinfo, [200, 'Approved']],
    ['/gate/close', podinfo, [202, '']],
    ['/gate/check', podinfo, [403, 'Forbidden']],
    ['/gate/check', { name: 'other', namespace: 'test' }, [403, 'Forbidden']],
    ['/gate/check', 'nonsense', [400, 'the request body is not a JSON object']],
    ['/gate/check', { name: 'podinfo', namespace: 'prod' }, [403, 'namespace prod is not served here']],
    ['/nowhere', podinfo, [404, '404 page not found']],
    ['/', podinfo, [400, 'metadata not found in payload']],
    ['/', task({ type: 'cmd' }), [400, 'cmd not found in metadata']],
    ['/', task({ type: 'ngrinder' }), [400, 'unknown task type ngrinder: use one of cmd, bash, helm, helmv3, kubectl']],
    ['/', task({ type: 'bash', cmd: 'exit 0' }), [200, 'OK']],
    ['/', task({ type: 'bash', cmd: 'echo $((1+1))', returnCmdOutput: 'true' }), [200, '2\n']],
    ['/', task({ type: 'bash', cmd: 'echo broken; exit 3' }), [500, 'command echo broken; exit 3 failed: broken\n']],
    ['/', task({ type: 'bash', cmd: 'sleep 30' }), [500, 'command sleep 30 failed: \nended after 5 s']],
    ['/', task({ cmd: 'sleep 0.2; echo done', logCmdOutput: 'true' }), [202, '']],
    ['/', task({ type: 'cmd', cmd: 'sleep 0.2; echo done', logCmdOutput: 'true' }), [202, '']],
  ];
  for (const [path, body, want] of table) assert.deepEqual(await post(path, body), want, `${path} ${JSON.stringify(body)}`);
  while (!logged.some((l) => l.includes('"output":"done\\n"'))) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(logged.filter((l) => l.startsWith('command started')).length, 1, 'a command under way is not started again');
  tasks.close();
  tester.close();
});
