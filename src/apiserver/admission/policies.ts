import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from 'kubernetes-types/admissionregistration/v1.js';
import {
  ApiError,
  labelSelectorOf,
  type AdmissionRule,
  type AnyObject,
  type Catalog,
  type KindDef,
  type Served,
  type StatusReason,
} from '../../api/index.ts';
import { nextTurn } from '../../cel/index.ts';
import type { Store } from '../../store/index.ts';
import { storeKey, storePrefix } from '../entry.ts';
import { forbidden } from '../errors.ts';
import type { Admission, AdmissionRequest } from './admission.ts';
import { derived } from './derived.ts';
import {
  activationOf,
  Budget,
  BudgetError,
  EvaluationError,
  expressionOf,
  hold,
  type Conditions,
  type Expression,
  type Surroundings,
} from './expressions.ts';
import { matcherOf, type Matcher } from './matching.ts';

interface Check {
  readonly expression: Expression;
  readonly message: string;
  readonly messageExpression: Expression | undefined;
  readonly reason: StatusReason;
}

interface Policy {
  readonly name: string;
  readonly matcher: Matcher;
  readonly conditions: Conditions;
  readonly variables: Surroundings['variables'];
  readonly checks: readonly Check[];
  readonly ignoresFailure: boolean;
  readonly paramKind: { readonly apiVersion: string; readonly kind: string } | undefined;
  readonly bindings: readonly Binding[];
}

interface Binding {
  readonly name: string;
  /** Undefined: whatever the policy matches. */
  readonly matcher: Matcher | undefined;
  readonly spec: NonNullable<ValidatingAdmissionPolicyBinding['spec']>;
}

/** What speaks against a request. */
interface Objection {
  readonly message: string;
  readonly reason: StatusReason;
}

const ANY: AdmissionRule = { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] };
const MAX_MESSAGE = 5 * 1024;

/** Asks the ValidatingAdmissionPolicies that are bound. */
export function policyAdmission(store: Store<AnyObject>, catalog: Catalog, namespaces: KindDef): Admission {
  const policies = derived(
    store,
    ['admissionregistration.k8s.io/validatingadmissionpolicies/', 'admissionregistration.k8s.io/validatingadmissionpolicybindings/'],
    (objects = [], bindings = []) => indexPolicies(objects, bindings),
  );
  const namespaceOf = (name: string | undefined): AnyObject | undefined =>
    name === undefined ? undefined : store.get(storeKey(namespaces, undefined, name))?.object;

  /** The objects that a binding is to be evaluated with; one of them undefined: without. Throws an Error when it cannot be. */
  const paramsOf = ({ paramKind }: Policy, { spec: { paramRef } }: Binding, request: AdmissionRequest): (AnyObject | undefined)[] => {
    if (!paramKind || !paramRef) return [undefined];
    const slash = paramKind.apiVersion.lastIndexOf('/');
    const def = catalog.findKind(
      slash < 0 ? '' : paramKind.apiVersion.slice(0, slash),
      paramKind.apiVersion.slice(slash + 1),
      paramKind.kind,
    )?.def;
    if (!def) throw new EvaluationError(`paramKind kind \`${paramKind.apiVersion}, Kind=${paramKind.kind}\` not known`);
    const { namespaced } = def.resource;
    if (!namespaced && paramRef.namespace)
      throw new EvaluationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
    const namespace = paramRef.namespace ?? request.namespace;
    if (namespaced && !namespace)
      throw new EvaluationError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
    const selector = labelSelectorOf(paramRef.selector);
    const found = paramRef.name
      ? [store.get(storeKey(def, namespace, paramRef.name))?.object].filter((o) => o !== undefined)
      : store
          .list(storePrefix(def, namespace))
          .items.map(({ object }) => object)
          .filter(({ metadata }) => selector.matches(metadata?.labels));
    if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny') {
      throw new EvaluationError('no params found for policy binding with `Deny` parameterNotFoundAction');
    }
    return found;
  };

  /** What the checks of a policy say of a request, with one of the objects that its binding names. Throws `EvaluationError` when none can be asked. */
  const checked = async (policy: Policy, request: AdmissionRequest, as: Served, params: AnyObject | undefined): Promise<Objection[]> => {
    const budget = new Budget();
    const around = { params, namespaceObject: namespaceOf(request.namespace), variables: policy.variables, budget };
    const activation = activationOf(request, as, around);
    if (!(await hold(policy.conditions, activation))) return [];
    const out: Objection[] = [];
    for (const check of policy.checks) {
      await nextTurn();
      try {
        if (check.expression.evaluate(activation, budget) === true) continue;
      } catch (error) {
        if (!(error instanceof EvaluationError) || error instanceof BudgetError) throw error;
        out.push(...failure(policy, error));
        continue;
      }
      out.push({ message: messageFor(check, () => check.messageExpression?.evaluate(activation, budget)), reason: check.reason });
    }
    return out;
  };

  const objectionsOf = async (policy: Policy, binding: Binding, request: AdmissionRequest, as: Served): Promise<Objection[]> => {
    let params: (AnyObject | undefined)[];
    try {
      params = paramsOf(policy, binding, request);
    } catch (error) {
      return failure(policy, error, 'failed to configure binding: ');
    }
    const out: Objection[] = [];
    for (const param of params) {
      try {
        out.push(...(await checked(policy, request, as, param)));
      } catch (error) {
        out.push(...failure(policy, error));
      }
    }
    return out;
  };

  return {
    async validate(request) {
      const refusals: Objection[] = [];
      for (const policy of policies()) {
        if (policy.bindings.length === 0) continue;
        const labelsOf = (name: string): Readonly<Record<string, string>> | undefined => namespaceOf(name)?.metadata?.labels;
        const as = policy.matcher.match(request, labelsOf);
        if (!as) continue;
        for (const binding of policy.bindings) {
          if (binding.matcher && !binding.matcher.match(request, labelsOf)) continue;
          const actions = binding.spec.validationActions ?? [];
          for (const { message, reason } of await objectionsOf(policy, binding, request, as)) {
            if (actions.includes('Warn'))
              request.warn(`Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}': ${message}`);
            if (actions.includes('Deny'))
              refusals.push({
                message: `ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}' denied request: ${message}`,
                reason,
              });
          }
        }
      }
      const [first] = refusals;
      if (!first) return;
      const { message, details } = forbidden(request.def, request.name, first.message, [{ message: first.message }]);
      throw new ApiError(first.reason, message, details);
    },
  };
}

