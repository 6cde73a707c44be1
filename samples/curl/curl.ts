/** curl, as far as guides use it, for hosts that have none: -s -S -v -i -I -o -w -H -d -X -k -m -L -b -A -f --resolve. */
import { lookup } from 'node:dns';
import { writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { parseArgs } from 'node:util';

function fail(code: number, message: string, silent: boolean): never {
  if (!silent) process.stderr.write(`curl: (${code}) ${message}\n`);
  process.exit(code);
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        silent: { type: 'boolean', short: 's', default: false },
        'show-error': { type: 'boolean', short: 'S', default: false },
        verbose: { type: 'boolean', short: 'v', default: false },
        include: { type: 'boolean', short: 'i', default: false },
        head: { type: 'boolean', short: 'I', default: false },
        output: { type: 'string', short: 'o' },
        'write-out': { type: 'string', short: 'w' },
        header: { type: 'string', short: 'H', multiple: true, default: [] },
        data: { type: 'string', short: 'd', multiple: true, default: [] },
        request: { type: 'string', short: 'X' },
        insecure: { type: 'boolean', short: 'k', default: false },
        'max-time': { type: 'string', short: 'm' },
        'connect-timeout': { type: 'string' },
        location: { type: 'boolean', short: 'L', default: false },
        cookie: { type: 'string', short: 'b' },
        'user-agent': { type: 'string', short: 'A' },
        user: { type: 'string', short: 'u' },
        fail: { type: 'boolean', short: 'f', default: false },
        resolve: { type: 'string', multiple: true, default: [] },
        get: { type: 'boolean', short: 'G', default: false },
        retry: { type: 'string' },
      },
    });
  } catch (error) {
    return fail(2, error instanceof Error ? error.message : String(error), false);
  }
}

const { values: v, positionals } = parsed();
const silent = v.silent && !v['show-error'];
if (positionals.length === 0) fail(2, 'no URL specified', false);
const started = performance.now();

function headersFor(url: URL): Record<string, string> {
  const out: Record<string, string> = { host: url.host, 'user-agent': v['user-agent'] ?? 'curl/8.16.0', accept: '*/*' };
  if (v.cookie !== undefined) out.cookie = v.cookie;
  if (v.user !== undefined) out.authorization = `Basic ${Buffer.from(v.user).toString('base64')}`;
  if (v.data.length > 0 && !v.get) out['content-type'] = 'application/x-www-form-urlencoded';
  for (const line of v.header) {
    const i = line.indexOf(':');
    if (i > 0) out[line.slice(0, i).trim().toLowerCase()] = line.slice(i + 1).trim();
  }
  return out;
}

const resolved = new Map(v.resolve.map((r) => [r.split(':').slice(0, 2).join(':'), r.split(':').slice(2).join(':')]));

function send(url: URL): Promise<IncomingMessage> {
  const body = v.data.length > 0 && !v.get ? v.data.join('&') : undefined;
  const method = v.request ?? (v.head ? 'HEAD' : body === undefined ? 'GET' : 'POST');
  const headers = headersFor(url);
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
  const pinned = resolved.get(`${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`);
  const options: RequestOptions & { rejectUnauthorized?: boolean } = {
    method,
    headers,
    agent: false,
    rejectUnauthorized: !v.insecure,
    lookup: pinned ? (_h, o, cb) => (o.all ? cb(null, [{ address: pinned, family: 4 }]) : cb(null, pinned, 4)) : lookup,
  };
  if (v.verbose) {
    process.stderr.write(`> ${method} ${url.pathname}${url.search} HTTP/1.1\n`);
    for (const [k, value] of Object.entries(headers)) process.stderr.write(`> ${k}: ${value}\n`);
    process.stderr.write('>\n');
  }
  return new Promise((resolve, reject) => {
    const r = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    r.on('error', reject);
    r.end(body);
  });
}

function exitCodeOf(error: NodeJS.ErrnoException): [number, string] {
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return [6, 'Could not resolve host'];
  if (error.code === 'ECONNREFUSED' || error.code === 'EHOSTUNREACH') return [7, 'Failed to connect: Connection refused'];
  if (error.code === 'ECONNRESET') return [56, 'Recv failure: Connection reset by peer'];
  return [56, error.message];
}

async function get(text: string): Promise<void> {
  let url = new URL(/^https?:\/\//.test(text) ? text : `http://${text}`);
  if (v.get) for (const d of v.data) url.search += `${url.search ? '&' : '?'}${d}`;
  let response = await send(url);
  for (
    let hops = 0;
    v.location && hops < 20 && (response.statusCode ?? 0) >= 300 && (response.statusCode ?? 0) < 400 && response.headers.location;
    hops++
  ) {
    response.resume();
    url = new URL(response.headers.location, url);
    response = await send(url);
  }
  const head = [`HTTP/${response.httpVersion} ${response.statusCode} ${response.statusMessage}`];
  for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) head.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
  if (v.verbose) process.stderr.write(`${head.map((l) => `< ${l}`).join('\n')}\n<\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const failed = v.fail && (response.statusCode ?? 0) >= 400;
  const out = Buffer.concat([
    v.include || v.head ? Buffer.from(`${head.join('\r\n')}\r\n\r\n`) : Buffer.alloc(0),
    failed ? Buffer.alloc(0) : body,
  ]);
  if (v.output === undefined) process.stdout.write(out);
  else if (v.output !== '/dev/null') writeFileSync(v.output, out);
  if (v['write-out'] !== undefined) {
    const facts: Record<string, string> = {
      http_code: String(response.statusCode),
      response_code: String(response.statusCode),
      time_total: ((performance.now() - started) / 1000).toFixed(6),
      size_download: String(body.length),
      url_effective: url.href,
    };
    process.stdout.write(
      v['write-out']
        .replace(/%\{(\w+)\}/g, (_m, k: string) => facts[k] ?? '')
        .replaceAll('\\n', '\n')
        .replaceAll('\\t', '\t'),
    );
  }
  if (failed) fail(22, `The requested URL returned error: ${response.statusCode}`, silent);
}

if (v['max-time'] !== undefined)
  setTimeout(
    () => {
      if (v['write-out']?.includes('http_code'))
        process.stdout.write(v['write-out'].replaceAll('%{http_code}', '000').replaceAll('\\n', '\n'));
      fail(28, `Operation timed out after ${Math.round(performance.now() - started)} milliseconds`, silent);
    },
    Number(v['max-time']) * 1000,
  ).unref();
try {
  for (const text of positionals) await get(text);
} catch (error) {
  const [code, message] = exitCodeOf(error as NodeJS.ErrnoException);
  if (v['write-out']?.includes('http_code')) process.stdout.write(v['write-out'].replaceAll('%{http_code}', '000').replaceAll('\\n', '\n'));
  fail(code, message, silent);
}
