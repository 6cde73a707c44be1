/** podinfo: the small web app that delivery guides roll out. */
import { createHash, createHmac } from 'node:crypto';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { json, serve, sleep, text, type Request } from '../lib/server.ts';

/** `--random-error` and `PODINFO_RANDOM_ERROR=true` are the same setting. */
const { values: flags } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { 'backend-url': { type: 'string', multiple: true } },
});
function setting(name: string, fallback: string): string {
  const flag = flags[name];
  if (flag !== undefined) return String(flag);
  return process.env[`PODINFO_${name.replaceAll('-', '_').toUpperCase()}`] ?? fallback;
}
const on = (name: string): boolean => setting(name, 'false') === 'true';

const VERSION = process.env.SERVICE_VERSION ?? '6.14.1';
/** Kubernetes sets PODINFO_PORT for a Service called podinfo, to an address: that is no port. */
const port = Number(/^\d+$/.exec(setting('port', '9898'))?.[0] ?? 9898);
const metricsPort = Number(setting('port-metrics', '0'));
const color = setting('ui-color', '#34577c');
const message = setting('ui-message', `greetings from podinfo v${VERSION}`);
const logo = setting('ui-logo', '');
const randomError = on('random-error');
const randomDelay = on('random-delay');
const delayMin = Number(setting('random-delay-min', '0'));
const delayMax = Number(setting('random-delay-max', '5'));
const delayUnit = setting('random-delay-unit', 's') === 'ms' ? 1 : 1000;
/** Given more than once, or with commas between. */
const backends = (flags['backend-url'] ?? [process.env.PODINFO_BACKEND_URL ?? ''])
  .flatMap((urls) => String(urls).split(','))
  .filter(Boolean);

let healthy = !on('unhealthy');
let ready = !on('unready');
let faulty = false;

const store = new Map<string, Buffer>();
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
interface Series {
  count: number;
  sum: number;
  buckets: number[];
}
const durations = new Map<string, Series>();
const requests = new Map<number, number>();

function observe(method: string, path: string, status: number, seconds: number): void {
  requests.set(status, (requests.get(status) ?? 0) + 1);
  const key = `method="${method}",path="${path}",status="${status}"`;
  let s = durations.get(key);
  if (!s && durations.size < 500) durations.set(key, (s = { count: 0, sum: 0, buckets: BUCKETS.map(() => 0) }));
  if (!s) return;
  s.count++;
  s.sum += seconds;
  for (const [i, le] of BUCKETS.entries()) if (seconds <= le) s.buckets[i]!++;
}

function metrics(): string {
  const lines = ['# TYPE http_requests_total counter'];
  for (const [status, n] of requests) lines.push(`http_requests_total{status="${status}"} ${n}`);
  lines.push('# TYPE http_request_duration_seconds histogram');
  for (const [labels, s] of durations) {
    for (const [i, le] of BUCKETS.entries()) lines.push(`http_request_duration_seconds_bucket{${labels},le="${le}"} ${s.buckets[i]}`);
    lines.push(`http_request_duration_seconds_bucket{${labels},le="+Inf"} ${s.count}`);
    lines.push(`http_request_duration_seconds_sum{${labels}} ${s.sum}`, `http_request_duration_seconds_count{${labels}} ${s.count}`);
  }
  lines.push('# TYPE process_resident_memory_bytes gauge', `process_resident_memory_bytes ${process.memoryUsage.rss()}`);
  return `${lines.join('\n')}\n`;
}

function info(): Record<string, string> {
  return {
    hostname: hostname(),
    version: VERSION,
    revision: 'sluice',
    color,
    logo,
    message,
    goos: 'linux',
    goarch: process.arch === 'x64' ? 'amd64' : process.arch,
    runtime: `node ${process.versions.node}`,
    num_goroutine: '1',
    num_cpu: '1',
  };
}

const SECRET = setting('jwt-secret', 'sluice-podinfo');
const b64 = (v: object): string => Buffer.from(JSON.stringify(v)).toString('base64url');
const sign = (body: string): string => createHmac('sha256', SECRET).update(body).digest('base64url');

