import { createHash } from 'node:crypto';
import type { User } from '../registry.ts';

export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The user of the generated kubeconfig. */
export const ADMIN: User = { name: 'sluice-admin', groups: ['system:masters', 'system:authenticated'] };

/** The node's agent, known by the Unix socket it comes through. */
export const NODE: User = { name: 'system:node:sluice', groups: ['system:nodes', 'system:authenticated'] };

/** The server's own hand. */
export const SERVER: User = { name: 'system:apiserver', groups: ['system:masters'] };

/** Tells who holds a bearer token; undefined: nobody. */
export interface Authenticator {
  authenticate(token: string): User | undefined;
}

/** Known tokens. They are held and compared as hashes, so that how long a comparison takes says nothing about a token. */
export function tokenAuthenticator(tokens: Readonly<Record<string, User>>): Authenticator {
  const users = new Map(Object.entries(tokens).map(([token, user]) => [hash(token), user]));
  return { authenticate: (token) => users.get(hash(token)) };
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

/** What anybody may see without saying who they are. */
const PUBLIC: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version']);

/** The server is one person's, on their own machine: whoever has a token may do all, anybody else may see health and version. */
export function isAllowed(user: User, path: string): boolean {
  return user.groups.includes('system:authenticated') || PUBLIC.has(path) || path.startsWith('/readyz/') || path.startsWith('/livez/');
}
