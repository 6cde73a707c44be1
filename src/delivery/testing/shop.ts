/** Several Canaries of one group, and their lives by seed while the controller is killed between any two writes. */
import assert from 'node:assert/strict';
import { Canaries, Deployments, GROUP, type CanaryAnalysis, type CanaryStatus } from '../../api/index.ts';
import { below, seededRng } from '../../base/index.ts';
import { canaryObject, deployment, image, NS, world, type World } from './world.ts';

export const MEMBERS = ['podinfo', 'cart', 'pay'] as const;

export interface Shop {
  readonly w: World;
  status(name: string): Promise<CanaryStatus>;
  release(name: string, version: number): Promise<void>;
  /** What each member's primary runs. */
  running(): Promise<string[]>;
  /** Lets time pass until it holds. */
  until(what: string, holds: () => Promise<boolean>, pass?: (ms: number) => Promise<void>): Promise<void>;
}

/** Three Canaries, all initialized, with their label. */
export async function shop(
  analysis: Partial<CanaryAnalysis> = {},
  of: Readonly<Record<string, Partial<CanaryAnalysis>>> = {},
): Promise<Shop> {
  const w = await world({ analysis: { ...analysis, ...of['podinfo'] } });
  for (const name of MEMBERS.slice(1)) {
    const { metadata, spec } = deployment('podinfo:1');
    const labels = { app: name };
    const template = { ...spec!.template, metadata: { labels } };
    const own = { ...spec!, selector: { matchLabels: labels }, template };
    await w.client.create(Deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...metadata, name }, spec: own });
    await w.client.create(Canaries, canaryObject({ ...analysis, ...of[name] }, {}, name));
  }
  for (const name of MEMBERS)
    await w.client.patch(Canaries, { namespace: NS, name }, { type: 'merge', body: { metadata: { labels: { [GROUP]: 'shop' } } } });
  const s: Shop = {
    w,
    status: async (name) => (await w.client.get(Canaries, { namespace: NS, name }))?.status ?? {},
    async release(name, version) {
      const body = { spec: { template: { spec: { containers: [{ name: 'podinfod', image: `podinfo:${version}` }] } } } };
      await w.client.patch(Deployments, { namespace: NS, name }, { type: 'strategic', body });
    },
    running: () => Promise.all(MEMBERS.map((name) => image(w, `${name}-primary`))),
    async until(what, holds, pass = (ms) => w.pass(ms)) {
      for (let t = 0; t < 600_000; t += 500) {
        if (await holds()) return;
        await pass(500);
      }
      const all = await Promise.all(MEMBERS.map(async (name) => `${name}: ${JSON.stringify(await s.status(name))}`));
      assert.fail(`never ${what}\n${all.join('\n')}\n${(await w.events()).join('\n')}`);
    },
  };
  await s.until('initialized', () => all(s, ['Initialized']));
  return s;
}

/** Whether every member is in one of these phases. */
export async function all(s: Shop, phases: readonly string[]): Promise<boolean> {
  const found = await Promise.all(MEMBERS.map((name) => s.status(name)));
  return found.every(({ phase = '' }) => phases.includes(phase));
}

/** Several releases of the whole group, some of which fail in one of its members; rejects when some are promoted and some are not. */
export async function simulateShop(seed: number): Promise<{ kills: number; promoted: number; failed: number }> {
  const rng = seededRng(seed);
  const s = await shop();
  const { w } = s;
  // A release of three takes hundreds of calls. Killed more often, one may begin after another has failed already, and is alone then.
  const every = 40 + below(rng, 160);
  let killed = false;
  let kills = 0;
  const arm = (): void => {
    killed = false;
    const die = ({ resource, subresource }: { resource: { plural: string }; subresource: string | undefined }): void => {
      if (resource.plural !== 'canaries' && subresource === 'status') return;
      killed ||= rng.next() < 1 / every;
      if (killed) throw new Error('killed');
    };
    w.client.hooks = { before: die, after: die };
  };
  const pass = async (ms: number): Promise<void> => {
    for (let t = 0; t < ms; t += 500) {
      await w.pass(500);
      if (!killed) continue;
      kills++;
      w.restart();
      arm();
    }
  };
  const count = { promoted: 0, failed: 0 };
  try {
    let version = 1;
    for (let i = 0; i < 4; i++) {
      version++;
      w.failing = new Set(below(rng, 2) === 0 ? [] : [MEMBERS[below(rng, MEMBERS.length)]!]);
      const before = await s.running();
      for (const name of MEMBERS.toSorted(() => rng.next() - 0.5)) {
        w.client.hooks = {};
        await s.release(name, version);
        arm();
        await pass(500 * below(rng, 20));
      }
      const tried = async (): Promise<boolean> => {
        const found = await Promise.all(MEMBERS.map((name) => s.status(name)));
        return found.every((f) => f.history?.filter((h) => h.endedAt).length === i + 1) && all(s, ['Succeeded', 'Failed']);
      };
      await s.until(`over: version ${version}`, tried, pass);
      const now = await s.running();
      const forward = now.every((r) => r === `podinfo:${version}`);
      assert.ok(forward || now.join() === before.join(), `${before.join()} became ${now.join()}`);
      assert.equal(forward, w.failing.size === 0, 'good ones are promoted, and bad ones are not');
      count[forward ? 'promoted' : 'failed']++;
    }
    return { kills, ...count };
  } finally {
    w.client.hooks = {};
    w.stop();
  }
}
