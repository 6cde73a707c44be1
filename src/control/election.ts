/** One of several that acts: leader election by a Lease, as client-go has it, so that others' instances take part alike. */
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import { isApiError, Leases } from '../api/index.ts';
import { messageOf, rfc3339Micro, sleep, type Clock, type Log, type Rng } from '../base/index.ts';
import type { Client } from './client.ts';

/** Milliseconds, as client-go has them: a leader that cannot renew gives up well before anybody else may take over. */
const TIMES = {
  /** How long others wait for a leader that says nothing. */
  leaseMs: 15_000,
  /** How long a leader acts after the last time that it renewed. */
  renewMs: 10_000,
  /** Between two tries; of a candidate up to 2.2 times that. */
  retryMs: 2_000,
};
const JITTER = 1.2;
/** Candidates that wait for the same moment do not come at once. */
const JOSTLE_MS = 500;

export interface Leadership {
  /** Aborts when the work is to end: the lease is lost, or all is to end. */
  readonly signal: AbortSignal;
  /** Aborts when the lease is lost: from here on nothing may be written. */
  readonly lost: AbortSignal;
  /** Whether it may write at this moment. Also true to the clock when timers are late: a process may have stood still. */
  holds(): boolean;
}

export interface ElectionOptions {
  /** Its requests must end by themselves, well before `renewMs`. */
  readonly client: Client;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Of this process, and of no other. */
  readonly identity: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Ends it all: the work first, then the lease is let go, so that another need not wait. */
  readonly signal: AbortSignal;
}

/**
 * Leads whenever it can, until the signal aborts: `work` is begun anew each time that the lease is won, and is to end soon after its
 * signal has aborted. Rejects with what `work` threw.
 */
export async function electLeader(options: ElectionOptions, work: (leadership: Leadership) => Promise<void>): Promise<void> {
  const { client, lease: key, identity, clock, rng, signal } = options;
  const { leaseMs, renewMs, retryMs } = TIMES;
  const log = options.log.with({ lease: `${key.namespace}/${key.name}`, identity });
  /** The last state of the lease that was seen, and when it was first seen: the clocks of others do not matter. */
  let seen: { readonly revision: string | undefined; readonly at: number } | undefined;
  let leader: string | undefined;
  let heldMs = leaseMs;

  function see(lease: Lease, now: number): void {
    const revision = lease.metadata?.resourceVersion;
    if (seen?.revision !== revision) seen = { revision, at: now };
    const holder = lease.spec?.holderIdentity || undefined;
    if (holder !== leader && holder !== identity && holder) log.info(`new leader elected: ${holder}`);
    leader = holder;
  }

  /** Milliseconds until the lease has run out, if nothing more is heard of who holds it; 0 when it is free. */
  const left = (): number => (leader === undefined || seen === undefined ? 0 : Math.max(0, seen.at + heldMs - clock.monotonic()));

  /** When it was asked, by the monotonic clock, if the lease is ours from then on; undefined when it is not. */
  async function claim(): Promise<number | undefined> {
    const asked = clock.monotonic();
    const now = rfc3339Micro(clock.now());
    const found = await client.get(Leases, key);
    if (found) see(found, clock.monotonic());
    const { holderIdentity = '', leaseDurationSeconds, leaseTransitions = 0, acquireTime } = found?.spec ?? {};
    const mine = holderIdentity === identity;
    heldMs = leaseDurationSeconds === undefined ? leaseMs : leaseDurationSeconds * 1000;
    if (found && !mine && left() > 0) return undefined;
    const spec = {
      ...found?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: mine ? acquireTime : now,
      renewTime: now,
      leaseTransitions: found && !mine ? leaseTransitions + 1 : leaseTransitions,
    } as NonNullable<Lease['spec']>;
    const written = found ? await client.update(Leases, { ...found, spec }) : await client.create(Leases, { metadata: key, spec });
    see(written, clock.monotonic());
    return asked;
  }

  /** The same; whatever comes between is no success. */
  async function tried(): Promise<number | undefined> {
    try {
      return await claim();
    } catch (error) {
      const race = isApiError(error, 'Conflict') || isApiError(error, 'AlreadyExists');
      if (!signal.aborted) log[race ? 'debug' : 'warn']('the lease could not be had; trying again', { error: messageOf(error) });
      return undefined;
    }
  }

  async function release(): Promise<void> {
    try {
      const found = await client.get(Leases, key);
      if (found?.spec?.holderIdentity !== identity) return;
      const now = rfc3339Micro(clock.now());
      const spec = { ...found.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
      await client.update(Leases, { ...found, spec });
    } catch (error) {
      log.warn('the lease could not be let go: another takes over when it has run out', { error: messageOf(error) });
    }
  }

  /** Works while the lease is renewed. */
  async function lead(since: number): Promise<void> {
    let renewed = since;
    const lost = new AbortController();
    const over = new AbortController();
    const stop = new AbortController();
    const holds = (): boolean => !lost.signal.aborted && clock.monotonic() < renewed + renewMs;
    const lose = (): void => {
      if (lost.signal.aborted) return;
      log.error('the lease is lost: nothing is written any more');
      lost.abort();
      stop.abort();
    };
    const end = (): void => stop.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();

    async function renew(): Promise<void> {
      let deadline = clock.after(renewed + renewMs - clock.monotonic(), lose);
      const done = AbortSignal.any([over.signal, lost.signal]);
      for (await sleep(clock, retryMs, done); !done.aborted; await sleep(clock, retryMs, done)) {
        const asked = await tried();
        if (lost.signal.aborted) break;
        if (leader !== identity) lose();
        if (asked === undefined) continue;
        renewed = asked;
        deadline.cancel();
        deadline = clock.after(renewed + renewMs - clock.monotonic(), lose);
      }
      deadline.cancel();
    }

    log.info('became leader');
    const renewing = renew();
    try {
      await work({ signal: stop.signal, lost: lost.signal, holds });
    } finally {
      over.abort();
      signal.removeEventListener('abort', end);
      await renewing;
    }
    if (holds()) await release();
  }

  while (!signal.aborted) {
    const since = await tried();
    if (since !== undefined) await lead(since);
    else {
      const retry = retryMs * (1 + JITTER * rng.next());
      await sleep(clock, left() > 0 ? Math.min(retry, left() + JOSTLE_MS * rng.next()) : retry, signal);
    }
  }
}
