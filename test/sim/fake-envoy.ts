import assert from 'node:assert/strict';
import { sha256Hex, type Clock, type Rng } from '../../src/base/index.ts';
import { TypeUrl, type EnvoyResource } from '../../src/envoy/index.ts';
import type { Connection, Transport } from '../../src/xds/hub.ts';
import type { DeltaRequest, DeltaResponse } from '../../src/xds/wire.ts';

/** What the simulation puts into a resource instead of protobuf. */
export interface Content {
  readonly rev: number;
  /** Clusters of a route, or the route of a listener. */
  readonly refs?: readonly string[];
  /** Envoy refuses it. */
  readonly poison?: boolean;
}

export function fakeResource(typeUrl: TypeUrl, name: string, content: Content): EnvoyResource {
  const bytes = Buffer.from(JSON.stringify({ name, ...content }));
  return { typeUrl, name, version: sha256Hex(bytes, 12), bytes };
}

const contentOf = (r: EnvoyResource): Content => JSON.parse(Buffer.from(r.bytes).toString()) as Content;

const TYPES = [TypeUrl.cluster, TypeUrl.endpoint, TypeUrl.listener, TypeUrl.route, TypeUrl.virtualHost] as const;

interface Held {
  readonly resources: Map<string, EnvoyResource>;
  readonly names: Set<string>;
}

/**
 * Envoy as far as delta ADS goes: boots in Envoy's order, warms clusters until their endpoints come and says nothing
 * of clusters meanwhile, refuses poison, lags, loses its connection and comes back with what it holds. It checks after each message that no route names a
 * cluster that would not take its requests, and that nothing it holds is sent again.
 */
export class FakeEnvoy {
  readonly id: string;
  readonly held = new Map<TypeUrl, Held>(TYPES.map((t) => [t, { resources: new Map(), names: new Set() }]));
  /** Clusters that take requests. */
  readonly active = new Set<string>();
  readonly warming = new Set<string>();
  readonly refused = new Set<string>();
  connected = false;
  /** All clusters of the boot took requests once: from then on it is silent about clusters while some are warming. */
  #running = false;
  #withheld: (() => void)[] = [];
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #lagMs: number;
  #connection: Connection | undefined;
  #session = 0;
  #readyAt = 0;
  #opened = new Set<TypeUrl>();
  /** Endpoints that may come again: their cluster was changed. */
  #awaited = new Set<string>();

  constructor(id: string, clock: Clock, rng: Rng, lagMs: number) {
    this.id = id;
    this.#clock = clock;
    this.#rng = rng;
    this.#lagMs = lagMs;
  }

