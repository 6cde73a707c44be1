/** Sends what metrics and alerts need over HTTP: bounded in time and size, by a proxy where there is one, and to no other host. */
import { request as plainRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { Fault, messageOf } from '../base/index.ts';
import type { Web, WebAnswer, WebRequest } from './ports.ts';
import { isWebAddress, proxyFor, type Environment } from './web-address.ts';

export interface WebOptions {
  /** A connection to a service of the cluster; undefined when the host is none of its. */
  readonly dial?: (url: URL) => Promise<Duplex | undefined>;
  readonly env?: Environment;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_REDIRECTS = 3;

export function createWeb({ dial, env = {} }: WebOptions = {}): Web {
  /** The request as it goes out: to the host, to a service of the cluster, or to a proxy. */
  async function open(url: URL, asked: WebRequest, signal: AbortSignal): Promise<ClientRequest> {
    const options: RequestOptions = { method: asked.method ?? 'GET', headers: headersOf(asked), signal };
    const service = await dial?.(url);
    const proxy = service ? undefined : (asked.proxy ?? proxyFor(url, env));
    if (!service && proxy && url.protocol === 'http:') return byProxy(url, proxy, options);
    const through = service ?? (proxy ? await tunnel(url, proxy, signal) : undefined);
    const tls = { rejectUnauthorized: !asked.insecureSkipVerify };
    if (!through)
      return url.protocol === 'https:'
        ? tlsRequest(url, { ...options, ...tls, agent: false })
        : plainRequest(url, { ...options, agent: false });
    signal.addEventListener('abort', () => through.destroy(), { once: true });
    if (url.protocol === 'http:') return plainRequest(url, { ...options, createConnection: () => through });
    const named = isIP(url.hostname) ? {} : { servername: url.hostname };
    const createConnection = (): Socket => tlsConnect({ ...tls, ...named, socket: through, host: url.hostname });
    return tlsRequest(url, { ...options, createConnection });
  }

  async function sendOnce(url: URL, asked: WebRequest): Promise<{ answer: WebAnswer; location: string | undefined }> {
    const signal = AbortSignal.timeout(asked.timeoutMs);
    try {
      const response = await answered(await open(url, asked, signal), asked.body);
      const body = await bodyOf(response);
      const { statusCode: status = 0, headers } = response;
      const retryAfter = Number(headers['retry-after'] ?? NaN);
      const answer = { status, body, retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined };
      return { answer, location: status >= 300 && status < 400 ? headers.location : undefined };
    } catch (error) {
      if (error instanceof Fault) throw error;
      const why = signal.aborted ? `no answer within ${asked.timeoutMs} ms` : messageOf(error);
      throw new Fault('Unreachable', `${url.host} cannot be asked: ${why}`, { cause: error });
    }
  }

  return {
    async send(asked) {
      let url = urlOf(asked.url);
      for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
        const { answer, location } = await sendOnce(url, asked);
        if (!location) return answer;
        const next = new URL(location, url);
        const again = asked.method !== 'POST' || answer.status === 307 || answer.status === 308;
        if (next.origin !== url.origin || !again) throw new Fault('Redirected', `${url.host} leads to ${next.origin}: use that address`);
        url = next;
      }
      throw new Fault('Redirected', `${url.host} leads from one address to the next, more than ${MAX_REDIRECTS} times`);
    },
  };
}

/** The address is not repeated in the message: those of webhooks are secrets. */
function urlOf(text: string): URL {
  if (!isWebAddress(text)) throw new Fault('BadAddress', 'the address is not a URL: it begins with http:// or https://');
  return new URL(text);
}

function headersOf({ headers = {}, body }: WebRequest): Record<string, string | string[]> {
  const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const sent = Object.entries(headers).map(([name, value]): [string, string | string[]] => [
    name,
    typeof value === 'string' ? value : [...value],
  ]);
  return { ...Object.fromEntries(sent), ...length };
}

function answered(request: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject).on('response', resolve);
    request.end(body);
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > MAX_BODY_BYTES)
      throw new Fault('TooLarge', `the answer is larger than ${MAX_BODY_BYTES} bytes: ask for less`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface Proxy {
  readonly host: string;
  readonly port: string;
  readonly headers: Record<string, string>;
  readonly secure: boolean;
}

function proxyAt(address: string): Proxy {
  if (!isWebAddress(address)) throw new Fault('BadProxy', 'the address of the proxy is not a URL: it begins with http:// or https://');
  const url = new URL(address);
  const secure = url.protocol === 'https:';
  const who = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const headers: Record<string, string> = url.username ? { 'proxy-authorization': `Basic ${Buffer.from(who).toString('base64')}` } : {};
  return { host: url.hostname, port: url.port || (secure ? '443' : '80'), headers, secure };
}

function byProxy(url: URL, address: string, options: RequestOptions): ClientRequest {
  const { host, port, headers, secure } = proxyAt(address);
  const all = { ...(options.headers as Record<string, string>), host: url.host, ...headers };
  return (secure ? tlsRequest : plainRequest)({ ...options, agent: false, host, port, path: url.href, headers: all });
}

function tunnel(url: URL, address: string, signal: AbortSignal): Promise<Duplex> {
  const { host, port, headers, secure } = proxyAt(address);
  const path = `${url.hostname}:${url.port || '443'}`;
  return new Promise((resolve, reject) => {
    const request = (secure ? tlsRequest : plainRequest)({
      method: 'CONNECT',
      host,
      port,
      path,
      headers: { host: path, ...headers },
      signal,
    });
    request.on('error', reject);
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Fault('BadProxy', `the proxy ${host}:${port} refuses with status ${response.statusCode}`));
    });
    request.end();
  });
}
