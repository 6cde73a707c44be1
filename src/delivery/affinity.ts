/** Session affinity: the cookies that keep a user on the side first seen. Pure. */
import type { CanaryStatus } from '../api/index.ts';
import { sha256Hex } from '../base/index.ts';
import type { Observation } from './decision.ts';
import type { Weights } from './routes.ts';

export interface Affinity {
  /** `name=value` of those on the canary; undefined while it gets no traffic. */
  readonly canary: string | undefined;
  /** `name=value` of those on the primary; undefined when the primary's users are not marked. */
  readonly primary: string | undefined;
  /** The cookie of a release that is over, to be taken back. */
  readonly previous: string | undefined;
}

const ONE_DAY_S = 86_400;

/** The cookie follows from the release, so that two looks at one release never give two cookies. */
export function affinityOf(o: Observation, weights: Weights): Affinity | undefined {
  const wanted = o.settings.affinity;
  if (!wanted) return undefined;
  const status: CanaryStatus = o.canary.status ?? {};
  const value = (side: string): string =>
    sha256Hex(`${side} ${o.canary.metadata?.uid} ${status.lastAppliedSpec} ${JSON.stringify(status.trackedConfigs ?? {})}`, 10);
  if (weights.canary === 0)
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

/** `Set-Cookie` for a cookie as `name=value`. */
export function setCookie(o: Observation, cookie: string): string {
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
export function forgetCookie(o: Observation, cookie: string): string {
  const { domain, path } = o.settings.affinity!;
  return [cookie, ...(domain ? [`Domain=${domain}`] : []), ...(path ? [`Path=${path}`] : []), 'Max-Age=-1'].join('; ');
}

/** A regular expression of Cookie headers that hold it. */
export const cookiePattern = (cookie: string): string => `.*${cookie}.*`;
