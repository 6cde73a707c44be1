/** Session affinity: the cookies that keep a user on the side first seen, and the rules of a route that heed them. Pure. */
import type { CanaryStatus } from '../api/index.ts';
import { sha256Hex } from '../base/index.ts';
import type { Observation } from './decision.ts';
import { ALL_PRIMARY, type Weights } from './routes.ts';

interface Affinity {
  /** `name=value` of those on the canary; undefined while it gets no traffic. */
  readonly canary: string | undefined;
  /** `name=value` of those on the primary; undefined when the primary's users are not marked. */
  readonly primary: string | undefined;
  /** The cookie of a release that is over, to be taken back. */
  readonly previous: string | undefined;
}

const ONE_DAY_S = 86_400;

/** The cookie follows from the release, so that two looks at one release never give two cookies. */
function affinityOf(o: Observation, weights: Weights): Affinity | undefined {
  const wanted = o.settings.affinity;
  if (!wanted) return undefined;
  const status: CanaryStatus = o.canary.status ?? {};
  const value = (side: string): string =>
    sha256Hex(`${side} ${o.canary.metadata?.uid} ${status.lastAppliedSpec} ${JSON.stringify(status.trackedConfigs ?? {})}`, 10);
  // Where everyone is on one side, a cookie keeps nobody on the other.
  if (weights.canary === 0 || weights.everyone)
    return {
      canary: undefined,
      primary: undefined,
      previous: status.sessionAffinityCookie || status.previousSessionAffinityCookie || undefined,
    };
  return {
    canary: `${wanted.cookieName}=${value('canary')}`,
    primary: wanted.primaryCookieName ? `${wanted.primaryCookieName}=${value('primary')}` : undefined,
    previous: status.previousSessionAffinityCookie || undefined,
  };
}

/** What the status says of the cookies once these weights hold. */
export function affinityStatus(o: Observation, weights: Weights): Partial<CanaryStatus> {
  const affinity = affinityOf(o, weights);
  if (!affinity) return {};
  return {
    sessionAffinityCookie: affinity.canary ?? '',
    primarySessionAffinityCookie: affinity.primary ?? '',
    ...(affinity.canary || !affinity.previous ? {} : { previousSessionAffinityCookie: affinity.previous }),
  };
}

/** One rule of a route that shares out requests. */
export interface SessionRule {
  /** A regular expression of the Cookie headers it is for; undefined: all requests that no earlier rule is for. */
  readonly cookie?: string;
  readonly weights: Weights;
  /** `Set-Cookie` of the answers of each side. */
  readonly marks?: { readonly primary?: string; readonly canary?: string };
}

/** The rules by which these weights hold, in their order: one, unless sessions stick or have to be let go of. */
export function sessionRules(o: Observation, weights: Weights): SessionRule[] {
  const { canary, primary, previous } = affinityOf(o, weights) ?? {};
  if (canary)
    return [
      { cookie: cookiePattern(canary), weights: { primary: 0, canary: 100 } },
      ...(primary ? [{ cookie: cookiePattern(primary), weights: ALL_PRIMARY }] : []),
      { weights, marks: { canary: setCookie(o, canary), ...(primary ? { primary: setCookie(o, primary) } : {}) } },
    ];
  if (!previous) return [{ weights }];
  const gone = forgetCookie(o, previous);
  return [{ cookie: cookiePattern(previous), weights, marks: { primary: gone, canary: gone } }, { weights }];
}

/** `Set-Cookie` for a cookie as `name=value`. */
function setCookie(o: Observation, cookie: string): string {
  const { maxAge, domain, path, sameSite, secure, httpOnly, partitioned } = o.settings.affinity!;
  return [
    cookie,
    ...(domain ? [`Domain=${domain}`] : []),
    ...(path ? [`Path=${path}`] : []),
    `Max-Age=${maxAge || ONE_DAY_S}`,
    ...(secure ? ['Secure'] : []),
    ...(httpOnly ? ['HttpOnly'] : []),
    ...(sameSite ? [`SameSite=${sameSite}`] : []),
    ...(partitioned ? ['Partitioned'] : []),
  ].join('; ');
}

/** `Set-Cookie` that makes browsers forget it. */
function forgetCookie(o: Observation, cookie: string): string {
  const { domain, path } = o.settings.affinity!;
  return [cookie, ...(domain ? [`Domain=${domain}`] : []), ...(path ? [`Path=${path}`] : []), 'Max-Age=-1'].join('; ');
}

/** A regular expression of Cookie headers that hold it. */
const cookiePattern = (cookie: string): string => `.*${cookie}.*`;
