/** Reviews: who somebody is, and what they may. */
import type { TokenReview, UserInfo } from 'kubernetes-types/authentication/v1.js';
import type { SubjectAccessReviewSpec } from 'kubernetes-types/authorization/v1.js';
import { ApiError } from '../../api/index.ts';
import { rfc3339, type Clock } from '../../base/index.ts';
import type { Answer } from '../answers.ts';
import type { User } from '../registry.ts';
import { ISSUER } from './account-tokens.ts';
import type { Action, Authorizer } from './authorizer.ts';

/** A user as reviews and webhooks are told of them. */
export function userInfoOf({ name, uid, groups, extra }: User): UserInfo {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups: [...groups] } : {}),
    ...(extra ? { extra: extra as NonNullable<UserInfo['extra']> } : {}),
  };
}

/** Says whose token it is; `whose` as {@link AccountTokens.authenticate}, and it knows the other tokens too. */
export function tokenReview(
  whose: (token: string, audiences: readonly string[]) => Promise<{ user: User; audiences: string[] } | undefined>,
): Answer {
  return async (_target, asked) => {
    const { token = '', audiences = [] } = (asked as Partial<TokenReview>).spec ?? {};
    if (!token) throw new ApiError('BadRequest', 'token is required for TokenReview in authentication');
    const found = await whose(token, audiences.length > 0 ? audiences : [ISSUER]);
    const status = found
      ? { authenticated: true, user: userInfoOf(found.user), audiences: found.audiences }
      : { user: {}, error: 'invalid bearer token' };
    return { ...asked, status };
  };
}

export function selfSubjectReview(clock: Clock): Answer {
  return ({ user }, asked) => ({
    ...asked,
    metadata: { creationTimestamp: rfc3339(clock.now()) },
    status: { userInfo: userInfoOf(user) },
  });
}

type AccessSpec = SubjectAccessReviewSpec & { extra?: User['extra'] };

/** Says whether somebody may do something: whoever asks, or, with `others`, whom they ask about. */
export function accessReview(authorizer: Authorizer, others: boolean): Answer {
  return ({ user }, asked) => {
    const spec = asked['spec'] as AccessSpec;
    const subject = others
      ? { name: spec.user ?? '', uid: spec.uid, groups: spec.groups ?? [], ...(spec.extra ? { extra: spec.extra } : {}) }
      : user;
    const { allowed, reason } = authorizer.authorize(subject, actionOf(spec));
    return { ...asked, status: { allowed, ...(reason ? { reason } : {}) } };
  };
}

function actionOf({ resourceAttributes: of, nonResourceAttributes: path }: AccessSpec): Action {
  if (!of) return { type: 'path', verb: path?.verb ?? '', path: path?.path ?? '' };
  const { verb = '', group = '', resource = '', subresource = '', namespace = '', name = '' } = of;
  return { type: 'resource', verb, group, resource, subresource, namespace, name };
}

/** Lists what whoever asks may do. */
export function rulesReview(authorizer: Authorizer): Answer {
  return ({ user }, asked) => {
    const { namespace = '' } = (asked['spec'] ?? {}) as { namespace?: string };
    if (!namespace) throw new ApiError('BadRequest', 'no namespace on request');
    const { rules, problems } = authorizer.rulesOf(user, namespace);
    const resourceRules = rules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames }) =>
      resources.length > 0 ? [{ verbs, apiGroups, resources, ...(resourceNames?.length ? { resourceNames } : {}) }] : [],
    );
    const nonResourceRules = rules.flatMap(({ verbs, nonResourceURLs = [] }) =>
      nonResourceURLs.length > 0 ? [{ verbs, nonResourceURLs }] : [],
    );
    return {
      ...asked,
      spec: {},
      status: {
        resourceRules,
        nonResourceRules,
        incomplete: false,
        ...(problems.length > 0 ? { evaluationError: problems.join(', ') } : {}),
      },
    };
  };
}
