import type { LabelSelector } from 'kubernetes-types/meta/v1.js';
import { labelSelectorOf, type KubeObject } from '../api/index.ts';

/** Whether labels satisfy a selector; an absent selector matches nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>> | undefined): boolean {
  return labelSelectorOf(selector).matches(labels);
}

/** True for the empty selector, which Deployments and the like must not have: it would claim every pod. */
export function selectsAll(selector: LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions?.length ?? 0) === 0;
}

export function annotation(object: KubeObject, name: string): string | undefined {
  return object.metadata?.annotations?.[name];
}

/** The annotation as a whole number. */
export function numberAnnotation(object: KubeObject, name: string): number | undefined {
  const text = annotation(object, name);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}
