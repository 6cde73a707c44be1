import type { Clock, Timer } from '../../base/index.ts';
import type { Container, Probe } from '../objects.ts';
import type { ActionTarget, Prober } from './ports.ts';
import { NEW_PROBE, probeStep, probeTimes, type ProbeState } from './probe.ts';

export interface ProbeListener {
  started(): void;
  ready(ready: boolean): void;
  /** One probe failed; `kind` as Kubernetes writes it in events. */
  unhealthy(kind: 'Startup' | 'Liveness' | 'Readiness', message: string): void;
  /** The container has to be restarted. */
  failed(kind: 'Startup' | 'Liveness'): void;
}

/** Between tries of a container that has yet to come up, in milliseconds. */
const EAGER = 200;

/** Runs the probes of one run of a container: first startup, then liveness and readiness side by side. */
export class ProbeRunner {
  readonly #clock: Clock;
  readonly #prober: Prober;
  readonly #target: ActionTarget;
  readonly #listener: ProbeListener;
  readonly #timers = new Set<Timer>();
  #stopped = false;

  constructor(options: { clock: Clock; prober: Prober; target: ActionTarget; listener: ProbeListener }) {
    this.#clock = options.clock;
    this.#prober = options.prober;
    this.#target = options.target;
    this.#listener = options.listener;
  }

  /** `started`: the startup probe has succeeded before, under an earlier agent. */
  start(container: Container, started: boolean): void {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    const listener = this.#listener;
    const rest = (): void => {
      if (livenessProbe) {
        this.#repeat(livenessProbe, 'Liveness', (ok) => {
          if (!ok) listener.failed('Liveness');
          return !ok;
        });
      }
      if (readinessProbe) {
        this.#repeat(readinessProbe, 'Readiness', (ok) => {
          listener.ready(ok);
          return false;
        });
      } else listener.ready(true);
    };
    if (!startupProbe || started) return rest();
    this.#repeat(startupProbe, 'Startup', (ok) => {
      if (ok) {
        listener.started();
        rest();
      } else listener.failed('Startup');
      return true;
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }

  /** Calls `verdict` with each one reached, until it returns true. */
  #repeat(probe: Probe, kind: 'Startup' | 'Liveness' | 'Readiness', verdict: (ok: boolean) => boolean): void {
    const { delay, period, timeout } = probeTimes(probe);
    // Until the first success one looks more often than asked, so that a pod is ready when it is; that does not count as failing.
    let eager = kind !== 'Liveness' && (probe.successThreshold ?? 1) === 1;
    let state: ProbeState = NEW_PROBE;
    let countAt = -Infinity;
    const run = async (): Promise<void> => {
      const began = this.#clock.monotonic();
      const { ok, message } = await this.#prober.run(this.#target, probe, timeout);
      if (this.#stopped) return;
      if (ok) eager = false;
      if (ok || began >= countAt) {
        countAt = began + period;
        const before = state.verdict;
        state = probeStep(state, ok, probe);
        if (!ok) this.#listener.unhealthy(kind, message);
        if (state.verdict !== undefined && state.verdict !== before && verdict(state.verdict)) return;
      }
      const pause = eager ? Math.min(EAGER, countAt - began) : period;
      this.#after(Math.max(0, pause - (this.#clock.monotonic() - began)), run);
    };
    this.#after(delay, run);
  }

  #after(ms: number, run: () => Promise<void>): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      void run();
    });
    this.#timers.add(timer);
  }
}
