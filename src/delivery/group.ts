/**
 * Release groups: the Canaries of a namespace that carry the same label `sluice.io/group` are promoted together or not at all. Pure.
 *
 * Each says in its own status, and in no other, how far it is: `ready` once all is tried, `locked` once it has seen every other member
 * that is under way ready. Who is locked no longer goes back for a reason of its own, and is promoted once it sees the others locked,
 * too. So nobody can fail after somebody was promoted, whatever is cut short between two writes: that all are locked does not change.
 */
import { type Canary, type CanaryStatus } from '../api/index.ts';
import { canaryIs, decision, info, SOON_MS, type Decision, type Observation, type Said } from './decision.ts';
import { beganAt } from './history.ts';
import { strategyOf } from './strategies/index.ts';

/** The other members of a canary's group. */
export interface Group {
  readonly name: string;
  readonly others: readonly Canary[];
}

const UNDER_WAY: ReadonlySet<string | undefined> = new Set(['Waiting', 'Progressing', 'WaitingPromotion']);

type State = NonNullable<CanaryStatus['group']>['state'];

const stateOf = ({ status }: Canary): State | undefined => (status?.phase === 'WaitingPromotion' ? status.group?.state : undefined);
const nameOf = ({ metadata }: Canary): string => metadata?.name ?? '';

/** Members that have nothing new to release do not count. */
const underWay = (o: Observation): readonly Canary[] => o.group?.others.filter((c) => UNDER_WAY.has(c.status?.phase)) ?? [];

export const isReady = (o: Observation): boolean => o.group !== undefined && stateOf(o.canary) === 'ready';
export const isLocked = (o: Observation): boolean => o.group !== undefined && stateOf(o.canary) === 'locked';

/** All has been tried here: `promote` now, or when the others have come as far. */
export function together(o: Observation, says: Said[], promote: () => Decision): Decision {
  const others = underWay(o);
  if (others.length === 0) return promote();
  if (isReady(o)) return allReady(o) ?? waiting(o, says);
  return waiting(o, [...says, info(`${canaryIs(o)} is ready to be promoted, together with its group ${o.group!.name}`)]);
}

/** The lock, once every member that is under way is ready. */
export function allReady(o: Observation): Decision | undefined {
  if (underWay(o).some((c) => stateOf(c) === undefined)) return undefined;
  return decision(o, { status: { phase: 'WaitingPromotion', group: { name: o.group!.name, state: 'locked' } }, after: 0 });
}

function waiting(o: Observation, says: Said[]): Decision {
  const awaited = underWay(o).filter((c) => stateOf(c) === undefined);
  const names = awaited.map(nameOf).toSorted().join(', ');
  return decision(o, {
    says,
    status: { phase: 'WaitingPromotion', group: { name: o.group!.name, state: 'ready' } },
    message: names ? `Waiting for ${names} of group ${o.group!.name}.` : `Waiting for group ${o.group!.name}.`,
    after: awaited.length > 0 ? o.settings.intervalMs : SOON_MS,
    stepped: true,
  });
}

/** What a locked member does: it is promoted with the others, unless one of them has begun anew. */
export function whenLocked(o: Observation, promote: () => Decision): Decision {
  const states = new Set(underWay(o).map(stateOf));
  if (states.has(undefined)) return waiting(o, []);
  if (states.has('ready')) return decision(o, { after: SOON_MS });
  const strategy = strategyOf(o.settings);
  // In blue/green testing all users move to the canary first.
  const step = strategy.isTried(o) ? strategy.step(o) : undefined;
  if (!step?.weights) return promote();
  return decision(o, {
    effects: [{ do: 'route', weights: step.weights }],
    says: [...step.says],
    status: step.status,
    after: o.settings.intervalMs,
  });
}

/** The others that were promoted with it and have not gone back, as an undo adds them; empty where there are none. */
export function keepers(o: Observation): string {
  const kept = o.group?.others.filter(({ status }) => status?.previous && status.undone === undefined) ?? [];
  const names = kept.map(nameOf).toSorted().join(', ');
  return names && `; ${names} of group ${o.group!.name} keep their new versions until they are undone, too`;
}

/** A member that was rolled back since this release began, or since it waits to begin: all go back with it. */
export function fallen(o: Observation): string | undefined {
  if (!o.group) return undefined;
  const { status = {} } = o.canary;
  const since = beganAt(status) ?? Date.parse(status.conditions?.[0]?.lastTransitionTime ?? '');
  const member = o.group.others.find(({ status: s }) => {
    const last = s?.history?.at(-1);
    return s?.phase === 'Failed' && last?.outcome === 'RolledBack' && Date.parse(last.endedAt ?? '') >= since;
  });
  return member && `${nameOf(member)} of group ${o.group.name} was rolled back`;
}
