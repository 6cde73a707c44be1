/** hey: sends load and reports it, with the flags and the report of the tool that delivery guides use. */
import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { parseArgs } from 'node:util';

const USAGE = `Usage: hey [options...] <url>
  -n  Number of requests (default 200)         -c  Number of workers (default 50)
  -q  Rate limit, requests per second a worker  -z  Duration, e.g. -z 10s (then -n is ignored)
  -m  HTTP method   -H  Header, repeatable      -t  Timeout of a request in seconds (default 20)
  -d  Body          -D  Body from a file        -T  Content-Type        -A  Accept
  -a  Basic auth user:password                  -host  Host header
  -o csv  One line a request                    -disable-keepalive  A connection for every request
`;

/** hey's flags are single-dashed, also the long ones; parseArgs wants two dashes for these. */
const argv = process.argv
  .slice(2)
  .map((a) => (/^-(host|disable-keepalive|disable-compression|disable-redirects|h2|cpus)(=|$)/.test(a) ? `-${a}` : a));

function usage(problem: string): never {
  process.stderr.write(`hey: ${problem}\n${USAGE}`);
  process.exit(1);
}

function parsed() {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        requests: { type: 'string', short: 'n', default: '200' },
        concurrency: { type: 'string', short: 'c', default: '50' },
        qps: { type: 'string', short: 'q', default: '0' },
        duration: { type: 'string', short: 'z' },
        method: { type: 'string', short: 'm', default: 'GET' },
        header: { type: 'string', short: 'H', multiple: true, default: [] },
        timeout: { type: 'string', short: 't', default: '20' },
        data: { type: 'string', short: 'd' },
        dataFile: { type: 'string', short: 'D' },
        contentType: { type: 'string', short: 'T', default: 'text/html' },
        accept: { type: 'string', short: 'A' },
        auth: { type: 'string', short: 'a' },
        output: { type: 'string', short: 'o' },
        host: { type: 'string' },
        cpus: { type: 'string' },
        h2: { type: 'boolean' },
        'disable-keepalive': { type: 'boolean', default: false },
        'disable-compression': { type: 'boolean' },
        'disable-redirects': { type: 'boolean' },
      },
    });
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = parsed();
if (positionals.length !== 1) usage('exactly one URL is needed');
const url = new URL(/^https?:\/\//.test(positionals[0]!) ? positionals[0]! : `http://${positionals[0]!}`);

function milliseconds(text: string): number {
  const UNIT: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  let total = 0;
  for (const [, n, u] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) total += Number(n) * UNIT[u!]!;
  if (!(total > 0)) usage(`-z takes a duration such as 10s, 3m or 1h, not ${text}`);
  return total;
}

const workers = Number(values.concurrency);
const qps = Number(values.qps);
const durationMs = values.duration === undefined ? undefined : milliseconds(values.duration);
const total = durationMs === undefined ? Number(values.requests) : Infinity;
if (!(workers > 0) || (durationMs === undefined && total < workers)) usage('-n cannot be less than -c, and -c must be positive');

const body = values.dataFile ? (await import('node:fs')).readFileSync(values.dataFile) : values.data;
const headers: Record<string, string> = {
  'user-agent': 'hey/0.0.1',
  ...(body === undefined ? {} : { 'content-type': values.contentType }),
};
if (values.accept) headers.accept = values.accept;
if (values.host) headers.host = values.host;
if (values.auth) headers.authorization = `Basic ${Buffer.from(values.auth).toString('base64')}`;
for (const line of values.header) {
  const i = line.indexOf(':');
  if (i < 0) usage(`-H takes "Name: value", not ${line}`);
  headers[line.slice(0, i).trim().toLowerCase()] = line.slice(i + 1).trim();
}

interface Result {
  seconds: number;
  status: number;
  bytes: number;
  at: number;
}
const results: Result[] = [];
const errors = new Map<string, number>();
const agent = new Agent({ keepAlive: !values['disable-keepalive'], maxSockets: workers });
const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
const started = performance.now();
let issued = 0;
let stopped = false;

function once(): Promise<void> {
  const at = performance.now();
  return new Promise((resolve) => {
    const failed = (error: Error): void => {
      errors.set(error.message, (errors.get(error.message) ?? 0) + 1);
      resolve();
    };
    const r = send(
      url,
      {
        method: values.method,
        headers,
        timeout: Number(values.timeout) * 1000,
        ...(url.protocol === 'https:' ? { rejectUnauthorized: false } : { agent }),
      },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => (bytes += chunk.length));
        response.on('error', failed);
        response.on('end', () => {
          results.push({ seconds: (performance.now() - at) / 1000, status: response.statusCode ?? 0, bytes, at: (at - started) / 1000 });
          resolve();
        });
      },
    );
    r.on('timeout', () => r.destroy(new Error('timeout awaiting response')));
    r.on('error', failed);
    r.end(body);
  });
}

const over = (): boolean => stopped || issued >= total || (durationMs !== undefined && performance.now() - started >= durationMs);

async function worker(): Promise<void> {
  let next = performance.now();
  while (!over()) {
    issued++;
    await once();
    if (qps > 0) {
      next += 1000 / qps;
      const wait = next - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      else next = performance.now();
    }
  }
}

process.once('SIGINT', () => (stopped = true));
process.once('SIGTERM', () => (stopped = true));
await Promise.all(Array.from({ length: workers }, worker));
const elapsed = (performance.now() - started) / 1000;
agent.destroy();

function report(): string {
  const lat = results.map((r) => r.seconds).sort((a, b) => a - b);
  const at = (q: number): number => lat[Math.min(lat.length - 1, Math.floor(q * lat.length))] ?? 0;
  const bytes = results.reduce((n, r) => n + r.bytes, 0);
  const lines = ['', 'Summary:', `  Total:\t${elapsed.toFixed(4)} secs`];
  if (lat.length > 0) {
    lines.push(
      `  Slowest:\t${lat.at(-1)!.toFixed(4)} secs`,
      `  Fastest:\t${lat[0]!.toFixed(4)} secs`,
      `  Average:\t${(lat.reduce((a, b) => a + b, 0) / lat.length).toFixed(4)} secs`,
      `  Requests/sec:\t${(lat.length / elapsed).toFixed(4)}`,
      '',
      `  Total data:\t${bytes} bytes`,
      `  Size/request:\t${Math.round(bytes / lat.length)} bytes`,
      '',
      'Latency distribution:',
      ...[10, 25, 50, 75, 90, 95, 99].map((p) => `  ${p}% in ${at(p / 100).toFixed(4)} secs`),
      '',
      'Status code distribution:',
    );
    const byStatus = new Map<number, number>();
    for (const r of results) byStatus.set(r.status, (byStatus.get(r.status) ?? 0) + 1);
    for (const [status, n] of [...byStatus].sort((a, b) => a[0] - b[0])) lines.push(`  [${status}]\t${n} responses`);
  }
  if (errors.size > 0) {
    lines.push('', 'Error distribution:');
    for (const [message, n] of errors) lines.push(`  [${n}]\t${message}`);
  }
  return `${lines.join('\n')}\n\n`;
}

process.stdout.write(
  values.output === 'csv'
    ? `response-time,status-code,offset\n${results.map((r) => `${r.seconds.toFixed(4)},${r.status},${r.at.toFixed(4)}`).join('\n')}\n`
    : report(),
);
process.exit(0);
