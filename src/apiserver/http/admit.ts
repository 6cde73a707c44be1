import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../../api/index.ts';
import type { Auth } from '../auth/auth.ts';
import type { Action, Authorizer } from '../auth/authorizer.ts';
import { demand } from '../auth/forbidden.ts';
import { AUTHENTICATED, isPublic } from '../auth/identity.ts';
import { impersonated, impersonates } from '../auth/impersonation.ts';
import type { User } from '../registry.ts';
import { actionOf } from './action.ts';
import { parsePath, type RequestInfo } from './request-info.ts';

/** A request whose sender is known, and may. */
export interface Admitted {
  readonly url: URL;
  readonly info: RequestInfo;
  readonly user: User;
}

/** Names by which the server may be addressed: a page in a browser that gets another name to point here is refused. */
const HOSTS: ReadonlySet<string> = new Set([
  '127.0.0.1',
  'localhost',
  '::1',
  '10.96.0.1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]);

/**
 * Finds out who sends a request and what it asks for. Throws what is to be answered instead: Unauthorized for credentials that are
 * nobody's, Forbidden for what the sender may not. `local` is who speaks without credentials, as the listener knows.
 */
export async function admit(req: IncomingMessage, auth: Pick<Auth, 'authenticator' | 'authorizer'>, local: User): Promise<Admitted> {
  checkOrigin(req);
  const url = URL.parse(`http://server${req.url ?? '/'}`);
  const info = url ? parsePath(url.pathname) : undefined;
  const sender = await senderOf(req, auth, local);
  const user = impersonates(req.headers) ? impersonated(auth.authorizer, sender, req.headersDistinct) : sender;
  if (!url || !info) throw new ApiError('BadRequest', url ? 'the path is not validly escaped' : 'the URL cannot be read');
  if (!isPublic(url.pathname)) check(auth.authorizer, user, actionOf(req.method ?? 'GET', info, url));
  return { url, info, user };
}

/** Parts of pods that are as good as a shell in it. */
const STREAMS: ReadonlySet<string> = new Set(['attach', 'exec', 'portforward']);

function check(authorizer: Authorizer, user: User, action: Action): void {
  demand(authorizer, user, action);
  if (action.type !== 'resource' || action.verb !== 'get' || action.group || action.resource !== 'pods') return;
  // A WebSocket begins with a GET, and whoever may only read must not get in by it.
  if (STREAMS.has(action.subresource)) demand(authorizer, user, { ...action, verb: 'create' });
}

/** Refuses what no client of ours sends: pages in a browser, and names that do not belong to this server. */
function checkOrigin(req: IncomingMessage): void {
  if (req.headers.origin !== undefined) throw new ApiError('Forbidden', 'requests from web pages are not served');
  const host = (req.headers.host ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  if ('encrypted' in req.socket && !HOSTS.has(host)) {
    throw new ApiError('Forbidden', `this server does not go by the name "${host}": use 127.0.0.1 or localhost`);
  }
}

/** By certificate, by token, or as the listener knows. */
function senderOf(req: IncomingMessage, { authenticator }: Pick<Auth, 'authenticator'>, local: User): User | Promise<User> {
  const certified = 'encrypted' in req.socket ? certifiedUser(req.socket as TLSSocket) : undefined;
  if (certified) return certified;
  const header = req.headers.authorization;
  if (header === undefined) return local;
  const token = /^bearer\s+(\S+)$/i.exec(header)?.[1];
  const user = token === undefined ? undefined : authenticator.authenticate(token);
  return user instanceof Promise ? user.then(somebody) : somebody(user);
}

function somebody(user: User | undefined): User {
  if (!user) throw new ApiError('Unauthorized', 'Unauthorized');
  return user;
}

const certified = new WeakMap<TLSSocket, User>();

/** Whom the certificate of a connection names (common name: the user, organisations: their groups); it was checked in the handshake. */
function certifiedUser(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const known = certified.get(socket);
  if (known) return known;
  const { subject } = socket.getPeerCertificate();
  const { CN, O } = (subject ?? {}) as unknown as { CN?: string | string[]; O?: string | string[] };
  const name = [CN ?? []].flat()[0];
  if (!name) return undefined;
  const user = { name, groups: [...[O ?? []].flat(), AUTHENTICATED] };
  certified.set(socket, user);
  return user;
}
