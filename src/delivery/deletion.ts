/** `revertOnDeletion`: a Canary that goes wakes the target and gives back Services and routes first. Pure. */
import {
  SOON_MS,
  canaryIs,
  decision,
  info,
  phaseOf,
  sinceMoved,
  targetReadiness,
  wantedReplicas,
  type Decision,
  type Observation,
} from './decision.ts';

export const FINALIZER = 'finalizer.flagger.app';

export const isHeld = (o: Observation): boolean => o.canary.metadata?.finalizers?.includes(FINALIZER) ?? false;

/** Never hangs: a target that does not become ready is given back as it is. */
export function terminate(o: Observation): Decision {
  if (!isHeld(o)) return decision(o, {});
  if (o.target) {
    const wake = { do: 'scale-target', replicas: wantedReplicas(o) } as const;
    if (phaseOf(o) !== 'Terminating')
      return decision(o, {
        effects: [wake],
        says: [info(`Terminating canary ${canaryIs(o)}`)],
        status: { phase: 'Terminating' },
        after: SOON_MS,
      });
    const isPatient = sinceMoved(o) <= o.settings.progressDeadlineMs;
    if (isPatient && targetReadiness(o).state === 'waiting') return decision(o, { effects: [wake], after: SOON_MS });
  }
  return decision(o, {
    effects: [...(o.target ? [{ do: 'give-back' } as const] : []), { do: 'let-go' }],
    says: [info(`Terminated canary ${canaryIs(o)}`)],
  });
}
