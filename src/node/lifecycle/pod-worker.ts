import { isApiError, Pods } from '../../api/index.ts';
import { canonicalJson, messageOf, type Clock, type Log } from '../../base/index.ts';
import type { Client, EventRecorder, EventType } from '../../control/index.ts';
import type { PodNetworks } from '../net/types.ts';
import { NODE_ADDRESS } from '../net/addresses.ts';
import type { Container, EphemeralContainer, Pod } from '../objects.ts';
import { planContainer } from '../plan/container.ts';
import { ConfigProblem } from '../plan/env.ts';
import { planVolumes } from '../plan/volumes.ts';
import { StartError, type ContainerRef, type ContainerRuntime, type Inspection, type PodSetting } from '../runtime/types.ts';
import { captureOf } from './capture-annotations.ts';
import { decide, drains, ephemeralOf, restartPolicyOf, type Records } from './decide.ts';
import { podSetting } from './pod-files.ts';
import type { ActionTarget, PlanSource, PodRecords, Prober, TakenByProxy } from './ports.ts';
import { ProbeRunner } from './probe-runner.ts';
import { containerStep, NEW_CONTAINER, restarts, type ContainerEvent, type ContainerRecord, type WaitingNote } from './restart.ts';
import { phaseOf, podStatus } from './status.ts';
import { graceOf, terminate } from './terminate.ts';

export interface WorkerDeps {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly runtime: ContainerRuntime;
  readonly networks: Pick<PodNetworks, 'list' | 'create' | 'remove'>;
  readonly prober: Prober;
  readonly taken: TakenByProxy;
  readonly records: PodRecords;
  readonly plans: PlanSource;
  readonly clock: Clock;
  readonly log: Log;
}

/** After a failure to write or to set up, in milliseconds. */
const RETRY = 1000;
/** Grace of a pod whose object is gone without notice. */
const NO_GRACE = 1000;
/** How long a postStart hook may take. */
const HOOK_TIMEOUT = 60_000;

interface Run {
  readonly probes: ProbeRunner;
  readonly unwatch: () => void;
  stopping: Promise<void> | undefined;
}

/**
 * Brings one pod to what its object says: level-triggered, one step at a time. What it knows of containers is written down before
 * it acts on it, so that a later agent goes on where this one was killed.
 */
export class PodWorker {
  readonly #deps: WorkerDeps;
  readonly #log: Log;
  readonly uid: string;
  #pod: Pod;
  #records: Records;
  readonly #startTime: number;
  readonly #runs = new Map<string, Run>();
  #podIP: string | undefined;
  #obstacle = '';
  /** When what was fetched for the pod is to be renewed, in milliseconds since the epoch. */
  #fetchAt: number | undefined;
  /** What its proxy had taken when the leaving pod was last heard to serve, and when that was. */
  #heard: { readonly taken: number; readonly at: number } | undefined;
  /** The object is gone; what runs is to end. */
  #orphaned = false;
  #done = false;
  #dirty = false;
  #busy = false;
  #timer: { cancel(): void } | undefined;
  #written = '';
  #events: Promise<void> = Promise.resolve();
  readonly #onGone: () => void;

  constructor(pod: Pod, deps: WorkerDeps, onGone: () => void) {
    this.uid = pod.metadata!.uid!;
    this.#pod = pod;
    this.#deps = deps;
    this.#onGone = onGone;
    this.#log = deps.log.with({ pod: `${pod.metadata?.namespace}/${pod.metadata?.name}` });
    const known = deps.records.load(this.uid);
    this.#records = known?.records ?? {};
    this.#startTime = known?.startTime ?? deps.clock.now();
    this.#podIP = deps.networks.list().find((n) => n.uid === this.uid)?.ip;
    if (known) this.#adopt();
  }

  get pod(): Pod {
    return this.#pod;
  }

  get podIP(): string | undefined {
    return this.#podIP;
  }

  /** The run of a container to show: the current one, or the last; `previous` is the one before it. */
  ref(container: string, previous = false): ContainerRef | undefined {
    const record = this.#records[container];
    if (!record) return undefined;
    const attempt = (record.phase === 'waiting' ? record.attempt - 1 : record.attempt) - (previous ? 1 : 0);
    return attempt < 0 ? undefined : { uid: this.uid, container, attempt };
  }

  isRunning(container: string): boolean {
    return this.#records[container]?.phase === 'running';
  }

  /** The object has changed. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.wake();
  }

  /** The object is gone. */
  orphan(): void {
    this.#orphaned = true;
    this.wake();
  }

