import { ApiError, type AnyObject } from '../../api/index.ts';
import type { User } from '../registry.ts';
import { isAllowed } from './identity.ts';

/** Answers a review (`kubectl auth can-i`, `kubectl auth whoami`); undefined: not one that is known. */
export function answerReview(group: string, version: string, plural: string, body: AnyObject, user: User): AnyObject | undefined {
  if (version !== 'v1') return undefined;
  const spec = (body['spec'] ?? {}) as Record<string, unknown>;
  const answer = (kind: string, status: unknown): AnyObject => ({
    apiVersion: `${group}/v1`,
    kind,
    metadata: {},
    ...(kind === 'SelfSubjectReview' ? {} : { spec }),
    status,
  });
  if (group === 'authentication.k8s.io' && plural === 'selfsubjectreviews') {
    return answer('SelfSubjectReview', { userInfo: { username: user.name, groups: user.groups } });
  }
  if (group !== 'authorization.k8s.io') return undefined;
  const path = (spec['nonResourceAttributes'] as { path?: string } | undefined)?.path ?? '/api';
  switch (plural) {
    case 'selfsubjectaccessreviews':
      return answer('SelfSubjectAccessReview', { allowed: isAllowed(user, path) });
    case 'selfsubjectrulesreviews': {
      const all = isAllowed(user, '/api');
      return answer('SelfSubjectRulesReview', {
        resourceRules: all ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] : [],
        nonResourceRules: all ? [{ verbs: ['*'], nonResourceURLs: ['*'] }] : [],
        incomplete: false,
      });
    }
    case 'subjectaccessreviews': {
      const name = spec['user'];
      if (typeof name !== 'string' || name === '') throw new ApiError('Invalid', 'spec.user: a user name is required');
      const groups = Array.isArray(spec['groups']) ? (spec['groups'] as string[]) : [];
      return answer('SubjectAccessReview', { allowed: isAllowed({ name, groups }, path) });
    }
    default:
      return undefined;
  }
}
