/** Where a pod may run: tolerations, affinity, spread. */
import type { Affinity, NodeSelectorTerm, PodAffinityTerm, PodSpec, Toleration } from 'kubernetes-types/core/v1.js';
import { type Causes, checkSelector, follow, labelValue, qualifiedName } from '../check.ts';

export function checkPlacement(causes: Causes, at: string, spec: PodSpec): void {
  spec.tolerations?.forEach((toleration, i) => checkToleration(causes, `${at}.tolerations[${i}]`, toleration));
  if (spec.affinity) checkAffinity(causes, `${at}.affinity`, spec.affinity);
  spec.topologySpreadConstraints?.forEach((constraint, i) => {
    const here = `${at}.topologySpreadConstraints[${i}]`;
    if (!(constraint.maxSkew > 0)) causes.invalid(`${here}.maxSkew`, constraint.maxSkew ?? 0, 'must be greater than zero');
    if (!constraint.topologyKey) causes.required(`${here}.topologyKey`, 'can not be empty');
    else follow(causes, `${here}.topologyKey`, constraint.topologyKey, qualifiedName);
    const when = constraint.whenUnsatisfiable ?? '';
    causes.oneOf(`${here}.whenUnsatisfiable`, when, ['DoNotSchedule', 'ScheduleAnyway']);
    checkSelector(causes, `${here}.labelSelector`, constraint.labelSelector);
  });
}

function checkToleration(causes: Causes, at: string, { key, operator = 'Equal', value, effect, tolerationSeconds }: Toleration): void {
  if (key) follow(causes, `${at}.key`, key, qualifiedName);
  else if (operator !== 'Exists') {
    causes.invalid(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"');
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    causes.invalid(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  if (operator === 'Equal') {
    if (value) follow(causes, `${at}.operator`, value, labelValue);
  } else if (operator === 'Exists') {
    if (value) causes.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'");
  } else causes.unsupported(`${at}.operator`, operator, ['Equal', 'Exists']);
  if (effect) causes.oneOf(`${at}.effect`, effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']);
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function checkAffinity(causes: Causes, at: string, { nodeAffinity, podAffinity, podAntiAffinity }: Affinity): void {
  const needed = nodeAffinity?.[REQUIRED];
  if (needed) {
    const terms = `${at}.nodeAffinity.${REQUIRED}.nodeSelectorTerms`;
    if (!needed.nodeSelectorTerms?.length) causes.required(terms, 'must have at least one node selector term');
    needed.nodeSelectorTerms?.forEach((term, i) => checkNodeTerm(causes, `${terms}[${i}]`, term));
  }
  nodeAffinity?.[PREFERRED]?.forEach(({ weight, preference }, i) => {
    const here = `${at}.nodeAffinity.${PREFERRED}[${i}]`;
    checkWeight(causes, `${here}.weight`, weight);
    checkNodeTerm(causes, `${here}.preference`, preference ?? {});
  });
  for (const [name, affinity] of Object.entries({ podAffinity, podAntiAffinity })) {
    affinity?.[REQUIRED]?.forEach((term, i) => checkPodTerm(causes, `${at}.${name}.${REQUIRED}[${i}]`, term));
    affinity?.[PREFERRED]?.forEach(({ weight, podAffinityTerm }, i) => {
      checkWeight(causes, `${at}.${name}.${PREFERRED}[${i}].weight`, weight);
      checkPodTerm(causes, `${at}.${name}.${PREFERRED}[${i}].podAffinityTerm`, podAffinityTerm ?? {});
    });
  }
}

function checkWeight(causes: Causes, field: string, weight = 0): void {
  if (weight < 1 || weight > 100) causes.invalid(field, weight, 'must be in the range 1-100');
}

function checkNodeTerm(causes: Causes, at: string, term: NodeSelectorTerm): void {
  term.matchExpressions?.forEach(({ key, operator, values = [] }, i) => {
    const here = `${at}.matchExpressions[${i}]`;
    follow(causes, `${here}.key`, key, qualifiedName);
    if (operator === 'In' || operator === 'NotIn') {
      if (!values.length) causes.required(`${here}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length) causes.forbidden(`${here}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else if (operator === 'Gt' || operator === 'Lt') {
      if (values.length !== 1) causes.required(`${here}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
    } else causes.invalid(`${here}.operator`, operator ?? '', 'not a valid selector operator');
  });
}

function checkPodTerm(causes: Causes, at: string, { topologyKey = '', labelSelector, namespaceSelector }: Partial<PodAffinityTerm>): void {
  checkSelector(causes, `${at}.labelSelector`, labelSelector);
  checkSelector(causes, `${at}.namespaceSelector`, namespaceSelector);
  if (!topologyKey) causes.required(`${at}.topologyKey`, 'can not be empty');
  follow(causes, `${at}.topologyKey`, topologyKey, qualifiedName);
}
