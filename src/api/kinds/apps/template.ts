import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { canonicalJson } from '../../../base/index.ts';
import { type Causes, checkAnnotations, checkLabels, checkTemplateSelector, type SelectorWords } from '../check.ts';
import { containersText, imagesText, wide } from '../columns.ts';
import type { Column } from '../../kind.ts';
import type { LabelSelectorObject } from '../../selector.ts';
import { checkPodSpec } from '../core/pod-validation.ts';

/** What the specs of controllers that make pods have in common. */
export interface WorkloadSpec {
  replicas?: number;
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  selector?: LabelSelectorObject;
  template?: PodTemplateSpec;
}

/** How kinds differ in what they say of a wrong spec. */
export interface WorkloadWords extends SelectorWords {
  /** Whose pods have no deadline. */
  readonly deadline: string;
  /** Volumes that pods get from elsewhere. */
  readonly claims?: readonly string[] | undefined;
}

/** Checks what is common to all controllers whose pods run for ever. */
export function checkWorkload(causes: Causes, spec: WorkloadSpec = {}, old: WorkloadSpec | undefined, words: WorkloadWords): void {
  causes.nonNegative('spec.replicas', spec.replicas);
  causes.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  causes.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  checkTemplateSelector(causes, spec.selector, spec.template?.metadata?.labels, words);
  checkTemplate(causes, spec.template, ['Always'], 'spec.template', words.claims);
  if (spec.template?.spec?.activeDeadlineSeconds !== undefined) {
    causes.forbidden('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${words.deadline} is not Supported`);
  }
  if (old && canonicalJson(spec.selector ?? null) !== canonicalJson(old.selector ?? null)) {
    causes.invalid('spec.selector', spec.selector, 'field is immutable');
  }
}

/** Checks the pods a controller makes. */
export function checkTemplate(
  causes: Causes,
  template: PodTemplateSpec = {},
  restartPolicies: readonly string[] | undefined,
  at = 'spec.template',
  claims?: readonly string[],
): void {
  checkLabels(causes, `${at}.labels`, template.metadata?.labels);
  checkAnnotations(causes, `${at}.annotations`, template.metadata?.annotations);
  const spec = template.spec ?? { containers: [] };
  checkPodSpec(causes, `${at}.spec`, spec, claims);
  if (spec.ephemeralContainers?.length)
    causes.forbidden(`${at}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template');
  if (restartPolicies && spec.restartPolicy) causes.oneOf(`${at}.spec.restartPolicy`, spec.restartPolicy, restartPolicies);
}

/** CONTAINERS and IMAGES, for `-o wide`. */
export function templateColumns<T>(template: (o: T) => PodTemplateSpec | undefined): [Column<T>, Column<T>] {
  return [wide('Containers', (o: T) => containersText(template(o)?.spec)), wide('Images', (o: T) => imagesText(template(o)?.spec))];
}

/** Checks a field that is a number or a percentage. */
export function checkIntOrPercent(
  causes: Causes,
  field: string,
  value: number | string | undefined,
  { most = Infinity }: { most?: number } = {},
): void {
  if (typeof value === 'number') causes.nonNegative(field, value);
  else if (value !== undefined && /^\d+%$/.test(value)) {
    if (Number.parseInt(value, 10) > most) causes.invalid(field, value, `must not be greater than ${most}%`);
  } else if (value !== undefined) {
    causes.invalid(
      field,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    );
  }
}

/** True for `0` and `0%`. */
export const isZero = (value: number | string | undefined): boolean => value === 0 || value === '0' || value === '0%';

/** Where `scale` reads and writes in kinds with replicas. */
export const SCALE = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } as const;
