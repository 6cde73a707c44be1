import { tokenRequests, type AnyObject, type Catalog, type KindDef } from '../../api/index.ts';
import type { Clock, Log, Rng } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import type { Admission } from '../admission/admission.ts';
import type { Answer, Answers } from '../answers.ts';
import type { User } from '../registry.ts';
import { createAccountTokens, ISSUER, type AccountTokens } from './account-tokens.ts';
import type { Authorizer } from './authorizer.ts';
import { tokenAuthenticator, type Authenticator } from './identity.ts';
import { certificateAdmission, type ClientCertificates } from './certificates.ts';
import { creationCheck } from './creation.ts';
import { escalationCheck } from './rbac/escalation.ts';
import { followGrants } from './rbac/follow.ts';
import { rbacAuthorizer } from './rbac/rbac.ts';
import { accessReview, rulesReview, selfSubjectReview, tokenReview } from './reviews.ts';
import { createSigner, type Signer } from './signer.ts';

export interface AuthOptions {
  readonly store: Store<AnyObject>;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Signs the tokens of ServiceAccounts: an RSA key, PKCS #8 PEM. A secret. */
  readonly accountKey: string;
  /** Bearer tokens that are known beforehand, and whose they are. */
  readonly tokens: Readonly<Record<string, User>>;
  /** By which users are known. */
  readonly certificates: ClientCertificates;
}

/** Who somebody is, and what they may: for the HTTP edge, and what the registry answers about it. */
export interface Auth {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  /** These two are for the registry. */
  readonly admission: readonly Admission[];
  readonly answers: Answers;
  /** These two are for the controllers. */
  readonly accountTokens: AccountTokens;
  readonly certificates: ClientCertificates;
  /** The public keys of tokens. */
  readonly keySet: Signer['keySet'];
}

/** Reads the store alone, so that it can be there before the registry that it has a say in. */
export async function createAuth(options: AuthOptions): Promise<Auth> {
  const { store, catalog, clock, rng } = options;
  const signer = await createSigner(options.accountKey, clock);
  const accountTokens = createAccountTokens({ store, catalog, clock, rng, signer });
  const known = tokenAuthenticator(options.tokens);
  const grants = followGrants(store, options.log);
  const authorizer = rbacAuthorizer(grants);

  const whose: Parameters<typeof tokenReview>[0] = async (token, audiences) => {
    const user = known.authenticate(token);
    if (!user) return accountTokens.authenticate(token, audiences);
    return audiences.includes(ISSUER) ? { user, audiences: [ISSUER] } : undefined;
  };

  const kind = (group: string, plural: string): KindDef => catalog.find(group, 'v1', plural)!.def;
  const answers = new Map<string, { def: KindDef; answer: Answer }>([
    ['/serviceaccounts/token', { def: tokenRequests, answer: accountTokens.request }],
  ]);
  const reviews: readonly (readonly [string, string, Answer])[] = [
    ['authentication.k8s.io', 'tokenreviews', tokenReview(whose)],
    ['authentication.k8s.io', 'selfsubjectreviews', selfSubjectReview(clock)],
    ['authorization.k8s.io', 'selfsubjectaccessreviews', accessReview(authorizer, false)],
    ['authorization.k8s.io', 'subjectaccessreviews', accessReview(authorizer, true)],
    ['authorization.k8s.io', 'localsubjectaccessreviews', accessReview(authorizer, true)],
    ['authorization.k8s.io', 'selfsubjectrulesreviews', rulesReview(authorizer)],
  ];
  for (const [group, plural, answer] of reviews) answers.set(`${group}/${plural}`, { def: kind(group, plural), answer });

  return {
    authenticator: {
      authenticate: (token) => known.authenticate(token) ?? accountTokens.authenticate(token, [ISSUER]).then((found) => found?.user),
    },
    authorizer,
    admission: [creationCheck(authorizer), escalationCheck(grants, authorizer), certificateAdmission(authorizer, options.certificates)],
    answers,
    accountTokens,
    certificates: options.certificates,
    keySet: signer.keySet,
  };
}
