/** Places where people wrote what holds for a request. */
import type { Rules } from '../mesh/index.ts';
import type { Step } from './explain-types.ts';

/** As in `VirtualService default/reviews`, `spec.http[0].match[1]`. */
export type Place = Pick<Step, 'object' | 'path'>;

/** Where one rule, or one match of it, was written. */
export function placeOf(rules: Rules, i: number, j: number): Place {
  const http = rules.spec.http?.[i];
  if (http?.written) return { object: objectText(http.written.by), path: http.written.at };
  return { object: objectText({ ...rules, kind: 'VirtualService' }), path: `spec.http[${i}]${http?.match?.length ? `.match[${j}]` : ''}` };
}

/** The objects that say the rules: a VirtualService itself, else each Ingress or route that has a part in them. */
export function writersOf(rules: Rules): readonly string[] {
  if (!rules.kind) return [objectText({ ...rules, kind: 'VirtualService' })];
  return [...new Set((rules.spec.http ?? []).flatMap((http) => (http.written ? [objectText(http.written.by)] : [])))];
}

function objectText(object: { readonly kind: string; readonly namespace?: string | undefined; readonly name: string }): string {
  return `${object.kind} ${object.namespace}/${object.name}`;
}

/** Whether both are of one object: where routes are delegated, those that hold are others than those that were written. */
export function sameRules(a: Rules, b: Rules | undefined): boolean {
  return a === b || (a.namespace === b?.namespace && a.name === b.name && a.hosts === b.hosts);
}
