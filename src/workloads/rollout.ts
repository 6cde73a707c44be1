/**
 * The arithmetic of a rollout, on numbers alone. "Wanted" is what a replica set's spec asks for, "available" what its status
 * reports.
 */

/** What a rollout knows of one replica set. */
export interface SetCount {
  readonly name: string;
  readonly wanted: number;
  readonly available: number;
  /** How many pods the deployment could have at most when this set was last sized; for proportional scaling. */
  readonly sizedFor: number | undefined;
}

export interface Bounds {
  /** Pods beyond the wanted number. */
  readonly surge: number;
  /** Pods below the wanted number. */
  readonly unavailable: number;
}

/** A share of `total`: a number as it is, `"25%"` rounded up or down; 0 when it is neither. */
export function share(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return Math.max(0, value);
  const percent = /^(\d+)%$/.exec(value ?? '');
  if (!percent) return 0;
  const exact = (Number(percent[1]) * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}

/** Surge rounds up and unavailable down; when both come to 0 nothing could move, so one pod may be unavailable. */
export function rollingBounds(replicas: number, maxSurge: number | string = '25%', maxUnavailable: number | string = '25%'): Bounds {
  const surge = share(maxSurge, replicas, 'up');
  const unavailable = Math.min(replicas, share(maxUnavailable, replicas, 'down'));
  return surge === 0 && unavailable === 0 ? { surge, unavailable: Math.min(1, replicas) } : { surge, unavailable };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** The size of the new set: as far up as the surge lets it, never beyond the wanted number. */
export function newSetSize(replicas: number, bounds: Bounds, newWanted: number, oldSets: readonly SetCount[]): number {
  if (newWanted >= replicas) return replicas;
  const room = replicas + bounds.surge - newWanted - sum(oldSets.map((s) => s.wanted));
  return room <= 0 ? newWanted : newWanted + Math.min(room, replicas - newWanted);
}

/**
 * The sizes of the old sets (oldest first): first pods that are not available anyway, then available ones, as long as enough
 * stay available.
 */
export function oldSetSizes(replicas: number, bounds: Bounds, newSet: SetCount, oldSets: readonly SetCount[]): Map<string, number> {
  const sizes = new Map(oldSets.map((s) => [s.name, s.wanted]));
  const minAvailable = replicas - bounds.unavailable;
  const newUnavailable = newSet.wanted - newSet.available;
  let removable = newSet.wanted + sum(oldSets.map((s) => s.wanted)) - minAvailable - newUnavailable;
  for (const set of oldSets) {
    if (removable <= 0) break;
    const sick = Math.min(removable, Math.max(0, set.wanted - set.available));
    sizes.set(set.name, set.wanted - sick);
    removable -= sick;
  }
  let spare = newSet.available + sum(oldSets.map((s) => s.available)) - minAvailable;
  for (const set of oldSets) {
    const size = sizes.get(set.name)!;
    const healthy = Math.min(Math.max(0, spare), Math.max(0, removable), size);
    sizes.set(set.name, size - healthy);
    spare -= healthy;
    removable -= healthy;
  }
  return sizes;
}

/**
 * The sizes of all sets when the wanted number changes in the middle of a rollout: the change is spread over them in proportion to
 * their sizes; what rounding leaves over goes to the largest (of equals: the newest when growing, the oldest when shrinking).
 * `sets` oldest first, those of size 0 left out.
 */
export function proportionalSizes(replicas: number, surge: number, sets: readonly SetCount[]): Map<string, number> {
  const limit = replicas > 0 ? replicas + surge : 0;
  const change = limit - sum(sets.map((s) => s.wanted));
  const sizes = new Map(sets.map((s) => [s.name, s.wanted]));
  if (change === 0) return sizes;
  const ranked = [...(change > 0 ? [...sets].reverse() : sets)].sort((a, b) => b.wanted - a.wanted);
  let done = 0;
  for (const set of ranked) {
    const allowed = change - done;
    const exact = replicas === 0 ? -set.wanted : Math.round((set.wanted * limit) / (set.sizedFor || limit)) - set.wanted;
    const part = change > 0 ? Math.min(Math.max(exact, 0), allowed) : Math.max(Math.min(exact, 0), allowed);
    sizes.set(set.name, set.wanted + part);
    done += part;
  }
  const first = ranked[0];
  if (first) sizes.set(first.name, Math.max(0, sizes.get(first.name)! + change - done));
  return sizes;
}
