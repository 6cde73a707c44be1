import { createHash } from 'node:crypto';
import type { User } from '../registry.ts';

export const AUTHENTICATED = 'system:authenticated';
export const UNAUTHENTICATED = 'system:unauthenticated';
/** Those in it may do all: nobody is asked. */
export const MASTERS = 'system:masters';

export const ANONYMOUS: User = { name: 'system:anonymous', groups: [UNAUTHENTICATED] };

/** The user of the generated kubeconfig. */
export const ADMIN: User = { name: 'sluice-admin', groups: [MASTERS, AUTHENTICATED] };

/**
 * The node's agent, and other programs of this instance, known by the Unix socket they come through. Who can open it (0600) can read
 * the administrator's token as well, so there is nothing to keep from them.
 */
export const NODE: User = { name: 'system:node:sluice', groups: ['system:nodes', MASTERS, AUTHENTICATED] };

/** The server's own hand. */
export const SERVER: User = { name: 'system:apiserver', groups: ['system:masters'] };

/** Tells who holds a bearer token; undefined: nobody. */
export interface Authenticator {
  authenticate(token: string): User | undefined | Promise<User | undefined>;
}

/** Known tokens. They are held and compared as hashes, so that how long a comparison takes says nothing about a token. */
export function tokenAuthenticator(tokens: Readonly<Record<string, User>>): { authenticate(token: string): User | undefined } {
  const users = new Map(Object.entries(tokens).map(([token, user]) => [hash(token), user]));
  return { authenticate: (token) => users.get(hash(token)) };
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

const ACCOUNT = 'system:serviceaccount:';

/** The user name of a ServiceAccount. */
export function accountName(namespace: string, name: string): string {
  return `${ACCOUNT}${namespace}:${name}`;
}

/** The ServiceAccount that a user name stands for; undefined: another user's. */
export function accountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(ACCOUNT)) return undefined;
  const [namespace, name, ...rest] = user.slice(ACCOUNT.length).split(':');
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

/** The groups of a namespace's ServiceAccounts. */
export function accountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** What anybody may see without saying who they are. */
const PUBLIC: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version']);

/** True for health and the version: nobody is asked whether they may see them. */
export function isPublic(path: string): boolean {
  return PUBLIC.has(path) || path.startsWith('/readyz/') || path.startsWith('/livez/');
}
