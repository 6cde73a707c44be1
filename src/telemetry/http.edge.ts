import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiAnswer } from './prometheus-api.ts';

/** Longest form taken, in bytes. */
const MAX_FORM = 1024 * 1024;

/** Serves GET, and POST with a form, on 127.0.0.1 (port 0 is any free one) or on a Unix socket, where `port` is then 0. */
export async function serveHttp(
  place: number | string,
  answer: (path: string, params: URLSearchParams) => ApiAnswer,
): Promise<{ port: number; server: Server }> {
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://localhost');
    paramsOf(req, url).then(
      (params) => {
        const { status, contentType, body } =
          params === 'too long' ? TOO_LONG : params === 'refused' ? REFUSED : answer(url.pathname, params);
        res.writeHead(status, { 'content-type': contentType }).end(body);
      },
      () => res.destroy(),
    );
  });
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (typeof place === 'number') server.listen(place, '127.0.0.1', resolve);
    else {
      rmSync(place, { force: true });
      server.listen(place, resolve);
    }
  });
  if (typeof place === 'number') return { port: (server.address() as AddressInfo).port, server };
  chmodSync(place, 0o600);
  return { port: 0, server };
}

const TOO_LONG: ApiAnswer = { status: 413, contentType: 'text/plain', body: 'the form is too long\n' };
const REFUSED: ApiAnswer = { status: 405, contentType: 'text/plain', body: 'only GET and POST are served\n' };

async function paramsOf(req: IncomingMessage, url: URL): Promise<URLSearchParams | 'too long' | 'refused'> {
  if (req.method === 'GET' || req.method === 'HEAD') return url.searchParams;
  if (req.method !== 'POST') return 'refused';
  let form = '';
  req.setEncoding('utf8');
  for await (const chunk of req) {
    form += chunk as string;
    if (form.length > MAX_FORM) return 'too long';
  }
  const params = new URLSearchParams(url.searchParams);
  for (const [name, value] of new URLSearchParams(form)) params.append(name, value);
  return params;
}