  /** Something the pod was planned from has changed, or time has passed. */
  wake(): void {
    this.#dirty = true;
    if (!this.#busy) void this.#work();
  }

  /** Lets go of the pod without touching it: the agent ends. */
  release(): void {
    this.#done = true;
    this.#timer?.cancel();
    for (const run of this.#runs.values()) {
      run.probes.stop();
      run.unwatch();
    }
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#dirty && !this.#done) {
      this.#dirty = false;
      try {
        await this.#sync();
      } catch (error) {
        this.#log.warn('a pod could not be brought up to date; trying again', { error: messageOf(error) });
        this.#wakeAt(this.#deps.clock.now() + RETRY);
      }
    }
    this.#busy = false;
  }

  #wakeAt(at: number): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(Math.max(0, at - this.#deps.clock.now()), () => this.wake());
  }

  async #sync(): Promise<void> {
    const { clock, runtime } = this.#deps;
    const pod = this.#orphaned ? asDeleted(this.#pod, clock.now()) : this.#pod;
    if (drains(pod) && ![...this.#runs.values()].some((run) => run.stopping !== undefined)) await this.#listen();
    const { start, stop, gone, wakeAt } = decide(pod, this.#records, clock.now(), this.#heard?.at);
    for (const name of stop) this.#stop(name, this.#grace(), `Stopping container ${name}`);
    if (gone) return this.#leave();
    if (start.length > 0) {
      const setting = await this.#prepare();
      if (setting) await Promise.all(start.map((name) => this.#start(name, setting)));
    } else if (phaseOf(pod, this.#records) === 'Running') await this.#refreshVolumes();
    const next = Math.min(wakeAt ?? Infinity, this.#fetchAt ?? Infinity, this.#obstacle ? clock.now() + RETRY : Infinity);
    if (next < Infinity) this.#wakeAt(next);
    await this.#writeStatus();
    // Kept: the last run and the one before it; `attempt` may be the run to come.
    for (const [name, record] of Object.entries(this.#records)) runtime.prune(this.uid, name, record.attempt - 2);
  }

  async #listen(): Promise<void> {
    const taken = await this.#deps.taken(this.uid);
    if (taken !== undefined && taken !== this.#heard?.taken) this.#heard = { taken, at: this.#deps.clock.now() };
  }

  /** Network and volumes; undefined, with an event, while they cannot be had. */
  async #prepare(): Promise<PodSetting | undefined> {
    const { networks, plans } = this.#deps;
    try {
      this.#podIP ??= networks.create(this.uid, captureOf(this.#pod)).ip;
    } catch (error) {
      return this.#blocked('FailedCreatePodSandBox', `Failed to create pod network: ${messageOf(error)}`);
    }
    try {
      this.#fetchAt = await plans.fetch(this.#pod);
      const inputs = plans.inputs(this.#pod, this.#podIP);
      const setting = podSetting(this.#pod, this.#podIP, planVolumes(this.#pod, inputs));
      this.#obstacle = '';
      return setting;
    } catch (error) {
      if (!(error instanceof ConfigProblem)) throw error;
      return this.#blocked('FailedMount', error.message);
    }
  }

  #blocked(reason: string, message: string): undefined {
    if (this.#obstacle !== message) this.#event('Warning', reason, message);
    this.#obstacle = message;
    return undefined;
  }

  async #refreshVolumes(): Promise<void> {
    const { runtime, plans } = this.#deps;
    try {
      this.#fetchAt = await plans.fetch(this.#pod);
      runtime.syncVolumes(this.uid, planVolumes(this.#pod, plans.inputs(this.#pod, this.#podIP ?? '')));
    } catch (error) {
      // What was mounted stays when its source goes, as on any node.
      if (!(error instanceof ConfigProblem)) throw error;
    }
  }

  async #start(name: string, setting: PodSetting): Promise<void> {
    const { runtime, plans, clock } = this.#deps;
    const { container } = this.#find(name)!;
    const record = this.#records[name] ?? NEW_CONTAINER;
    const planned = planContainer(this.#pod, container, plans.inputs(this.#pod, this.#podIP!));
    if ('waiting' in planned) return this.#refuse(name, record, planned.waiting);
    const ref = { uid: this.uid, container: name, attempt: record.attempt };
    this.#event('Normal', 'Pulled', `Container image "${planned.plan.image}" is here: ${planned.plan.imageNote}`);
    this.#event('Normal', 'Created', `Created container: ${name}`);
    try {
      await runtime.start(ref, planned.plan, setting, this.#neighbour(container));
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      return this.#refuse(name, record, { reason: 'RunContainerError', message: error.message });
    }
    this.#step(name, {
      type: 'started',
      at: clock.now(),
      hasStartupProbe: container.startupProbe !== undefined,
      hasReadinessProbe: container.readinessProbe !== undefined,
    });
    this.#event('Normal', 'Started', `Started container ${name}`);
    this.#follow(ref, container);
    void this.#postStart(ref, container);
  }

  #refuse(name: string, record: ContainerRecord, why: WaitingNote): void {
    const again = record.phase === 'waiting' && record.why !== undefined;
    const image = this.#find(name)!.container.image;
    if (why.reason === 'ErrImagePull') {
      this.#event('Warning', 'Failed', `Failed to pull image "${image}": ${why.message}`);
      this.#event('Warning', 'Failed', 'Error: ErrImagePull');
    } else if (!again || record.why.message !== why.message) this.#event('Warning', 'Failed', `Error: ${why.message}`);
    const shown =
      again && why.reason === 'ErrImagePull'
        ? { ...why, reason: 'ImagePullBackOff' as const, message: `Back-off pulling image "${image}": ${why.message}` }
        : why;
    this.#step(name, { type: 'refused', why: shown });
    this.wake();
  }

  async #postStart(ref: ContainerRef, container: Container): Promise<void> {
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    const { ok, message } = await this.#deps.prober.run(this.#target(ref, container), hook, HOOK_TIMEOUT);
    if (ok || this.#done) return;
    this.#event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${message}`);
    this.#stop(ref.container, this.#grace(), `FailedPostStartHook: container ${ref.container} will be restarted`);
  }

  #adopt(): void {
    for (const [name, record] of Object.entries(this.#records)) {
      const found = this.#find(name);
      if (!found) continue;
      const ref = { uid: this.uid, container: name, attempt: record.attempt };
      if (record.phase === 'running') this.#follow(ref, found.container, true);
      // Started by an agent that was killed before it could say so.
      else if (record.phase === 'waiting') {
        const now = this.#deps.runtime.inspect(ref);
        if (now.state === 'absent') continue;
        const { startupProbe, readinessProbe } = found.container;
        this.#step(name, {
          type: 'started',
          at: now.startedAt,
          hasStartupProbe: startupProbe !== undefined,
          hasReadinessProbe: readinessProbe !== undefined,
        });
        this.#follow(ref, found.container, true);
      }
    }
  }

  /** Takes part in the life of a running container: its probes and its end. `adopted`: an earlier agent has started it. */
  #follow(ref: ContainerRef, container: Container, adopted = false): void {
    const { runtime, prober, clock } = this.#deps;
    const name = ref.container;
    const record = this.#records[name]!;
    const probes = new ProbeRunner({
      clock,
      prober,
      target: this.#target(ref, container),
      listener: {
        started: () => this.#step(name, { type: 'startup-passed' }),
        ready: (ready) => this.#step(name, { type: 'readiness', ready }),
        unhealthy: (kind, message) => this.#event('Warning', 'Unhealthy', `${kind} probe failed: ${message}`),
        failed: (kind) => this.#stop(name, this.#grace(), `Container ${name} failed ${kind.toLowerCase()} probe, will be restarted`),
      },
    });
    const run: Run = { probes, unwatch: () => {}, stopping: undefined };
    this.#runs.set(name, run);
    const lost = adopted && isLost(runtime.inspect(ref));
    Object.assign(run, { unwatch: runtime.watch(ref, () => this.#ended(ref, lost)) });
    probes.start(container, record.phase === 'running' && record.started);
  }

  #ended(ref: ContainerRef, lost: boolean): void {
    const name = ref.container;
    this.#runs.get(name)?.probes.stop();
    this.#runs.delete(name);
    const found = this.#find(name);
    const seen = this.#deps.runtime.inspect(ref);
    const now = this.#deps.clock.now();
    const end = seen.state === 'exited' ? seen : { exitCode: 255, startedAt: now, finishedAt: now, message: 'The container is gone.' };
    const policy = found?.ephemeral ? 'Never' : found && restartPolicyOf(this.#pod, found.container, found.init);
    const leaving = this.#orphaned || this.#pod.metadata?.deletionTimestamp !== undefined;
    const { exitCode, startedAt, finishedAt, message } = end;
    this.#step(name, {
      type: 'exited',
      end: { exitCode, startedAt, finishedAt, message },
      restart: !leaving && restarts(policy, exitCode),
      lost,
    });
    const after = this.#records[name];
    if (after?.phase === 'waiting' && after.notBefore > now) {
      this.#event('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${this.#label()}`);
    }
  }

  /** Ends a container: hook, SIGTERM, and SIGKILL when the grace is over. Does nothing when it is being stopped already. */
  #stop(name: string, grace: number, why: string): void {
    const run = this.#runs.get(name);
    const ref = this.ref(name);
    const found = this.#find(name);
    if (!run || run.stopping || !ref || !found) return;
    run.probes.stop();
    this.#event('Normal', 'Killing', why);
    const { clock, prober, runtime } = this.#deps;
    const hookFailed = (message: string): void => this.#event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${message}`);
    const { container } = found;
    run.stopping = terminate({ ref, container, target: this.#target(ref, container), grace, clock, prober, runtime, hookFailed }).catch(
      (error: unknown) => this.#log.error('a container could not be stopped', { container: name, error: messageOf(error) }),
    );
  }

  async #leave(): Promise<void> {
    const { client, runtime, networks, plans } = this.#deps;
    const { namespace, name = '' } = this.#pod.metadata ?? {};
    if (!this.#orphaned) await this.#writeStatus();
    plans.forget(this.uid);
    await runtime.remove(this.uid);
    networks.remove(this.uid);
    if (!this.#orphaned) {
      const preconditions = { uid: this.uid };
      await client.delete(Pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions }).catch((error: unknown) => {
        // Another pod has the name by now.
        if (!isApiError(error, 'Conflict')) throw error;
      });
    }
    this.release();
    this.#onGone();
  }

  #step(name: string, event: ContainerEvent): void {
    if (this.#done) return;
    const { clock, records } = this.#deps;
    const before = this.#records[name] ?? NEW_CONTAINER;
    const after = containerStep(before, event, clock.now());
    if (after === before) return;
    this.#records = { ...this.#records, [name]: after };
    const { namespace = '', name: pod = '' } = this.#pod.metadata ?? {};
    records.save(this.uid, { namespace, name: pod, startTime: this.#startTime, records: this.#records });
    this.wake();
  }

  async #writeStatus(): Promise<void> {
    const { client, clock } = this.#deps;
    if (this.#orphaned) return;
    const inputs = {
      records: this.#records,
      podIP: this.#podIP,
      hostIP: NODE_ADDRESS,
      startTime: this.#startTime,
    };
    const status = podStatus(this.#pod, inputs, clock.now());
    const text = canonicalJson(status);
    if (text === this.#written) return;
    const { namespace, name = '' } = this.#pod.metadata ?? {};
    const written = await client.patch(
      Pods,
      { namespace, name },
      { type: 'merge', body: { metadata: { uid: this.uid }, status } },
      { subresource: 'status' },
    );
    this.#written = text;
    // The informer will say so too; until then conditions must not lose their times.
    if (written.metadata?.uid === this.uid) this.#pod = { ...this.#pod, status: written.status! };
  }

  #grace(): number {
    return this.#orphaned ? NO_GRACE : graceOf(this.#pod, this.#deps.clock.now());
  }

  #target(ref: ContainerRef, container: Container): ActionTarget {
    const ports = new Map((container.ports ?? []).flatMap((p) => (p.name ? [[p.name, p.containerPort] as const] : [])));
    return { ref, podIP: this.#podIP ?? '', ports };
  }

  #find(name: string): { container: Container; init: boolean; ephemeral?: boolean } | undefined {
    const { initContainers = [], containers = [] } = this.#pod.spec ?? {};
    const app = containers.find((c) => c.name === name);
    if (app) return { container: app, init: false };
    const init = initContainers.find((c) => c.name === name);
    if (init) return { container: init, init: true };
    const ephemeral = ephemeralOf(this.#pod).find((c) => c.name === name);
    return ephemeral && { container: ephemeral, init: false, ephemeral: true };
  }

  /** The container whose processes an ephemeral one is to see. */
  #neighbour(container: EphemeralContainer): ContainerRef | undefined {
    const { targetContainerName } = container;
    return targetContainerName ? this.ref(targetContainerName) : undefined;
  }

  #label(): string {
    const { name, namespace } = this.#pod.metadata ?? {};
    return `${name}_${namespace}(${this.uid})`;
  }

  #event(type: EventType, reason: string, message: string): void {
    if (this.#orphaned) return;
    const pod = { apiVersion: 'v1', kind: 'Pod', ...this.#pod };
    // One after the other: they are read in that order.
    this.#events = this.#events.then(() => this.#deps.events.record(pod, type, reason, message));
  }
}

const isLost = (seen: Inspection): boolean => seen.state === 'exited' && seen.lost === true;

/** A pod whose object is gone, as if it had been deleted in the ordinary way. */
function asDeleted(pod: Pod, now: number): Pod {
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date(now).toISOString() } };
}