async function echo(request: Request): Promise<{ status: number; value: unknown; raw?: Buffer }> {
  const body = await request.body();
  if (backends.length === 0) return { status: 202, value: undefined, raw: body };
  const forward: Record<string, string> = {};
  for (const h of ['x-request-id', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags', 'x-ot-span-context'])
    if (typeof request.headers[h] === 'string') forward[h] = request.headers[h];
  const answers = await Promise.all(
    backends.map(async (url) => {
      try {
        return await (
          await fetch(url, { method: 'POST', body: new Uint8Array(body), headers: forward, signal: AbortSignal.timeout(60_000) })
        ).text();
      } catch (error) {
        return String(error);
      }
    }),
  );
  return { status: 202, value: answers };
}

/** What podinfo answers when it is told to fail at random: a third each of 500, 400 and 409, one request in three. */
function randomFailure(): number | undefined {
  if (!randomError || Math.random() >= 1 / 3) return undefined;
  return [500, 400, 409][Math.floor(Math.random() * 3)];
}

const server = serve(port, async (request, response) => {
  const path = request.url.pathname;
  const started = performance.now();
  const known = /^\/[a-z_]*/.exec(path)?.[0] ?? '/';
  response.on('finish', () => observe(request.method, known, response.statusCode, (performance.now() - started) / 1000));
  const pretty = (status: number, value: unknown): void => json(response, status, value, 2);

  if (path === '/healthz') return healthy ? pretty(200, { status: 'OK' }) : void response.writeHead(503).end();
  if (path === '/readyz') return ready ? pretty(200, { status: 'OK' }) : void response.writeHead(503).end();
  if (path === '/metrics') return text(response, 200, metrics());
  const toggle = /^\/(readyz|healthz|fault_injection)\/(enable|disable)$/.exec(path);
  if (toggle && request.method === 'POST') {
    if (toggle[1] === 'readyz') ready = toggle[2] === 'enable';
    else if (toggle[1] === 'healthz') healthy = toggle[2] === 'enable';
    else faulty = toggle[2] === 'enable';
    return pretty(202, { status: 'OK' });
  }
  if (path === '/fault_injection/status') return pretty(200, { enabled: faulty });
  if (faulty) return pretty(500, { code: 500, message: 'fault injection is on' });
  if (randomDelay) await sleep((delayMin + Math.random() * (delayMax - delayMin)) * delayUnit);
  const failure = randomFailure();
  if (failure) return pretty(failure, { code: failure, message: 'random error' });

  if (path === '/' || path === '/api/info') {
    if (path === '/' && request.headers['user-agent']?.startsWith('Mozilla'))
      return text(
        response,
        200,
        `<!DOCTYPE html><html><head><title>${hostname()}</title></head><body style="background:${color};color:#fff;font-family:sans-serif;text-align:center"><h1>podinfo v${VERSION}</h1><h2>${message.replaceAll('<', '&lt;')}</h2><p>Serving on ${hostname()}</p></body></html>\n`,
        'text/html; charset=utf-8',
      );
    return pretty(200, info());
  }
  if (path === '/version') return pretty(200, { version: VERSION, commit: 'sluice' });
  if (path === '/env' || path === '/api/env')
    return pretty(
      200,
      Object.entries(process.env).map(([k, v]) => `${k}=${v}`),
    );
  if (path === '/headers' || path === '/api/headers')
    return pretty(
      200,
      Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k.replace(/(^|-)[a-z]/g, (c) => c.toUpperCase()), [v].flat()])),
    );
  let match = /^\/delay\/(\d+)$/.exec(path);
  if (match) {
    await sleep(Math.min(Number(match[1]), 60) * 1000);
    return pretty(200, { delay: Number(match[1]) });
  }
  match = /^\/status\/(\d{3})$/.exec(path);
  if (match) return pretty(Number(match[1]), { status: Number(match[1]) });
  if (path === '/panic') process.exit(255);
  if (path === '/echo' || path === '/api/echo') {
    const answer = await echo(request);
    response.setHeader('x-color', color);
    if (answer.raw) return void response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' }).end(answer.raw);
    return pretty(answer.status, answer.value);
  }
  if (path === '/token' && request.method === 'POST') {
    const user = (await request.body()).toString('utf8') || 'anonymous';
    const exp = Math.floor(Date.now() / 1000) + 60;
    const head = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64({ name: user, iss: 'podinfo', exp })}`;
    return pretty(200, { token: `${head}.${sign(head)}`, expires_at: new Date(exp * 1000).toISOString() });
  }
  if (path === '/token/validate') {
    const [h, p, s] = (request.headers.authorization ?? '').replace(/^Bearer /, '').split('.');
    if (!h || !p || s !== sign(`${h}.${p}`)) return pretty(200, { code: 401, message: 'invalid authorization token' });
    const claims = JSON.parse(Buffer.from(p, 'base64url').toString('utf8')) as { name: string; exp: number };
    return pretty(200, { token_name: claims.name, expires_at: new Date(claims.exp * 1000).toISOString() });
  }
  if (path === '/store' && request.method === 'POST') {
    const body = await request.body();
    const hash = createHash('sha1').update(body).digest('hex');
    if (store.size >= 1000) store.delete(store.keys().next().value!);
    store.set(hash, body);
    return pretty(202, { hash });
  }
  match = /^\/store\/([0-9a-f]{40})$/.exec(path);
  if (match) {
    const body = store.get(match[1]!);
    return body ? void response.writeHead(200).end(body) : pretty(200, { code: 404, message: 'file not found' });
  }
  text(response, 404, '404 page not found\n');
});

if (metricsPort)
  serve(metricsPort, (request, response) =>
    request.url.pathname === '/metrics' ? text(response, 200, metrics()) : text(response, 404, 'not found\n'),
  );
server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
