/** What the sample apps share: a small HTTP server that stops as a container should. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  /** Header lines as sent, in pairs. */
  readonly raw: IncomingMessage;
  body(): Promise<Buffer>;
}

export type Handler = (request: Request, response: ServerResponse) => void | Promise<void>;

const MAX_BODY = 10 * 1024 * 1024;

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Error('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Serves until SIGTERM or SIGINT; then lets requests in flight finish and ends with status 0. */
export function serve(port: number, handler: Handler, address = '0.0.0.0'): Server {
  const server = createServer((message, response) => {
    const request: Request = {
      method: message.method ?? 'GET',
      url: new URL(message.url ?? '/', 'http://localhost'),
      headers: message.headers,
      raw: message,
      body: () => readBody(message),
    };
    void (async () => {
      try {
        await handler(request, response);
      } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
        response.end('internal error\n');
      }
    })();
  });
  server.keepAliveTimeout = 75_000;
  server.on('error', (error: NodeJS.ErrnoException) => {
    process.stderr.write(error.code === 'EADDRINUSE' ? `port ${port} is in use: choose another\n` : `${error.message}\n`);
    process.exit(1);
  });
  server.listen(port, address, () => process.stdout.write(`listening on port ${port}\n`));
  const stop = (): void => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 5_000).unref();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  return server;
}

export function json(response: ServerResponse, status: number, value: unknown, indent?: number): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(value, null, indent));
}

export function text(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type });
  response.end(body);
}

/** Headers that a service must hand on for traces and routing to follow a request. */
const HANDED_ON = [
  'x-request-id',
  'x-ot-span-context',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'end-user',
  'user-agent',
  'cookie',
  'authorization',
  'jwt',
];

export function handedOn(request: Request): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of HANDED_ON) {
    const value = request.headers[name];
    if (typeof value === 'string') out[name] = value;
  }
  return out;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
