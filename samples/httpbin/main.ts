/** httpbin: says back what it was asked, in the shape of go-httpbin (header values are lists). */
import { json, serve, sleep, text, type Request } from '../lib/server.ts';

const port = Number(process.argv[2] ?? 8080);

function headersOf(request: Request): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  const raw = request.raw.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase().replace(/(^|-)[a-z]/g, (c) => c.toUpperCase());
    (out[name] ??= []).push(raw[i + 1]!);
  }
  return out;
}

const args = (url: URL): Record<string, string[]> => {
  const out: Record<string, string[]> = {};
  for (const [k, v] of url.searchParams) (out[k] ??= []).push(v);
  return out;
};

function common(request: Request): Record<string, unknown> {
  const host = request.headers.host ?? 'localhost';
  return {
    args: args(request.url),
    headers: headersOf(request),
    method: request.method,
    origin: request.headers['x-forwarded-for'] ?? request.raw.socket.remoteAddress ?? '',
    url: `http://${host}${request.url.pathname}${request.url.search}`,
  };
}

async function withBody(request: Request): Promise<Record<string, unknown>> {
  const data = (await request.body()).toString('utf8');
  const type = request.headers['content-type'] ?? '';
  let parsed: unknown = null;
  if (type.includes('json')) {
    try {
      parsed = JSON.parse(data);
    } catch {
      parsed = null;
    }
  }
  const form: Record<string, string[]> = {};
  if (type.includes('x-www-form-urlencoded')) for (const [k, v] of new URLSearchParams(data)) (form[k] ??= []).push(v);
  return { ...common(request), data, files: {}, form, json: parsed };
}

/** `503` or `200:0.9,500:0.1`. */
function pickStatus(spec: string): number {
  const choices = spec.split(',').map((part) => {
    const [code, weight] = part.split(':');
    return { code: Number(code), weight: weight === undefined ? 1 : Number(weight) };
  });
  let at = Math.random() * choices.reduce((sum, c) => sum + c.weight, 0);
  for (const c of choices) if ((at -= c.weight) < 0) return c.code;
  return choices[0]?.code ?? 400;
}

serve(port, async (request, response) => {
  const path = request.url.pathname;
  const [, first = '', second = ''] = path.split('/');
  const method = first.toUpperCase();
  if (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(method) && second === '') {
    if (request.method !== method && !(method === 'GET' && request.method === 'HEAD')) return text(response, 405, 'method not allowed\n');
    return json(response, 200, method === 'GET' || method === 'HEAD' ? common(request) : await withBody(request), 2);
  }
  switch (first) {
    case '':
      return text(response, 200, '<!DOCTYPE html><title>httpbin</title><h1>httpbin</h1>\n', 'text/html');
    case 'anything':
      return json(response, 200, await withBody(request), 2);
    case 'headers':
      return json(response, 200, { headers: headersOf(request) }, 2);
    case 'ip':
      return json(response, 200, { origin: common(request).origin }, 2);
    case 'user-agent':
      return json(response, 200, { 'user-agent': request.headers['user-agent'] ?? '' }, 2);
    case 'uuid':
      return json(response, 200, { uuid: crypto.randomUUID() }, 2);
    case 'hostname':
      return json(response, 200, { hostname: process.env.HOSTNAME ?? '' }, 2);
    case 'env':
      return json(response, 200, { env: {} }, 2);
    case 'status': {
      const code = pickStatus(second);
      if (!Number.isInteger(code) || code < 200 || code > 599) return text(response, 400, 'invalid status code\n');
      response.writeHead(code, code >= 300 && code < 400 ? { location: '/redirect/1' } : {});
      return void response.end();
    }
    case 'delay': {
      await sleep(Math.min(Math.max(Number(second) || 0, 0), 10) * 1000);
      return json(response, 200, await withBody(request), 2);
    }
    case 'bytes': {
      const n = Math.min(Number(second) || 0, 100 * 1024);
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': n });
      return void response.end(Buffer.alloc(n, 0x61));
    }
    case 'stream': {
      const n = Math.min(Number(second) || 1, 100);
      response.writeHead(200, { 'content-type': 'application/json' });
      for (let id = 0; id < n; id++) response.write(`${JSON.stringify({ id, ...common(request) })}\n`);
      return void response.end();
    }
    case 'redirect': {
      const n = Number(second) || 1;
      response.writeHead(302, { location: n > 1 ? `/redirect/${n - 1}` : '/get' });
      return void response.end();
    }
    case 'response-headers': {
      for (const [k, v] of Object.entries(args(request.url))) response.setHeader(k, v);
      return json(response, 200, args(request.url), 2);
    }
    case 'cookies': {
      const pairs = (request.headers.cookie ?? '')
        .split(/;\s*/)
        .filter(Boolean)
        .map((p) => p.split('='));
      return json(response, 200, Object.fromEntries(pairs.map(([k, ...v]) => [k, v.join('=')])), 2);
    }
    case 'basic-auth': {
      const [, , user, password] = path.split('/');
      const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
      const ok = request.headers.authorization === wanted;
      if (!ok) response.setHeader('www-authenticate', 'Basic realm="Fake Realm"');
      return json(response, ok ? 200 : 401, { authenticated: ok, authorized: ok, user: ok ? user : '' }, 2);
    }
    case 'bearer': {
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      return json(response, token ? 200 : 401, { authenticated: token !== undefined, token: token ?? '' }, 2);
    }
    case 'unstable':
      return void response.writeHead(Math.random() < Number(request.url.searchParams.get('failure_rate') ?? 0.5) ? 500 : 200).end();
    case 'json':
      return json(response, 200, { slideshow: { title: 'Sample Slide Show', slides: [] } }, 2);
    case 'html':
      return text(response, 200, '<!DOCTYPE html><html><body><h1>A page</h1></body></html>\n', 'text/html');
    default:
      return json(response, 404, { status_code: 404, error: 'Not Found' }, 2);
  }
});
