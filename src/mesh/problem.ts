import { keyText, type Key } from '../api/index.ts';

/** Something about an object that will not do what its author meant. */
export interface Problem {
  /** The object it is reported on. */
  readonly object: Key & { readonly kind: string };
  /** Istio's analyzer code where it has one (`IST0101`), else our own (`SLU...`). */
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  /** Where in the object, as in `spec.http[0].route[1].destination.subset`. */
  readonly path: string;
  /** What is wrong. */
  readonly message: string;
  /** What to change. */
  readonly fix: string;
}

/** `VirtualService default/reviews spec.http[0]: ... (IST0101). ...`, one line. */
export function problemText(p: Problem): string {
  return `${p.object.kind} ${keyText(p.object)} ${p.path}: ${p.message} (${p.code}) ${p.fix}`;
}
