/**
 * Damaged objects of users through the whole way: API server, mesh, xDS, two real Envoys, conditions. An object is refused by the
 * API, or it stands and whatever Envoy refuses of it is said on it; a bystander's route is served, and follows its changes, throughout.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject } from '../../src/api/index.ts';
import { seededRng, sha256Hex } from '../../src/base/index.ts';
import type { ProxyState } from '../../src/xds/index.ts';
import { chance, oneOf } from '../fuzz/choice.ts';
import { makeBed, PROXIES, SIDECAR, type Bed, type Memory } from './bed.edge.ts';
import { damaged, valuesByField } from './damage.ts';
import { answerOfTurn, baseObjects, BYSTANDER, bystanders, corpus, idOf, isWide, routeOfTurn } from './objects.ts';

export interface MeshFuzzOptions {
  readonly seed: number;
  readonly objects: number;
  /** The number of the first, to go on with a run that ended there; each batch has its dice from the seed and its number. */
  readonly from?: number;
  /** Hears now and then how far it is, and at once what went wrong. */
  readonly progress?: (line: string) => void;
}

export interface MeshFuzzReport {
  readonly objects: number;
  readonly objectsPerSecond: number;
  readonly accepted: number;
  /** What Envoy refused, in its words, and how often. */
  readonly refusals: Readonly<Record<string, number>>;
  /** What went wrong, some of it. */
  readonly problems: readonly string[];
  readonly memory: readonly [before: Memory, after: Memory];
}

/** Objects that stand at a time. */
const BATCH = 25;
const SETTLE_MS = 20_000;
/** Conditions are written after half a second. */
const SAY_MS = 5000;
const MAX_PROBLEMS = 10;
const PROGRESS_MS = 15_000;
/** So much of a refusal is told in any case: an Event has room for no more. */
const TOLD = 600;
/** Kinds of refusals that are counted apart. */
const MAX_SAYINGS = 1000;

type Refusal = ProxyState['rejections'][number];

