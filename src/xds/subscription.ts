import { TypeUrl, type EnvoyResource } from '../envoy/index.ts';
import type { DeltaRequest } from './wire.ts';

export type Resources = ReadonlyMap<string, EnvoyResource>;

/** The version under which we remember having said that there is no such resource. Real versions are never empty. */
const ABSENT = '';

interface InFlight {
  readonly nonce: string;
  /** name -> version of what was sent. */
  readonly sent: Map<string, string>;
  readonly removed: ReadonlySet<string>;
}

interface Rejection {
  readonly version: string;
  readonly message: string;
}

export interface Delta {
  readonly resources: EnvoyResource[];
  readonly removed: string[];
}

export type Answer =
  | { readonly kind: 'accepted'; readonly names: readonly string[] }
  /** The proxy refused exactly this resource. */
  | { readonly kind: 'rejected'; readonly name: string; readonly message: string }
  /** One of several was refused: they are tried in halves. */
  | { readonly kind: 'split' };

/**
 * One resource type on one stream: what the proxy asked for, what it holds and what it is to hold.
 * Holds no order between types (see `stream.ts`). One response at a time is in flight, so a slow proxy
 * is sent the latest state and never a backlog.
 */
export class Subscription {
  readonly typeUrl: TypeUrl;
  /** The proxy has spoken of this type on this stream. */
  opened = false;
  /** Held by the proxy but no longer wanted, with the time since when nothing refers to it (undefined: not known yet). */
  readonly gone = new Map<string, number | undefined>();
  #wildcard = false;
  /** The proxy waits to be told what there is, also when there is nothing. */
  #unanswered = false;
  readonly #names = new Set<string>();
  readonly #rejected = new Map<string, Rejection>();
  #desired: Resources = new Map();
  readonly #held = new Map<string, string>();
  /** Names for which desired and held may differ; everything else is known to agree. */
  readonly #dirty = new Set<string>();
  /** To be sent whatever version the proxy will declare when it opens. */
  readonly #overdue = new Set<string>();
  /** Groups that hold a resource which the proxy refused; each is sent alone. */
  #suspects: string[][] = [];
  #inFlight: InFlight | undefined;

  constructor(typeUrl: TypeUrl) {
    this.typeUrl = typeUrl;
  }

