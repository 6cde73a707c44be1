import type { ParamRef, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from 'kubernetes-types/admissionregistration/v1.js';
import { ValidatingAdmissionPolicies, ValidatingAdmissionPolicyBindings } from '../../resources.ts';
import { type Causes, checkSelector, dnsSubdomain, follow, qualifiedName } from '../check.ts';
import { ageColumn, column, nameColumn, selectorText } from '../columns.ts';
import { define } from '../define.ts';
import { checkExpression } from './expressions.ts';
import { checkConditions, checkMatch, defaultMatch, FAILURE_POLICIES } from './rules.ts';

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const ACTIONS = ['Audit', 'Deny', 'Warn'];
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const validatingAdmissionPolicies = define<ValidatingAdmissionPolicy>({
  resource: ValidatingAdmissionPolicies,
  categories: ['api-extensions'],
  schema: 'k8s.io.api.admissionregistration.v1.ValidatingAdmissionPolicy',
  status: true,
  default(o) {
    if (!o.spec) return;
    o.spec.failurePolicy ??= 'Fail';
    if (o.spec.matchConstraints) defaultMatch(o.spec.matchConstraints);
    (o as { status?: object }).status ??= {};
  },
  check: checkPolicy,
  columns: [
    nameColumn,
    column('Validations', (o) => o.spec?.validations?.length ?? 0, 'integer'),
    column('ParamKind', (o) => (o.spec?.paramKind ? `${o.spec.paramKind.apiVersion}/${o.spec.paramKind.kind}` : '<unset>')),
    ageColumn,
  ],
});

function checkPolicy(causes: Causes, o: ValidatingAdmissionPolicy): void {
  const {
    failurePolicy,
    paramKind,
    matchConstraints,
    matchConditions,
    variables = [],
    validations = [],
    auditAnnotations = [],
  } = o.spec ?? {};
  causes.oneOf('spec.failurePolicy', failurePolicy, FAILURE_POLICIES);
  if (paramKind && !paramKind.apiVersion) causes.required('spec.paramKind.apiVersion');
  if (paramKind && !paramKind.kind) causes.required('spec.paramKind.kind');
  if (!matchConstraints) causes.required('spec.matchConstraints');
  else {
    checkMatch(causes, 'spec.matchConstraints', matchConstraints);
    if (!matchConstraints.resourceRules?.length) causes.required('spec.matchConstraints.resourceRules');
  }
  checkConditions(causes, 'spec.matchConditions', matchConditions);
  variables.forEach(({ name, expression }, i) => {
    if (!name) causes.required(`spec.variables[${i}].name`, 'name is not specified');
    else if (!IDENTIFIER.test(name)) causes.invalid(`spec.variables[${i}].name`, name, 'must be a valid CEL identifier');
    checkExpression(causes, `spec.variables[${i}].expression`, expression, 'any', 'expression is not specified');
  });
  if (validations.length === 0 && auditAnnotations.length === 0) {
    for (const field of ['validations', 'auditAnnotations'])
      causes.required(`spec.${field}`, 'validations or auditAnnotations must contain at least one item');
  }
  validations.forEach(({ expression, message, messageExpression, reason }, i) => {
    const at = `spec.validations[${i}]`;
    checkExpression(causes, `${at}.expression`, expression, 'condition', 'expression is not specified');
    if (messageExpression?.trim()) checkExpression(causes, `${at}.messageExpression`, messageExpression, 'message');
    for (const [field, text] of Object.entries({ message, messageExpression }))
      if (text && !text.trim()) causes.invalid(`${at}.${field}`, text, 'must be non-empty if specified');
    if (message && /[\r\n]/.test(message.trim())) causes.invalid(`${at}.message`, message, 'must not contain line breaks');
    causes.oneOf(`${at}.reason`, reason, REASONS);
  });
  auditAnnotations.forEach(({ key, valueExpression }, i) => {
    const at = `spec.auditAnnotations[${i}]`;
    if (!key) causes.required(`${at}.key`, 'key is not specified');
    else follow(causes, `${at}.key`, `${o.metadata?.name}/${key}`, qualifiedName);
    checkExpression(causes, `${at}.valueExpression`, valueExpression, 'annotation', 'valueExpression is not specified');
  });
}

export const validatingAdmissionPolicyBindings = define<ValidatingAdmissionPolicyBinding>({
  resource: ValidatingAdmissionPolicyBindings,
  categories: ['api-extensions'],
  schema: 'k8s.io.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
  default(o) {
    if (o.spec?.matchResources) defaultMatch(o.spec.matchResources);
  },
  check(causes, o) {
    const { policyName, paramRef, matchResources, validationActions = [] } = o.spec ?? {};
    if (!policyName) causes.required('spec.policyName');
    else follow(causes, 'spec.policyName', policyName, dnsSubdomain);
    if (paramRef) checkParamRef(causes, paramRef);
    if (matchResources) checkMatch(causes, 'spec.matchResources', matchResources);
    validationActions.forEach((action, i) => {
      causes.oneOf(`spec.validationActions[${i}]`, action, ACTIONS);
      if (validationActions.indexOf(action) < i) causes.duplicate(`spec.validationActions[${i}]`, action);
    });
    if (validationActions.length === 0) causes.required('spec.validationActions', 'at least one validation action is required');
    if (validationActions.includes('Deny') && validationActions.includes('Warn')) {
      causes.invalid(
        'spec.validationActions',
        validationActions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      );
    }
  },
  columns: [
    nameColumn,
    column('PolicyName', (o) => o.spec?.policyName ?? ''),
    column('ParamRef', (o) => paramText(o.spec?.paramRef)),
    ageColumn,
  ],
});

function checkParamRef(causes: Causes, { name, selector, parameterNotFoundAction }: ParamRef): void {
  const at = 'spec.paramRef';
  if (name && selector) {
    for (const field of ['name', 'selector']) causes.forbidden(`${at}.${field}`, 'name and selector are mutually exclusive');
  } else if (!name && !selector) causes.required(at, 'one of name or selector must be specified');
  checkSelector(causes, `${at}.selector`, selector);
  if (!parameterNotFoundAction) causes.required(`${at}.parameterNotFoundAction`);
  else causes.oneOf(`${at}.parameterNotFoundAction`, parameterNotFoundAction, ['Allow', 'Deny']);
}

function paramText(ref: ParamRef | undefined): string {
  if (ref?.name) return `${ref.namespace ?? '*'}/${ref.name}`;
  return ref?.selector ? selectorText(ref.selector) : '<unset>';
}
