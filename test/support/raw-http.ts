/** HTTP as it is on the wire: for tests that send what no client of ours would. */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export type Place = { readonly socketPath: string } | { readonly port: number; readonly ca: string; readonly token: string };

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string | Uint8Array | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The answer is cut off, and counts as it is, after so many milliseconds; waited for otherwise. */
  readonly cutMs?: number | undefined;
}

export interface RawHttp {
  request(request: RawRequest): Promise<Answer>;
  /** Begins a request whose answer is read by the caller. */
  open(request: RawRequest): ClientRequest;
  close(): void;
}

/** Keeps up to `connections` connections alive. */
export function rawHttp(place: Place, connections: number): RawHttp {
  const local = 'socketPath' in place;
  const options = { keepAlive: true, maxSockets: connections };
  const agent = local ? new HttpAgent(options) : new HttpsAgent(options);
  const fixed: RequestOptions = local ? { socketPath: place.socketPath } : { host: '127.0.0.1', port: place.port };
  const authorization: Record<string, string> = local ? {} : { authorization: `Bearer ${place.token}` };

  const open = ({ method, path, body, headers }: RawRequest): ClientRequest => {
    const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const whole = { ...fixed, agent, method, path, headers: { ...authorization, ...length, ...headers } };
    const req = local ? httpRequest(whole) : httpsRequest({ ...whole, ca: place.ca });
    req.end(body);
    return req;
  };

  return {
    open,
    request: (wanted) =>
      new Promise((resolve, reject) => {
        const req = open(wanted);
        let timer: NodeJS.Timeout | undefined;
        req.once('response', (res) => {
          const parts: Buffer[] = [];
          const done = (): void => {
            clearTimeout(timer);
            resolve({ code: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(parts) });
          };
          res.on('data', (part: Buffer) => parts.push(part));
          res.once('end', done);
          res.once('error', reject);
          if (wanted.cutMs !== undefined) {
            timer = setTimeout(() => {
              res.off('error', reject);
              res.on('error', () => {});
              done();
              req.destroy();
            }, wanted.cutMs);
          }
        });
        req.on('error', reject);
      }),
    close: () => agent.destroy(),
  };
}
