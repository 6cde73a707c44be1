/** The annotations of NGINX' controller that say who is let in. */
import type { Secret } from 'kubernetes-types/core/v1.js';
import { isIPv4, isIPv6 } from '../api/index.ts';
import type { AnnotationReader } from './annotations.ts';
import type { Rule } from './rule.ts';

/** Names and passwords in a Secret: a file of `htpasswd` under `auth`, or one password a key. */
export interface BasicAuth {
  /** Its namespace is the object's where none is said. */
  readonly secret: { readonly namespace?: string; readonly name: string };
  readonly form: 'auth-file' | 'auth-map';
  readonly realm?: string;
}

export function basicAuth(reader: AnnotationReader): BasicAuth | undefined {
  const type = reader.text('auth-type');
  const secret = reader.text('auth-secret');
  const form = reader.oneOf('auth-secret-type', ['auth-file', 'auth-map'] as const) ?? 'auth-file';
  const realm = reader.text('auth-realm');
  if (type !== 'basic') return undefined;
  const [name = '', namespace] = (secret ?? '').split('/').reverse();
  return { secret: { ...(namespace ? { namespace } : {}), name }, form, ...(realm ? { realm } : {}) };
}

/** Guards that nothing here can ask: what is behind them is closed, as it is not open to everybody. */
export function guardedElsewhere(reader: AnnotationReader): boolean {
  const fix = 'Use auth-type basic, or an AuthorizationPolicy for the ingress gateway.';
  const closed = (name: string, message: string): true => {
    reader.note(name, `${message}; its paths are answered with 503.`, fix);
    return true;
  };
  const type = reader.text('auth-type');
  return [
    type !== undefined && type !== 'basic' && closed('auth-type', `"${type}" is not supported`),
    reader.text('auth-url') !== undefined && closed('auth-url', 'no authorizer is asked'),
    reader.text('auth-tls-secret') !== undefined && closed('auth-tls-secret', 'certificates of clients are not checked'),
  ].includes(true);
}

export function sourceRanges(reader: AnnotationReader): Rule['addresses'] {
  const blocks = (...names: string[]): string[] | undefined => {
    const said = names.flatMap((name) => (reader.list(name) ?? []).map((block) => ({ name, block })));
    for (const { name, block } of said)
      if (!isBlock(block)) reader.note(name, `${block} is no address and no block of addresses.`, 'Write it as in 10.0.0.0/8.');
    return said.length ? said.flatMap(({ block }) => (isBlock(block) ? [block] : [])) : undefined;
  };
  const allowed = blocks('whitelist-source-range', 'allowlist-source-range');
  const denied = blocks('denylist-source-range');
  return allowed || denied?.length ? { ...(allowed ? { allowed } : {}), ...(denied?.length ? { denied } : {}) } : undefined;
}

function isBlock(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const max = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return max > 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= max));
}

/** SHA-1 in base64, which is all that Envoy can check. */
const CHECKABLE = /^([^:\s]+):(\{SHA\}[A-Za-z0-9+/]{27}=)$/;

/** The lines of a Secret that can be checked, and the names of users whose passwords cannot; undefined for one without any. */
export function usersOf(secret: Secret | undefined, form: BasicAuth['form']): { lines: string; lost: readonly string[] } | undefined {
  const data = Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')] as const);
  const said =
    form === 'auth-map'
      ? data.map(([user, hash]) => `${user}:${hash.trim()}`)
      : (data.find(([key]) => key === 'auth')?.[1] ?? '').split('\n').map((line) => line.trim());
  const users = new Map<string, string>();
  const lost: string[] = [];
  for (const line of said) {
    if (!line || line.startsWith('#')) continue;
    const [, user, hash] = CHECKABLE.exec(line) ?? [];
    if (!user || !hash) lost.push(line.split(':', 1)[0]!);
    else if (!users.has(user)) users.set(user, hash);
  }
  if (!users.size && !lost.length) return undefined;
  return { lines: [...users].map(([user, hash]) => `${user}:${hash}`).join('\n'), lost };
}
