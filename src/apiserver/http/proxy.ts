/** What of a request and its answer goes through to a pod, and what does not. Pure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { ApiError } from '../../api/index.ts';

/** A pod or a service as the URL names it: `[scheme:]name[:port]`. */
export interface Proxied {
  readonly tls: boolean;
  readonly name: string;
  readonly port: string | undefined;
}

/** Reads the name in a URL; BadRequest when it is not of that form. */
export function proxiedIn(text: string, what: 'pod' | 'service'): Proxied {
  const parts = text.split(':');
  const [scheme, name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  if (parts.length > 3 || name === '' || !['', 'http', 'https'].includes(scheme!)) {
    throw new ApiError('BadRequest', `invalid ${what} request ${JSON.stringify(text)}`);
  }
  return { tls: scheme === 'https', name, port: port === '' ? undefined : port };
}

/** The part of a path that is for the one behind the proxy, as it was written; undefined without a slash behind `proxy`. */
export function pathBehind(pathname: string): { readonly prefix: string; readonly path: string | undefined } {
  const [, prefix = pathname, path] = /^(\/api\/[^/]+\/(?:namespaces\/[^/]+\/)?[^/]+\/[^/]+\/proxy)(\/.*)?$/.exec(pathname) ?? [];
  return { prefix, path };
}

/** Headers that are between two neighbours only (RFC 9110 section 7.6.1), and what is this server's to answer. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/** How a user says who they are, or are to be taken for: never handed on. */
const CREDENTIALS = /^(authorization$|impersonate-|x-remote-)/;

/** Headers for the one behind the proxy. With `upgrade`, the wish to leave HTTP is passed on. */
export function headersIn(headers: IncomingHttpHeaders, uri: string, upgrade: boolean): OutgoingHttpHeaders {
  const dropped = namedBy(headers.connection);
  const host = hostOf(headers);
  const out: OutgoingHttpHeaders = host === undefined ? {} : { host };
  for (const [name, value] of Object.entries(headers)) {
    // What HTTP/2 says of a request in headers of its own (`:path`) is in its first line here.
    if (name.startsWith(':') || value === undefined || HOP_BY_HOP.has(name) || dropped.has(name) || CREDENTIALS.test(name)) continue;
    out[name] = value;
  }
  if (upgrade) Object.assign(out, { connection: 'Upgrade', upgrade: headers.upgrade });
  out['x-forwarded-uri'] = uri;
  if (host !== undefined) out['x-forwarded-host'] = host;
  out['x-forwarded-proto'] = 'https';
  return out;
}

/** The name by which a client asked for this server, in whatever version of HTTP. */
export function hostOf(headers: IncomingHttpHeaders): string | undefined {
  return headers.host ?? (headers as { ':authority'?: string })[':authority'];
}

/** Headers for the client; a redirect within the same host leads back through the proxy. */
export function headersOut(headers: IncomingHttpHeaders, prefix: string, host: string | undefined): OutgoingHttpHeaders {
  const dropped = namedBy(headers.connection);
  const out: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    // Pages of other origins are not let in, whatever the one behind the proxy would allow.
    if (value === undefined || HOP_BY_HOP.has(name) || dropped.has(name) || name.startsWith('access-control-')) continue;
    out[name] = value;
  }
  if (headers.location !== undefined) out['location'] = redirected(headers.location, prefix, host);
  return out;
}

function redirected(location: string, prefix: string, host: string | undefined): string {
  const [, origin = '', authority, path = ''] = /^((?:[a-z][a-z0-9+.-]*:)?\/\/([^/?#]*))?(.*)$/is.exec(location) ?? [];
  if (authority !== undefined && authority !== host) return location;
  if (path.startsWith(`${prefix}/`) || path === prefix) return location;
  if (!path.startsWith('/') && authority === undefined) return location;
  return `${origin}${prefix}${path.startsWith('/') ? path : `/${path}`}`;
}

/** Headers that `Connection` says are between neighbours. */
function namedBy(connection: string | undefined): ReadonlySet<string> {
  return new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
}
