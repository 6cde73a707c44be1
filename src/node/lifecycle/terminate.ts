import { sleep, type Clock } from '../../base/index.ts';
import type { Container, Pod } from '../objects.ts';
import type { ContainerRef, ContainerRuntime } from '../runtime/types.ts';
import type { ActionTarget, Prober } from './ports.ts';

/** How often a container that was told to end is looked at, in milliseconds. */
const LOOK = 100;
const DEFAULT_GRACE_SECONDS = 30;

/** How long the containers of a pod have to end, in milliseconds. `now` since the epoch. */
export function graceOf(pod: Pod, now: number): number {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  const asked = (pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000;
  if (!deletionTimestamp) return asked;
  // The API's times are cut to seconds: without the rest of that second a short grace would be none.
  const left = Date.parse(String(deletionTimestamp)) + 999 - now;
  return Math.max(0, Math.min(left, (deletionGracePeriodSeconds ?? asked / 1000) * 1000));
}

/** Ends a container: hook, SIGTERM, and SIGKILL when `grace` milliseconds are over. `hookFailed` hears why a hook did not work. */
export async function terminate(options: {
  readonly ref: ContainerRef;
  readonly container: Container;
  readonly target: ActionTarget;
  readonly grace: number;
  readonly clock: Clock;
  readonly prober: Prober;
  readonly runtime: Pick<ContainerRuntime, 'signal' | 'inspect'>;
  hookFailed(message: string): void;
}): Promise<void> {
  const { ref, container, target, grace, clock, prober, runtime } = options;
  const deadline = clock.monotonic() + grace;
  const hook = container.lifecycle?.preStop;
  if (hook?.sleep) await sleep(clock, Math.min(grace, hook.sleep.seconds * 1000));
  else if (hook && grace > 0) {
    const { ok, message } = await prober.run(target, hook, grace);
    if (!ok) options.hookFailed(message);
  }
  runtime.signal(ref, 'SIGTERM');
  while (runtime.inspect(ref).state === 'running') {
    const left = deadline - clock.monotonic();
    if (left <= 0) return void runtime.signal(ref, 'SIGKILL');
    await sleep(clock, Math.min(LOOK, left));
  }
}