export async function runMeshFuzz(options: MeshFuzzOptions): Promise<MeshFuzzReport> {
  const problems: string[] = [];
  const refusals: Record<string, number> = {};
  const originals = corpus();
  const groups = [originals.filter((o) => !isWide(o)), originals.filter(isWide)] as const;
  const values = valuesByField(originals);
  const base = new Map(baseObjects().map((o) => [idOf(o), o]));
  const namespaces = [...base.values(), ...originals, ...bystanders()].map((o) => o.metadata?.namespace ?? 'default');
  const bed = await makeBed(seededRng(options.seed), [...new Set(namespaces)]);
  let refused = new Map<string, Refusal>();
  let turn = 0;
  let accepted = 0;
  const first = Math.floor((options.from ?? 0) / BATCH) * BATCH;
  let done = first;
  let before: Memory | undefined;
  const last = first + options.objects;
  const firstLook = first + Math.floor(options.objects / 10 / BATCH) * BATCH;
  const end = bed.xds.onAck((id, { rejections }) => {
    for (const r of rejections) refused.set(`${id} ${r.typeUrl} ${r.name} ${r.version}`, r);
  });

  /** Waits until all that was written has come to the proxies and the bystander is served, where it must be; says what is not so. */
  async function settle(mayBlock: boolean): Promise<string[]> {
    if (!(await bed.put(routeOfTurn(++turn)))) return ['the bystander cannot change its route'];
    let wrong: string[] = [];
    for (const deadline = performance.now() + SETTLE_MS; performance.now() < deadline; await pause(5)) {
      wrong = bed.made().includes(answerOfTurn(turn)) ? PROXIES.flatMap((id) => unanswered(bed, id)) : ['nothing was made of the objects'];
      if (!wrong.length && !mayBlock) wrong = await forgotten();
      if (!wrong.length) break;
    }
    return [...wrong, ...bed.complaints()];
  }

  /** What is refused may hold up the bystander's route; then what it was must stay. */
  async function forgotten(): Promise<string[]> {
    const good = [turn, ...(refused.size ? [turn - 1] : [])].map(answerOfTurn);
    const served = await bed.ask(BYSTANDER);
    const held = await bed.admin(SIDECAR, '/config_dump?resource=dynamic_route_configs&name_regex=^9080$').catch(String);
    return [
      ...(good.includes(served) ? [] : [`turn ${turn}: the gateway answers the bystander ${JSON.stringify(served)}`]),
      ...(good.some((answer) => held.includes(answer)) ? [] : [`turn ${turn}: the sidecar does not hold the bystander's route`]),
    ];
  }

  try {
    for (const object of [...bystanders(), ...base.values()])
      if (!(await bed.put(object))) throw new Error(`refused: ${JSON.stringify(object)}`);
    // What comes later is younger, by the second.
    await pause(1100);
    problems.push(...(await settle(false)));
    const began = performance.now();
    let told = began;
    const speed = (): number => Math.round(((done - first) / (performance.now() - began)) * 10_000) / 10;
    for (; done < last && problems.length < MAX_PROBLEMS; done += BATCH) {
      if (performance.now() - told > PROGRESS_MS) {
        told = performance.now();
        const memory = JSON.stringify(await bed.memory());
        options.progress?.(`seed ${options.seed}: ${done} of ${last}, ${speed()}/s, problems: ${problems.length}, MB: ${memory}`);
      }
      const rng = seededRng(parseInt(sha256Hex(Buffer.from(`${options.seed}/${done}`), 4), 16));
      const group = groups[chance(rng, 0.75) ? 0 : 1];
      const written = new Map<string, KubeObject>();
      for (let i = 0; i < BATCH; i++) {
        const original = oneOf(rng, group);
        const object = damaged(rng, original, bed.schemaOf(original), values);
        if (!(await bed.put(object))) continue;
        accepted++;
        written.set(idOf(object), object);
      }
      const wrong = await settle(group === groups[1]);
      for (const saying of [...refused.values()].map((r) => sayingOf(r.message)))
        if (refusals[saying] || Object.keys(refusals).length < MAX_SAYINGS) refusals[saying] = (refusals[saying] ?? 0) + 1;
      wrong.push(...(await unsaid(bed, refused, [...written.values()])));
      for (const object of written.values()) await bed.remove(object);
      for (const [id, object] of base) if (written.has(id)) await bed.put(object);
      refused = new Map();
      wrong.push(...(await settle(false)).map((text) => `after they are gone: ${text}`));
      for (const { name, message } of PROXIES.flatMap((id) => bed.xds.state(id).rejections))
        wrong.push(`after they are gone: ${name} is still refused: ${message}`);
      refused = new Map();
      if (wrong.length) {
        const found = [`objects ${done} to ${done + BATCH}`, ...wrong, ...[...written.values()].map((o) => JSON.stringify(o))].join('\n');
        problems.push(found);
        options.progress?.(found);
      }
      if (done === firstLook) before = await bed.memory();
    }
    const after = await bed.memory();
    const report = { objects: done - first, objectsPerSecond: speed(), accepted };
    return { ...report, refusals, problems, memory: [before ?? after, after] };
  } finally {
    end();
    await bed.close();
  }
}

function unanswered({ xds }: Bed, id: string): string[] {
  const { connected, acked, published } = xds.state(id);
  return connected && acked === published ? [] : [`${id} is ${connected ? '' : 'not '}connected and has answered ${acked} of ${published}`];
}

/** Envoy's words without the names of users. */
const sayingOf = (message: string): string => message.replaceAll(/'[^']*'|"[^"]*"|\d+/g, '_').slice(0, 160);

/** Of several clusters of one service that are refused for the same reason, an object tells of one. */
const withoutCluster = (text: string): string => text.replaceAll(/outbound\|\S+/g, '');

/** The refusals that no object tells of, in Envoy's words. An EnvoyFilter that is given up at the first of several tells of one. */
async function unsaid(bed: Bed, refusals: ReadonlyMap<string, Refusal>, objects: readonly KubeObject[]): Promise<string[]> {
  let left = [...refusals];
  for (const deadline = performance.now() + SAY_MS; left.length && performance.now() < deadline; await pause(50)) {
    const said: string[] = [];
    for (const object of objects) said.push(...(await bed.toldOf(object)));
    const standing = new Set(PROXIES.flatMap((id) => bed.xds.state(id).rejections.map((r) => r.message)));
    const givenUp = said.some((text) => text.includes('Envoy refuses the configuration with these patches'));
    left = left.filter(
      ([, { message }]) =>
        !said.some((text) => withoutCluster(text).includes(withoutCluster(message.slice(0, TOLD)))) && !(givenUp && !standing.has(message)),
    );
  }
  return left.map(([what, { message }]) => `nobody is told that ${what} is refused: ${message}`);
}
