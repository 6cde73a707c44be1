import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock, below, seededRng, silentLog, type Rng } from '../../src/base/index.ts';
import { TypeUrl, type EnvoyResource, type ProxyResources } from '../../src/envoy/index.ts';
import { createHub } from '../../src/xds/hub.ts';
import { LINGER_MS } from '../../src/xds/stream.ts';
import { FakeEnvoy, fakeResource } from './fake-envoy.ts';

const RUNS = 60;
const STEPS = 120;

/** A mesh that changes at random and is always consistent in itself: routes name only clusters that exist. */
class RandomMesh {
  readonly #rng: Rng;
  readonly #poison: boolean;
  #clusters = new Map<string, EnvoyResource>();
  #endpoints = new Map<string, EnvoyResource>();
  #routes = new Map<string, EnvoyResource>();
  #listeners = new Map<string, EnvoyResource>();
  #hosts = new Map<string, { refs: string[]; resource: EnvoyResource }>();
  #rev = 0;

  constructor(rng: Rng, poison: boolean) {
    this.#rng = rng;
    this.#poison = poison;
    for (let i = 0; i < 5; i++) this.#addCluster(`c${i}`);
    this.#routeAnew('r0');
    this.#listeners.set('l0', fakeResource(TypeUrl.listener, 'l0', { rev: 0, refs: ['r0'] }));
  }