  connect(hub: { connect(transport: Transport): Connection }): void {
    const session = ++this.#session;
    this.connected = true;
    this.#withheld = [];
    this.#opened = new Set();
    this.#connection = hub.connect({
      send: (response) => this.#later(session, () => this.#take(response)),
      end: () => {
        if (session === this.#session) this.connected = false;
      },
    });
    this.#unlessWarming(TypeUrl.cluster, () => this.#open(TypeUrl.cluster));
    // Which of them it waits for is not said: it may be sent them all.
    if (!this.#opened.has(TypeUrl.cluster)) for (const name of this.#of(TypeUrl.endpoint).names) this.#awaited.add(name);
    // The rest follows when there are clusters; a proxy that comes back names everything at once.
    for (const type of TYPES.slice(1)) if (this.#of(type).resources.size > 0 || this.#of(type).names.size > 0) this.#open(type);
  }

  /** The connection breaks: what is on its way is lost, what is held stays. */
  drop(): void {
    this.#session++;
    this.#running ||= this.active.size > 0;
    this.connected = false;
    this.#connection?.closed();
    this.#connection = undefined;
  }

  /** A request comes for a host of which nothing is known. Envoy asks on its first one only. */
  ask(name: string): void {
    if (this.#of(TypeUrl.route).resources.size > 0) this.#subscribe(TypeUrl.virtualHost, name);
  }

  names(type: TypeUrl): ReadonlyMap<string, EnvoyResource> {
    return this.#of(type).resources;
  }

  #of(type: TypeUrl): Held {
    return this.held.get(type)!;
  }

  #later(session: number, fn: () => void): void {
    this.#readyAt = Math.max(this.#readyAt, this.#clock.now() + this.#rng.next() * this.#lagMs);
    this.#clock.after(this.#readyAt - this.#clock.now(), () => {
      if (session === this.#session) fn();
    });
  }

  #request(typeUrl: TypeUrl, part: Partial<DeltaRequest>): void {
    const session = this.#session;
    const request: DeltaRequest = {
      node: { id: this.id, cluster: '' },
      typeUrl,
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: '',
      ...part,
    };
    this.#later(session, () => this.#connection?.receive(request));
  }

  /** Nothing is said of clusters, neither ACK nor the opening of a new stream, while one waits for its endpoints. */
  #unlessWarming(type: TypeUrl, fn: () => void): void {
    if (type === TypeUrl.cluster && this.#running && this.warming.size > 0) this.#withheld.push(fn);
    else fn();
  }

  #warmed(cluster: string): void {
    if (!this.warming.delete(cluster)) return;
    this.active.add(cluster);
    if (this.warming.size > 0) return;
    this.#running = true;
    for (const fn of this.#withheld.splice(0)) fn();
    this.#open(TypeUrl.listener);
  }

  #open(type: TypeUrl): void {
    if (this.#opened.has(type)) return;
    this.#opened.add(type);
    const { resources, names } = this.#of(type);
    const all = type === TypeUrl.virtualHost ? ['*', ...names] : [...names];
    this.#request(type, { subscribe: all, initialVersions: new Map([...resources].map(([name, r]) => [name, r.version])) });
  }

  #subscribe(type: TypeUrl, name: string): void {
    const { names } = this.#of(type);
    if (names.has(name)) return;
    names.add(name);
    if (this.#opened.has(type)) this.#request(type, { subscribe: [name] });
    else this.#open(type);
  }

  #take(response: DeltaResponse): void {
    const type = response.typeUrl as TypeUrl;
    const held = this.#of(type);
    for (const r of response.resources) {
      const again =
        held.resources.get(r.name)?.version === r.version &&
        !this.#awaited.has(r.name) &&
        !response.resources.some((x) => contentOf(x).poison) &&
        !this.refused.size;
      assert.ok(!again, `${this.id}: ${r.name} was sent again although it is held`);
    }
    const bad = response.resources.filter((r) => contentOf(r).poison);
    const partial = type === TypeUrl.cluster || type === TypeUrl.listener;
    const good = bad.length > 0 && !partial ? [] : response.resources.filter((r) => !bad.includes(r));
    for (const r of bad) this.refused.add(r.name);
    const error = bad.length > 0 ? `refused: ${bad.map((r) => r.name).join()}` : undefined;
    for (const r of good) this.#apply(type, r);
    for (const name of response.removed) this.#remove(type, name);
    this.#unlessWarming(type, () => this.#request(type, { nonce: response.nonce, error }));
    this.#check();
  }

  #apply(type: TypeUrl, r: EnvoyResource): void {
    const held = this.#of(type);
    const changed = held.resources.get(r.name)?.version !== r.version;
    held.resources.set(r.name, r);
    switch (type) {
      case TypeUrl.cluster:
        if (!changed) break;
        this.warming.add(r.name);
        this.#awaited.add(r.name);
        this.#subscribe(TypeUrl.endpoint, r.name);
        break;
      case TypeUrl.endpoint:
        this.#awaited.delete(r.name);
        this.#warmed(r.name);
        break;
      case TypeUrl.listener:
        for (const route of contentOf(r).refs ?? []) this.#subscribe(TypeUrl.route, route);
        break;
      default:
        break;
    }
  }

  #remove(type: TypeUrl, name: string): void {
    const held = this.#of(type);
    held.resources.delete(name);
    if (type === TypeUrl.endpoint) this.#warmed(name);
    if (type === TypeUrl.cluster) {
      this.active.delete(name);
      this.warming.delete(name);
      this.#unsubscribe(TypeUrl.endpoint, name);
    }
    if (type === TypeUrl.listener) {
      const used = new Set([...held.resources.values()].flatMap((l) => contentOf(l).refs ?? []));
      for (const route of this.#of(TypeUrl.route).names) if (!used.has(route)) this.#unsubscribe(TypeUrl.route, route);
    }
  }

  #unsubscribe(type: TypeUrl, name: string): void {
    const held = this.#of(type);
    if (!held.names.delete(name)) return;
    held.resources.delete(name);
    this.#request(type, { unsubscribe: [name] });
  }

  #check(): void {
    for (const route of [...this.#of(TypeUrl.route).resources.values(), ...this.#of(TypeUrl.virtualHost).resources.values()]) {
      for (const cluster of contentOf(route).refs ?? []) {
        assert.ok(
          this.active.has(cluster) || this.refused.has(cluster),
          `${this.id}: route ${route.name} names cluster ${cluster}, which does not take requests`,
        );
      }
    }
  }
}