  get inFlight(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Subscribed names, without the wildcard. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** What the proxy refuses of what it is to hold, by name. */
  rejections(): Map<string, Rejection> {
    const out = new Map<string, Rejection>();
    for (const [name, rejection] of this.#rejected)
      if (this.wants(name) && this.#desired.get(name)?.version === rejection.version) out.set(name, rejection);
    return out;
  }

  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  holds(name: string): boolean {
    return (this.#held.get(name) ?? ABSENT) !== ABSENT;
  }

  /** What is asked for is found out first; until then nothing is said of it. */
  get #answeredLater(): boolean {
    return this.typeUrl === TypeUrl.secret || this.typeUrl === TypeUrl.virtualHost;
  }

  /** Takes the subscription part of a request. */
  subscribe(request: DeltaRequest): void {
    const first = !this.opened;
    this.opened = true;
    // Clusters, listeners and virtual hosts are all sent to a proxy that opens without names (the legacy form) or with `*`.
    const canBeWildcard = ([TypeUrl.cluster, TypeUrl.listener, TypeUrl.virtualHost] as TypeUrl[]).includes(this.typeUrl);
    if (canBeWildcard && ((first && request.subscribe.length === 0) || request.subscribe.includes('*'))) {
      this.#wildcard = true;
      this.#unanswered = first && request.initialVersions.size === 0;
      for (const name of this.#desired.keys()) this.#dirty.add(name);
    }
    for (const name of request.subscribe) {
      if (name === '*') continue;
      this.#names.add(name);
      // Asking again for what was already asked for means that it was forgotten.
      this.resend(name);
    }
    if (first) {
      for (const [name, version] of request.initialVersions) {
        if (!this.#overdue.has(name)) this.#held.set(name, version);
        if (!this.#wildcard) this.#names.add(name);
        this.#touch(name);
      }
    }
    for (const name of request.unsubscribe) {
      if (name === '*') this.#wildcard = false;
      this.#names.delete(name);
      if (this.#wildcard) continue;
      this.#held.delete(name);
      this.#inFlight?.sent.delete(name);
    }
  }

  /** From now on the proxy is to hold `desired`. */
  retarget(desired: Resources): void {
    for (const name of changedNames(this.#desired, desired)) this.#dirty.add(name);
    const before = this.#desired;
    this.#desired = desired;
    if (before === desired) return;
    for (const name of this.#dirty) this.#touch(name);
  }

  /** Sends `name` again although the proxy holds it, or is just being sent it. */
  resend(name: string): void {
    this.#held.delete(name);
    this.#inFlight?.sent.delete(name);
    this.#dirty.add(name);
    if (!this.opened) this.#overdue.add(name);
  }

  /** Additions and updates that are due now; nothing while a response is in flight. */
  due(): Delta | undefined {
    if (this.#inFlight) return undefined;
    while (this.#suspects.length > 0) {
      const group = this.#collect(this.#suspects[0]!);
      if (group.resources.length > 0) return group;
      this.#suspects.shift();
    }
    const delta = this.#collect(this.#dirty);
    return this.#unanswered || delta.resources.length + delta.removed.length > 0 ? delta : undefined;
  }

  /** Whether additions or updates are due or on their way. */
  get busy(): boolean {
    return this.#inFlight !== undefined || this.due() !== undefined;
  }

  send(nonce: string, delta: Delta): void {
    const sent = new Map(delta.resources.map((r) => [r.name, r.version]));
    this.#inFlight = { nonce, sent, removed: new Set(delta.removed) };
    this.#unanswered = false;
  }

  /** Takes the answer part of a request; undefined when it answers nothing that is in flight. */
  answer(request: DeltaRequest): Answer | undefined {
    const flight = this.#inFlight;
    if (!flight || request.nonce !== flight.nonce) return undefined;
    this.#inFlight = undefined;
    const names = [...flight.sent.keys()];
    for (const name of flight.removed) this.#concludeRemoval(name);
    if (request.error === undefined) {
      for (const [name, version] of flight.sent) {
        this.#held.set(name, version);
        this.#rejected.delete(name);
        this.#touch(name);
      }
      return { kind: 'accepted', names };
    }
    if (names.length > 1) {
      const middle = names.length >> 1;
      this.#suspects.unshift(names.slice(0, middle), names.slice(middle));
      return { kind: 'split' };
    }
    const name = names[0];
    if (name === undefined) return { kind: 'accepted', names };
    this.#rejected.set(name, { version: flight.sent.get(name)!, message: request.error });
    return { kind: 'rejected', name, message: request.error };
  }

  #concludeRemoval(name: string): void {
    this.gone.delete(name);
    this.#rejected.delete(name);
    if (this.#wildcard) this.#held.delete(name);
    else if (this.#names.has(name)) this.#held.set(name, ABSENT);
    this.#dirty.add(name);
  }

  /** Looks at a name again, and keeps `gone` in step. */
  #touch(name: string): void {
    this.#dirty.add(name);
    if (this.#desired.has(name)) this.gone.delete(name);
    else if (this.#wildcard && (this.#held.has(name) || this.#inFlight?.sent.has(name)) && !this.gone.has(name))
      this.gone.set(name, undefined);
  }

  /** What of `names` is to be sent; names that need nothing are no longer dirty. */
  #collect(names: Iterable<string>): Delta {
    const delta: Delta = { resources: [], removed: [] };
    for (const name of names) {
      const resource = this.#desired.get(name);
      const held = this.#held.get(name);
      if (resource?.unfit && this.wants(name)) this.#rejected.set(name, { version: resource.version, message: resource.unfit });
      if (resource && this.wants(name) && held !== resource.version && this.#rejected.get(name)?.version !== resource.version) {
        delta.resources.push(resource);
      } else if (!resource && held === undefined && this.#names.has(name) && !this.#answeredLater) {
        // Saying that there is none lets the proxy go on, instead of waiting out its fetch timeout.
        delta.removed.push(name);
      } else {
        this.#dirty.delete(name);
      }
    }
    return delta;
  }
}

/** Proxies that share resources share the comparison: it is made once for each pair of maps. */
const compared = new WeakMap<Resources, WeakMap<Resources, readonly string[]>>();

function changedNames(before: Resources, after: Resources): readonly string[] {
  if (before === after) return [];
  let of = compared.get(before);
  if (!of) compared.set(before, (of = new WeakMap()));
  let names = of.get(after);
  if (!names) {
    const changed: string[] = [];
    for (const [name, resource] of after) if (before.get(name) !== resource) changed.push(name);
    for (const name of before.keys()) if (!after.has(name)) changed.push(name);
    of.set(after, (names = changed));
  }
  return names;
}
