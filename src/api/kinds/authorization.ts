import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from 'kubernetes-types/authorization/v1.js';
import type { KubeObject, Resource } from '../object.ts';
import { asGo, type Causes } from './check.ts';
import { define, type Definition } from './define.ts';

/** A question that is answered and not kept. */
function review<T extends KubeObject>(kind: string, namespaced: boolean, check: Definition<T>['check']): ReturnType<typeof define<T>> {
  const resource: Resource<T> = {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced,
  };
  return define<T>({ resource, schema: `k8s.io.api.authorization.v1.${kind}`, verbs: ['create'], ...(check ? { check } : {}) });
}

const PATH = { Path: '', Verb: '' };

/** The part of what is asked that newer servers know. */
type Narrowed = { labelSelector?: Narrowing; fieldSelector?: Narrowing };
type Narrowing = { rawSelector?: string; requirements?: unknown[] };

function checkAttributes(
  causes: Causes,
  spec: Pick<SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'> | undefined,
): void {
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  if (spec?.resourceAttributes && spec.nonResourceAttributes) {
    causes.invalid(
      'spec.nonResourceAttributes',
      asGo(spec.nonResourceAttributes, PATH),
      'cannot be specified in combination with resourceAttributes',
    );
  } else if (!spec?.resourceAttributes && !spec?.nonResourceAttributes) causes.invalid('spec.resourceAttributes', null, why);
  const narrowed = (spec?.resourceAttributes ?? {}) as Narrowed;
  for (const field of ['labelSelector', 'fieldSelector'] as const) {
    const { rawSelector, requirements } = narrowed[field] ?? {};
    const at = `spec.resourceAttributes.${field}`;
    if (rawSelector && requirements?.length)
      causes.invalid(`${at}.rawSelector`, rawSelector, 'may not specified at the same time as requirements');
    if (narrowed[field] && !rawSelector && !requirements?.length)
      causes.required(`${at}.requirements`, `when ${at} is specified, requirements or rawSelector is required`);
  }
}

function checkSubject(causes: Causes, { spec }: SubjectAccessReview | LocalSubjectAccessReview): void {
  checkAttributes(causes, spec);
  if (!spec?.user && !spec?.groups?.length)
    causes.invalid('spec.user', spec?.user ?? '', 'at least one of user or group must be specified');
}

export const selfSubjectAccessReviews = review<SelfSubjectAccessReview>('SelfSubjectAccessReview', false, (causes, { spec }) =>
  checkAttributes(causes, spec),
);

export const subjectAccessReviews = review<SubjectAccessReview>('SubjectAccessReview', false, checkSubject);

export const localSubjectAccessReviews = review<LocalSubjectAccessReview>('LocalSubjectAccessReview', true, (causes, o) => {
  checkSubject(causes, o);
  const { namespace } = o.spec?.resourceAttributes ?? {};
  if (o.spec?.resourceAttributes && namespace !== o.metadata?.namespace)
    causes.invalid('spec.resourceAttributes.namespace', namespace ?? '', 'must match metadata.namespace');
  if (o.spec?.nonResourceAttributes)
    causes.invalid('spec.nonResourceAttributes', asGo(o.spec.nonResourceAttributes, PATH), 'disallowed on this kind of request');
});

export const selfSubjectRulesReviews = review<SelfSubjectRulesReview>('SelfSubjectRulesReview', false, undefined);
