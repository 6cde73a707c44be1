/**
 * A one-sided test of two rates that may be looked at any time. Pure.
 *
 * Of requests that went badly, a share falls on the canary. When the canary is no worse than the primary, that share is at most its
 * share `w` of all requests. For each risk ratio theta above 1 we bet on the canary being theta times as bad: a bad request
 * multiplies the bet by theta / (theta w + 1 - w) when it is the canary's, else by 1 / (theta w + 1 - w). While the canary is no
 * worse, no bet grows on average, so the mean of the bets ever reaches 1/alpha with a probability of at most alpha (Ville), however
 * often one looks and whatever the load, the weights and the common rate of failures do meanwhile.
 *
 * Form of Lindon and Malek (NeurIPS 2022, arXiv 2011.03567), made one-sided by the grid of ratios.
 */

/** The ratios bet on to show harm: from a third worse up to a version that fails altogether. */
export const HARM_RATIOS: readonly number[] = [1.3, 1.6, 2, 3, 5, 10, 30, 100];
/** The ratios, relative to the margin, bet on to show that there is no harm beyond it. */
export const SAFE_RATIOS: readonly number[] = [0.1, 0.3, 0.5, 0.7];

/** Natural logarithms of the bets, one a ratio. */
export type Bets = readonly number[];

export const noBets = (ratios: readonly number[]): Bets => ratios.map(() => 0);

/**
 * The bets after `bad` bad requests of which `canary` were the canary's, while it had the share `share` (0 to 1) of requests.
 * `margin` is the risk ratio at the edge of what is held to be true: 1 for harm at all, 2 for "at least twice as bad".
 *
 * The share may be the router's or the one that was counted over the same requests: given the counts, bad requests are drawn
 * without replacement, and for those a bet grows no faster (Hoeffding 1963, theorem 4).
 */
export function bet(bets: Bets, ratios: readonly number[], bad: number, canary: number, share: number, margin = 1): Bets {
  if (bad === 0) return bets;
  const v = (margin * share) / (margin * share + 1 - share);
  return bets.map((log, i) => log + canary * Math.log(ratios[i]!) - bad * Math.log(ratios[i]! * v + 1 - v));
}

/** The logarithm of the e-value: of the mean of the bets. */
export function logValue(bets: Bets): number {
  const most = Math.max(...bets);
  return most + Math.log(bets.reduce((sum, b) => sum + Math.exp(b - most), 0) / bets.length);
}

/** The logarithm of a weighted average of e-values, which is one itself: several tests share one error budget. Weights sum to 1. */
export function logAverage(parts: readonly { readonly log: number; readonly weight: number }[]): number {
  const most = Math.max(...parts.map((p) => p.log));
  return most + Math.log(parts.reduce((sum, p) => sum + p.weight * Math.exp(p.log - most), 0));
}

/**
 * Requests it still takes, on average, until bets against harm beyond the margin reach `target` (a logarithm) when the canary is as
 * good as the primary, bad requests come at the rate `badRate` (a fraction of all) and the canary has the share `share`.
 */
export function requestsToSafety(bets: Bets, target: number, badRate: number, share: number, margin: number): number {
  const v = (margin * share) / (margin * share + 1 - share);
  const perBad = SAFE_RATIOS.map((r) => share * Math.log(r) - Math.log(r * v + 1 - v));
  const left = perBad.map((gain, i) => (gain > 0 ? Math.max(0, target + Math.log(bets.length) - bets[i]!) / gain : Infinity));
  return badRate > 0 ? Math.ceil(Math.min(...left) / badRate) : Infinity;
}
