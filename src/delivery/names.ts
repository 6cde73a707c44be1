/** The names that belong to a release, and the label that tells its two sides apart. Pure. */

export const primaryName = (name: string): string => `${name}-primary`;
/** The version before the one that was promoted last, kept for an undo. */
export const previousName = (name: string): string => `${name}-previous`;
export const canaryName = (name: string): string => `${name}-canary`;

/** Labels that may tell one workload's pods from another's, in the order in which they are looked for, unless others are named. */
export const SELECTOR_LABELS: readonly string[] = ['app', 'name', 'app.kubernetes.io/name'];

export interface SelectorLabel {
  readonly label: string;
  readonly value: string;
}

interface Selecting {
  readonly spec?: unknown;
}

/** The label that tells target and primary apart; undefined when the target selects by none of `known`. */
export function selectorLabel(
  target: Selecting,
  { selectorLabels: known }: { selectorLabels: readonly string[] },
): SelectorLabel | undefined {
  const selector = (target.spec as { selector?: { matchLabels?: Record<string, string> } } | undefined)?.selector;
  const labels = selector?.matchLabels ?? {};
  const label = known.find((l) => labels[l] !== undefined);
  return label === undefined ? undefined : { label, value: labels[label]! };
}
