import { ApiError } from '../../api/index.ts';
import type { User } from '../registry.ts';
import type { Authorizer } from './authorizer.ts';
import { demand } from './forbidden.ts';
import { accountGroups, accountOf, ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED } from './identity.ts';

const PREFIX = 'impersonate-';
const EXTRA = `${PREFIX}extra-`;
const AUTHENTICATION = 'authentication.k8s.io';

/** Headers by their names in lower case, each with every value that was sent. */
export type HeaderValues = Readonly<Record<string, readonly string[] | undefined>>;

/** True when a request asks to be taken for somebody else's. */
export function impersonates(headers: Readonly<Record<string, unknown>>): boolean {
  for (const name in headers) if (name.startsWith(PREFIX)) return true;
  return false;
}

/**
 * Whom a user asks to be taken for. Each part of it - user, groups, uid, what else is known - has to be allowed: Forbidden otherwise;
 * BadRequest when no user is named.
 */
export function impersonated(authorizer: Authorizer, user: User, headers: HeaderValues): User {
  const name = headers[`${PREFIX}user`]?.[0] ?? '';
  if (!name) throw new ApiError('BadRequest', 'requested groups, extra or a uid without impersonating a user');
  const check = (group: string, resource: string, subresource: string, namespace: string, one: string): void =>
    demand(authorizer, user, { type: 'resource', verb: 'impersonate', group, resource, subresource, namespace, name: one });

  const account = accountOf(name);
  if (account) check('', 'serviceaccounts', '', account.namespace, account.name);
  else check('', 'users', '', '', name);

  const asked = headers[`${PREFIX}group`] ?? [];
  for (const group of asked) check('', 'groups', '', '', group);
  const groups = asked.length === 0 && account ? accountGroups(account.namespace) : [...asked];
  const known = name === ANONYMOUS.name ? [UNAUTHENTICATED] : [AUTHENTICATED, UNAUTHENTICATED];
  if (!known.some((group) => groups.includes(group))) groups.push(known[0]!);

  const extra: Record<string, readonly string[]> = {};
  for (const [header, values = []] of Object.entries(headers)) {
    if (!header.startsWith(EXTRA)) continue;
    const key = unescaped(header.slice(EXTRA.length));
    for (const value of values) check(AUTHENTICATION, 'userextras', key, '', value);
    extra[key] = values;
  }

  const uid = headers[`${PREFIX}uid`]?.[0];
  if (uid) check(AUTHENTICATION, 'uids', '', '', uid);
  return { name, groups, ...(uid ? { uid } : {}), ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}

/** Keys may hold what a header's name may not. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
