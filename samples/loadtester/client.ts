/** Sends one kind of request, over kept connections. */
import { Agent, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';

export interface Target {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  /** For the whole of a request. */
  readonly timeoutMs: number;
  /** Connections that are open at a time. */
  readonly connections: number;
  readonly keepAlive: boolean;
}

export interface Reply {
  readonly status: number;
  readonly bytes: number;
}

export interface Client {
  /** Rejects when there is no answer; the message says why. */
  send(): Promise<Reply>;
  close(): void;
}

export function createClient({ url, method, headers, body, timeoutMs, connections, keepAlive }: Target): Client {
  const tls = url.protocol === 'https:';
  const pool = { keepAlive, maxSockets: connections };
  // Certificates are not what is measured: those of tests are mostly signed by nobody.
  const agent = tls ? new TlsAgent({ ...pool, rejectUnauthorized: false }) : new Agent(pool);
  const request = tls ? tlsRequest : plainRequest;
  const options: RequestOptions = { method, headers, agent };

  return {
    send: () =>
      new Promise((resolve, reject) => {
        const r = request(url, options, (response) => {
          let bytes = 0;
          response.on('data', (chunk: Buffer) => (bytes += chunk.length));
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes }));
        });
        const timer = setTimeout(() => r.destroy(new Error('timeout awaiting response')), timeoutMs);
        r.on('error', reject);
        r.on('close', () => clearTimeout(timer));
        r.end(body);
      }),
    close: () => agent.destroy(),
  };
}
