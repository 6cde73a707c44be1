import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../../api/index.ts';
import { messageOf, toYaml, type Clock, type Log } from '../../base/index.ts';
import type { Dialer } from '../dialer.ts';
import type { Kubelet } from '../kubelet.ts';
import type { Registry, User } from '../registry.ts';
import type { Representation } from './accept.ts';

/** What requests are answered with. */
export interface Api {
  readonly registry: Registry;
  readonly kubelet: Kubelet;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly log: Log;
  /** `v1.35.2`. */
  readonly version: string;
  /** Aborted when the server stops: open watches end. */
  readonly stopping: AbortSignal;
}

/** One request and its answer. */
export interface Call {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly url: URL;
  readonly user: User;
}

/** Answers with JSON that is already written; as YAML or indented when that is asked for. */
export function sendJson(call: Call, code: number, json: Buffer, representation: Representation = 'json'): void {
  if (representation === 'yaml') return send(call, code, 'application/yaml', Buffer.from(toYaml(JSON.parse(json.toString('utf8')))));
  const pretty = call.url.searchParams.get('pretty');
  const body = pretty === 'true' || pretty === '1' ? Buffer.from(`${JSON.stringify(JSON.parse(json.toString('utf8')), null, 2)}\n`) : json;
  send(call, code, 'application/json', body);
}

/** The size of the pieces of a long answer, in bytes. */
const PIECE = 256 * 1024;
/** What of it waits in memory for a reader, in bytes, before no more is made. */
const QUEUE = 1024 * 1024;
/** How long is worked on it, in milliseconds, before others get their turn. One turn of theirs may be far longer. */
const TURN_MS = 5;

/** Answers with JSON that comes in parts, as {@link sendText} does; as YAML or indented when that is asked for. */
export async function sendParts(
  api: Pick<Api, 'clock'>,
  call: Call,
  parts: Iterable<Buffer>,
  representation: Representation,
): Promise<void> {
  if (representation === 'yaml' || call.url.searchParams.has('pretty'))
    return sendJson(call, 200, Buffer.concat([...parts]), representation);
  return sendText(api, call, 'application/json', parts);
}

/** Answers with text that comes in parts: a short one at once, a long one as fast as it is read, with turns for others in between. */
export async function sendText({ clock }: Pick<Api, 'clock'>, call: Call, contentType: string, parts: Iterable<Buffer>): Promise<void> {
  const { res } = call;
  let begun = clock.monotonic();
  let piece: Buffer[] = [];
  let size = 0;
  for (const part of parts) {
    piece.push(part);
    size += part.length;
    if (size < PIECE) continue;
    if (!res.headersSent) begin(call, 200, contentType);
    res.write(Buffer.concat(piece));
    [piece, size] = [[], 0];
    const waits = res.writableLength >= QUEUE;
    if (!waits && clock.monotonic() - begun < TURN_MS) continue;
    if (waits) await drained(res);
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (res.destroyed) return;
    begun = clock.monotonic();
  }
  const last = Buffer.concat(piece);
  if (res.headersSent) res.end(last);
  else send(call, 200, contentType, last);
}

/** Resolves when more can be written, or never will be. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.once('drain', done).once('close', done);
    if (res.destroyed) done();
  });
}

export function sendObject(call: Call, code: number, value: unknown): void {
  sendJson(call, code, Buffer.from(JSON.stringify(value)));
}

export function send(call: Call, code: number, contentType: string, body: string | Buffer): void {
  const { res } = call;
  res.setHeader('content-length', Buffer.byteLength(body));
  begin(call, code, contentType);
  res.end(body);
}

function begin({ res }: Call, code: number, contentType: string): void {
  res.statusCode = code;
  res.setHeader('content-type', contentType);
  if (!res.hasHeader('cache-control')) res.setHeader('cache-control', 'no-cache, private');
}

/** Any failure as an ApiError; what was not foreseen is logged and shown without its stack. */
export function asApiError(error: unknown, log: Log): ApiError {
  if (error instanceof ApiError) return error;
  log.error('a request failed', { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined });
  return new ApiError('InternalError', `Internal error occurred: ${messageOf(error)}`);
}

/** Answers with a Status; when the answer has begun already, all that is left is to break it off. */
export function sendError(api: Pick<Api, 'log'>, call: Call, error: unknown): void {
  const failure = asApiError(error, api.log);
  if (call.res.headersSent) {
    call.res.destroy();
    return;
  }
  const retry = failure.details?.retryAfterSeconds;
  if (retry !== undefined) call.res.setHeader('retry-after', retry);
  // The rest of a body that was refused is not waited for.
  if (failure.reason === 'RequestEntityTooLarge' && call.req.httpVersionMajor === 1) call.res.setHeader('connection', 'close');
  sendObject(call, failure.code, failure.body());
}

/** Adds `Warning: 299 - "..."` headers, which kubectl prints. */
export function warn(call: Call, warnings: readonly string[]): void {
  if (warnings.length === 0) return;
  const values = warnings.slice(0, 32).map(
    (text) =>
      `299 - "${text
        .replace(/[^\x20-\x7e]/g, '?')
        .replace(/["\\]/g, '\\$&')
        .slice(0, 1000)}"`,
  );
  call.res.setHeader('warning', values);
}

/** A path that nothing is served at. */
export function notServed(): ApiError {
  // kubectl debug looks into the details without asking whether there are any.
  return new ApiError('NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
