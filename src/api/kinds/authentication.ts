import type { SelfSubjectReview, TokenRequest, TokenReview } from 'kubernetes-types/authentication/v1.js';
import type { KubeObject, Resource } from '../object.ts';
import type { Causes } from './check.ts';
import { define } from './define.ts';

const GROUP = 'authentication.k8s.io';

/** Seconds that a token may be good for. */
const SHORTEST = 600;
const LONGEST = 2 ** 32;

function resource<T extends KubeObject>(kind: string, namespaced = false): Resource<T> {
  return { group: GROUP, version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced };
}

export const tokenReviews = define<TokenReview>({
  resource: resource('TokenReview'),
  schema: 'k8s.io.api.authentication.v1.TokenReview',
  verbs: ['create'],
});

export const selfSubjectReviews = define<SelfSubjectReview>({
  resource: resource('SelfSubjectReview'),
  schema: 'k8s.io.api.authentication.v1.SelfSubjectReview',
  verbs: ['create'],
});

/** The body of `serviceaccounts/<name>/token`: a kind, yet no collection. */
export const tokenRequests = define<TokenRequest>({
  resource: resource('TokenRequest', true),
  schema: 'k8s.io.api.authentication.v1.TokenRequest',
  verbs: ['create'],
  default(o) {
    o.spec ??= { audiences: [] };
    o.spec.expirationSeconds ??= 3600;
  },
  check: checkTokenRequest,
});

function checkTokenRequest(causes: Causes, { spec }: TokenRequest): void {
  const seconds = spec.expirationSeconds ?? 0;
  if (seconds < SHORTEST) causes.invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes');
  if (seconds > LONGEST) causes.invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds');
}