/** What speaks against a request when a policy could not be asked about it. */
function failure({ ignoresFailure }: Policy, error: unknown, prefix = ''): Objection[] {
  if (!(error instanceof EvaluationError)) throw error;
  return ignoresFailure ? [] : [{ message: prefix + error.message, reason: 'Invalid' }];
}

/** The policies with their bindings, in the order of their names. */
function indexPolicies(objects: readonly AnyObject[], bindings: readonly AnyObject[]): Policy[] {
  const bound = Map.groupBy(bindings as readonly ValidatingAdmissionPolicyBinding[], ({ spec }) => spec?.policyName ?? '');
  return objects.map((object) => {
    const { metadata, spec = {} } = object as unknown as ValidatingAdmissionPolicy;
    const name = metadata?.name ?? '';
    const { apiVersion = '', kind = '' } = spec.paramKind ?? {};
    return {
      name,
      matcher: matcherIn(spec.matchConstraints ?? {}),
      conditions: (spec.matchConditions ?? []).map(({ expression }) => expressionOf(expression, 'condition')),
      variables: (spec.variables ?? []).map(({ name: of, expression }) => ({ name: of, expression: expressionOf(expression, 'any') })),
      checks: (spec.validations ?? []).map(checkOf),
      ignoresFailure: spec.failurePolicy === 'Ignore',
      paramKind: spec.paramKind ? { apiVersion, kind } : undefined,
      bindings: (bound.get(name) ?? []).map(({ metadata: m, spec: s = {} }) => ({
        name: m?.name ?? '',
        matcher: s.matchResources && matcherIn(s.matchResources),
        spec: s,
      })),
    };
  });
}

function matcherIn({ resourceRules, excludeResourceRules, ...matched }: MatchResources): Matcher {
  return matcherOf({ ...matched, rules: resourceRules?.length ? resourceRules : [ANY], excluded: excludeResourceRules });
}

function checkOf({ expression, message = '', messageExpression, reason = 'Invalid' }: Validation): Check {
  return {
    expression: expressionOf(expression, 'condition'),
    message: message.trim(),
    messageExpression: messageExpression?.trim() ? expressionOf(messageExpression, 'message') : undefined,
    reason: reason as StatusReason,
  };
}

/** What is said of a check that did not hold: what its expression says, else its message, else the check itself. */
function messageFor({ expression, message }: Check, evaluate: () => unknown): string {
  let said: unknown;
  try {
    said = evaluate();
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
  }
  const text = typeof said === 'string' ? said.trim() : '';
  return (text.length > MAX_MESSAGE || text.includes('\n') ? '' : text) || message || `failed expression: ${expression.text.trim()}`;
}
