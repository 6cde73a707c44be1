/** The rules of a host, tried one after another. */
import { unsoundParts, type Rules } from '../mesh/index.ts';
import { routeHolds, type SeenRequest } from './evaluate.ts';
import { placeOf } from './explain-place.ts';
import { chosen, clustersOf } from './explain-route.ts';
import type { Step } from './explain-types.ts';
import type { Found } from './explain-where.ts';
import type { Json } from './json.ts';
import { originOf, unconcerned } from './route.ts';

/** Tries the routes in their order, up to the one that takes the request; says of the rules that made none why. */
export function walk(
  before: readonly Step[],
  routes: readonly Json[],
  holders: readonly Rules[],
  context: Parameters<typeof unconcerned>[1],
  request: SeenRequest,
): Omit<Found, 'listener'> {
  const steps = [...before];
  const made = new Map(holders.map((rules) => [rules, new Map<string, Json>()]));
  for (const route of routes) {
    const origin = originOf(route);
    if (origin) made.get(origin.rules)?.set(String(origin.at), route);
  }
  for (const rules of holders) {
    for (const [i, http] of (rules.spec.http ?? []).entries()) {
      const unsound = unsoundParts(http)[0];
      for (const [j, m] of (http.match?.length ? http.match : [undefined]).entries()) {
        const step = (matched: boolean, why: string): unknown => steps.push({ ...placeOf(rules, i, j), matched, why });
        const route = made.get(rules)!.get(String([i, j]));
        if (unsound) step(false, `left out: ${unsound.path}: ${unsound.message}`);
        else if (!route) step(false, (m && unconcerned(m, context, rules)) ?? 'left out: it has no destination');
        else {
          const verdict = routeHolds(route['match'] as Json, request);
          step(verdict.holds, verdict.why);
          if (verdict.holds) return { steps, route: chosen(route), json: route, clusters: clustersOf(route), http: true };
        }
      }
    }
  }
  return { steps, route: { does: 'respond', says: 'no rule of the host takes it', status: 404 }, clusters: [], http: true };
}
