/** Requests to an API server as they go out: where to, over TLS or not, and as whom. */
import { Agent, request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import { ApiError } from '../api/index.ts';

/** Who asks: a bearer token, a certificate of the client with its key (PEM), both, or nobody. */
export interface Credentials {
  readonly token?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface RemoteServer {
  /** `https://host:port`, or `http://...`; a path in it comes before all others. */
  readonly baseUrl: string;
  /** PEM of the authorities to trust; absent: the system's. */
  readonly ca?: string | undefined;
  /** The server's certificate is not checked. */
  readonly insecureSkipTlsVerify?: boolean | undefined;
  /** The name in the server's certificate, where it is not the host. */
  readonly serverName?: string | undefined;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** Who asks, where that changes with time. `refused`: the server no longer takes what was given last. */
  readonly credentials?: ((refused: boolean) => Promise<Credentials>) | undefined;
  /** Milliseconds until a request without an answer is given up (watches: until they begin); absent: never. */
  readonly timeoutMs?: number | undefined;
  /** What is under way when it aborts is torn down, and nothing is sent any more. */
  readonly signal?: AbortSignal | undefined;
}

export type HttpClientOptions =
  /** The API server's Unix socket. */
  { readonly socketPath: string } | RemoteServer;

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** The answer goes on for as long as anybody listens. */
  readonly endless?: boolean;
}

type Send = (request: Request) => Promise<IncomingMessage>;

/** Sends requests; each resolves with the head of its answer. A server that does not answer is an `ApiError` ServiceUnavailable. */
export function opener(options: HttpClientOptions): Send {
  const remote: Partial<RemoteServer> = 'socketPath' in options ? {} : options;
  const connect = connector(options);
  const who = remote.credentials ?? (async (): Promise<Credentials> => ({ token: remote.token }));
  return async (request) => {
    const res = await connect(request, await who(false));
    if (res.statusCode !== 401 || !remote.credentials) return res;
    res.destroy();
    return connect(request, await who(true));
  };
}

function connector(options: HttpClientOptions): (request: Request, who: Credentials) => Promise<IncomingMessage> {
  const remote = 'socketPath' in options ? undefined : options;
  const url = new URL(remote?.baseUrl ?? 'http://localhost');
  const tls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const base: RequestOptions = remote ? { host, port: url.port } : { socketPath: (options as { socketPath: string }).socketPath };
  const prefix = url.pathname.replace(/\/+$/, '');
  const agentFor = agents(tls, remote, host);

  return ({ method, path, query = {}, body, contentType = 'application/json', signal, endless }, { token, cert, key }) =>
    new Promise((resolve, reject) => {
      const params = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value));
      const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const ends = [signal, remote?.signal].filter((s) => s !== undefined);
      const req = (tls ? tlsRequest : plainRequest)({
        ...base,
        agent: agentFor(cert, key),
        method,
        path: `${prefix}${path}${params.size > 0 ? `?${params.toString()}` : ''}`,
        headers: {
          accept: 'application/json',
          host: remote ? url.host : 'localhost',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(payload ? { 'content-type': contentType, 'content-length': payload.length } : {}),
        },
        ...(ends.length > 0 ? { signal: ends.length === 1 ? ends[0]! : AbortSignal.any(ends) } : {}),
      });
      const { timeoutMs } = remote ?? {};
      const late = (): void => void req.destroy(new Error(`no answer within ${timeoutMs! / 1000} s`));
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
      req.once('response', (res) => {
        if (endless) clearTimeout(timer);
        resolve(res);
      });
      req.once('close', () => clearTimeout(timer));
      req.once('error', (error) => reject(new ApiError('ServiceUnavailable', `the API server does not answer: ${error.message}`)));
      req.end(payload);
    });
}

/** One pool of connections for as long as the client's certificate is the same. */
function agents(tls: boolean, remote: RemoteServer | undefined, host: string): (cert?: string, key?: string) => Agent {
  if (!tls) {
    const agent = new Agent({ keepAlive: true });
    return () => agent;
  }
  const { ca, insecureSkipTlsVerify, serverName = isIP(host) ? undefined : host } = remote ?? {};
  let made: { readonly cert: string | undefined; readonly agent: TlsAgent } | undefined;
  return (cert, key) => {
    if (made && made.cert === cert) return made.agent;
    made?.agent.destroy();
    const named = serverName === undefined ? {} : { servername: serverName };
    made = { cert, agent: new TlsAgent({ keepAlive: true, ca, cert, key, rejectUnauthorized: !insecureSkipTlsVerify, ...named }) };
    return made.agent;
  };
}
