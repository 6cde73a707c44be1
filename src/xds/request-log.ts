/** Requests as proxies tell of them one by one (`envoy.service.accesslog.v3`), as far as they are read. */
import { BinaryReader } from '@bufbuild/protobuf/wire';

export interface LoggedRequest {
  /** The cluster that it was sent to, such as `outbound|80||web.shop.svc.cluster.local`; empty when it was sent nowhere. */
  readonly cluster: string;
  /** Its `x-request-id`; empty when it has none. */
  readonly id: string;
  /** When it came, in milliseconds since the epoch. */
  readonly time: number;
  readonly method: string;
  /** Without its query, where secrets may be. */
  readonly path: string;
  /** 0: the client gave up before there was one. */
  readonly status: number;
  /** The status of gRPC by its number; undefined when there is none. */
  readonly grpcStatus: number | undefined;
  /** Where the status comes from, in Envoy's words: `via_upstream`, `response_timeout`. */
  readonly detail: string;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
}

/** The requests in a `StreamAccessLogsMessage`. Throws on bytes that are no such message. */
export function decodeLogged(bytes: Uint8Array): LoggedRequest[] {
  const found: LoggedRequest[] = [];
  walk(bytes, { 2: (r) => walk(r.bytes(), { 1: (entry) => found.push(loggedRequest(entry.bytes())) }) });
  return found;
}

/** `envoy.config.core.v3.RequestMethod`. */
const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

/** Of `envoy.data.accesslog.v3.HTTPAccessLogEntry`: 1 is what all entries have, 3 the request, 4 the response. */
function loggedRequest(bytes: Uint8Array): LoggedRequest {
  let [cluster, id, method, path, detail] = ['', '', '', '', ''];
  let [time, status, durationMs] = [0, 0, 0];
  let grpcStatus: number | undefined;
  const code: Fields = { 1: (r) => (status = r.uint32()) };
  // The one header that is asked for: an entry of a map has its value in 2.
  const asked = (r: BinaryReader): void => walk(r.bytes(), { 2: (value) => (grpcStatus = Number(value.string())) });
  walk(bytes, {
    1: (common) =>
      walk(common.bytes(), {
        5: (r) => (time = millis(r.bytes())),
        15: (r) => (cluster = r.string()),
        23: (r) => (durationMs = millis(r.bytes())),
      }),
    3: (request) =>
      walk(request.bytes(), {
        1: (r) => (method = METHODS[r.int32()] ?? ''),
        5: (r) => (path = r.string().replace(/\?.*/s, '')),
        9: (r) => (id = r.string()),
      }),
    4: (response) => walk(response.bytes(), { 1: (r) => walk(r.bytes(), code), 4: asked, 5: asked, 6: (r) => (detail = r.string()) }),
  });
  return { cluster, id, time, method, path, status, grpcStatus, detail, durationMs };
}

/** Of a `Timestamp` or a `Duration`: seconds and nanoseconds. */
function millis(bytes: Uint8Array): number {
  let ms = 0;
  walk(bytes, { 1: (r) => (ms += Number(r.int64()) * 1000), 2: (r) => (ms += Math.floor(r.int32() / 1e6)) });
  return ms;
}

/** Readers of fields, by their numbers. */
type Fields = Readonly<Record<number, (r: BinaryReader) => unknown>>;

function walk(bytes: Uint8Array, fields: Fields): void {
  const r = new BinaryReader(bytes);
  while (r.pos < r.len) {
    const [field, type] = r.tag();
    const read = fields[field];
    if (read) read(r);
    else r.skip(type);
  }
}
