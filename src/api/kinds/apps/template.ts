import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { canonicalJson } from '../../../base/index.ts';
import { type Causes, checkLabels, checkTemplateSelector } from '../check.ts';
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

/** Checks what is common to all controllers whose pods run for ever. */
export function checkWorkload(
  causes: Causes,
  spec: WorkloadSpec | undefined,
  old: WorkloadSpec | undefined,
  claims?: readonly string[],
): void {
  if (!spec) return causes.required('spec');
  causes.nonNegative('spec.replicas', spec.replicas);
  causes.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  causes.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  checkTemplateSelector(causes, spec.selector, spec.template?.metadata?.labels);
  checkTemplate(causes, spec.template, ['Always'], 'spec.template', claims);
  if (old && canonicalJson(spec.selector ?? null) !== canonicalJson(old.selector ?? null)) {
    causes.invalid('spec.selector', spec.selector, 'field is immutable');
  }
}

/** Checks the pods a controller makes. */
export function checkTemplate(
  causes: Causes,
  template: PodTemplateSpec | undefined,
  restartPolicies: readonly string[],
  at = 'spec.template',
  claims?: readonly string[],
): void {
  if (!template) return causes.required(at);
  checkLabels(causes, `${at}.metadata.labels`, template.metadata?.labels);
  if (!template.spec) return causes.required(`${at}.spec.containers`);
  checkPodSpec(causes, `${at}.spec`, template.spec, claims);
  const policy = template.spec.restartPolicy;
  if (policy && ['Always', 'OnFailure', 'Never'].includes(policy)) causes.oneOf(`${at}.spec.restartPolicy`, policy, restartPolicies);
}

/** CONTAINERS and IMAGES, for `-o wide`. */
export function templateColumns<T>(template: (o: T) => PodTemplateSpec | undefined): [Column<T>, Column<T>] {
  return [wide('Containers', (o: T) => containersText(template(o)?.spec)), wide('Images', (o: T) => imagesText(template(o)?.spec))];
}

/** Checks a field that is a number or a percentage. */
export function checkIntOrPercent(causes: Causes, field: string, value: number | string | undefined): void {
  if (typeof value === 'number') causes.nonNegative(field, value);
  else if (value !== undefined && !/^\d+%$/.test(value)) {
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