  /** For a proxy that has asked for these virtual hosts. */
  snapshot(asked: ReadonlySet<string>): ProxyResources {
    return {
      clusters: new Map(this.#clusters),
      endpoints: new Map(this.#endpoints),
      routes: new Map(this.#routes),
      listeners: new Map(this.#listeners),
      virtualHosts: new Map([...asked].map((name) => [name, this.#host(name)])),
    };
  }

  change(): void {
    const name = `c${below(this.#rng, 12)}`;
    switch (below(this.#rng, 7)) {
      case 6: {
        const host = hostName(this.#rng);
        const refs = [this.#pick(this.#clusters)];
        this.#hosts.set(host, { refs, resource: fakeResource(TypeUrl.virtualHost, host, { rev: ++this.#rev, refs }) });
        break;
      }
      case 0:
        this.#addCluster(name);
        break;
      case 1:
        if (this.#clusters.size < 3 || !this.#clusters.delete(name)) break;
        this.#endpoints.delete(name);
        for (const route of this.#routes.keys()) this.#routeAnew(route);
        break;
      case 2:
        if (this.#clusters.has(name)) this.#endpoints.set(name, fakeResource(TypeUrl.endpoint, name, { rev: ++this.#rev }));
        break;
      case 3:
      case 4:
        this.#routeAnew(this.#pick(this.#routes));
        break;
      default: {
        const i = 1 + below(this.#rng, 3);
        if (this.#listeners.delete(`l${i}`)) this.#routes.delete(`r${i}`);
        else {
          this.#routeAnew(`r${i}`);
          this.#listeners.set(
            `l${i}`,
            fakeResource(TypeUrl.listener, `l${i}`, { rev: ++this.#rev, refs: [`r${i}`], poison: this.#unlucky() }),
          );
        }
      }
    }
  }

  #host(name: string): EnvoyResource {
    const host = this.#hosts.get(name);
    return host && this.#stands(host.refs) ? host.resource : fakeResource(TypeUrl.virtualHost, name, { rev: 0 });
  }

  #stands(refs: readonly string[]): boolean {
    return refs.every((c) => this.#clusters.has(c));
  }

  #unlucky(): boolean {
    return this.#poison && this.#rng.next() < 0.15;
  }

  #pick(map: ReadonlyMap<string, unknown>): string {
    return [...map.keys()][below(this.#rng, map.size)]!;
  }

  #addCluster(name: string): void {
    this.#clusters.set(name, fakeResource(TypeUrl.cluster, name, { rev: ++this.#rev, poison: this.#rev > 5 && this.#unlucky() }));
    // A cluster may change while its endpoints do not.
    if (this.#endpoints.has(name) && this.#rng.next() < 0.5) return;
    this.#endpoints.set(name, fakeResource(TypeUrl.endpoint, name, { rev: ++this.#rev }));
  }

  #routeAnew(name: string): void {
    const refs = [this.#pick(this.#clusters), this.#pick(this.#clusters)];
    this.#routes.set(name, fakeResource(TypeUrl.route, name, { rev: ++this.#rev, refs, poison: this.#rev > 20 && this.#unlucky() }));
  }
}

function hostName(rng: Rng): string {
  return `r0/h${below(rng, 6)}`;
}

async function run(seed: number, poison: boolean): Promise<void> {
  const rng = seededRng(seed);
  const clock = new VirtualClock(0);
  const options = { clock, log: silentLog, resolve: (node: { id: string }) => ({ proxyId: node.id }), secrets: async () => undefined };
  let hub = createHub(options);
  const mesh = new RandomMesh(rng, poison);
  const envoys = Array.from({ length: 3 }, (_, i) => new FakeEnvoy(`envoy-${i}`, clock, rng, [2, 30, 300][i]!));
  const publish = (): void => {
    for (const envoy of envoys) hub.publish(envoy.id, mesh.snapshot(hub.asked(envoy.id)));
  };
  const listen = (): unknown => hub.onAsk((id, asked) => hub.publish(id, mesh.snapshot(asked), 'now'));
  listen();
  publish();
  for (let i = 0; i < STEPS; i++) {
    const dice = rng.next();
    const envoy = envoys[below(rng, envoys.length)]!;
    if (dice < 0.08) envoy.drop();
    else if (dice < 0.1) {
      // The control plane is killed; the next one knows the mesh, not the proxies.
      for (const e of envoys) e.drop();
      hub = createHub(options);
      listen();
      publish();
    } else if (dice < 0.25) envoy.ask(hostName(rng));
    else {
      mesh.change();
      publish();
    }
    for (const e of envoys) if (!e.connected && rng.next() < 0.3) e.connect(hub);
    await clock.advance(below(rng, 4) === 0 ? below(rng, 2000) : below(rng, 40));
  }
  for (const e of envoys) if (!e.connected) e.connect(hub);
  await clock.advance(120_000 + LINGER_MS);
  for (const envoy of envoys) {
    const last = mesh.snapshot(hub.asked(envoy.id));
    const wanted = new Set([...last.listeners.values()].flatMap((l) => (envoy.refused.has(l.name) ? [] : [l.name.replace('l', 'r')])));
    for (const [type, resources] of [
      [TypeUrl.cluster, last.clusters],
      [TypeUrl.listener, last.listeners],
      [TypeUrl.endpoint, last.endpoints],
      [TypeUrl.virtualHost, last.virtualHosts],
      [TypeUrl.route, new Map([...last.routes].filter(([name]) => wanted.has(name)))],
    ] as const) {
      const held = envoy.names(type);
      for (const [name, r] of resources) {
        const refused = hub.state(envoy.id).rejections.some((x) => x.name === name);
        if (!refused) assert.equal(held.get(name)?.version, r.version, `${envoy.id} has not the last ${type} ${name}`);
      }
      // Clusters stay while an old route may still name them.
      const removed =
        type === TypeUrl.listener ||
        (type === TypeUrl.cluster && !hub.state(envoy.id).rejections.some((x) => x.typeUrl !== TypeUrl.cluster));
      if (removed) for (const name of held.keys()) assert.ok(resources.has(name), `${envoy.id} still has ${name}`);
    }
    const state = hub.state(envoy.id);
    assert.deepEqual([...envoy.warming], [], `${envoy.id} waits for endpoints`);
    assert.equal(state.acked, state.published, `${envoy.id} is not settled`);
  }
}

for (const poison of [false, true]) {
  test(`proxies that lag, drop${poison ? ', refuse' : ''} and come back always hold a consistent mesh and end at the last one`, async () => {
    const base = Number(process.env['SLUICE_SEED'] ?? 1);
    for (let seed = base; seed < base + RUNS; seed++) {
      try {
        await run(seed, poison);
      } catch (error) {
        throw new Error(`seed ${seed} (run it alone with SLUICE_SEED=${seed})`, { cause: error });
      }
    }
  });
}
