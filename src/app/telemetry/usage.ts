/** What pods and their node use at present, from counters that are looked at only while somebody asks. */
import { keyText } from '../../api/index.ts';
import { sleep, type Clock } from '../../base/index.ts';

/** One look at the node's counters; `cpuSeconds` only grow while a container lives. */
export interface Look {
  readonly node: Counters;
  readonly pods: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly containers: readonly (Counters & { readonly name: string })[];
  }[];
}

interface Counters {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export interface Use {
  /** Thousandths of a core. */
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

export interface Usage {
  /** The end of the time it is about, in milliseconds since the epoch, and how long that was. */
  readonly at: number;
  readonly windowMs: number;
  readonly node: Use;
  /** Those of whose containers all is known. */
  readonly pods: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly containers: readonly (Use & { readonly name: string })[];
  }[];
}

/** Use over less than this says little; over more, nothing of the present. In milliseconds. */
const SHORTEST = 1_000;
const LONGEST = 60_000;

/** Undefined while the node does not answer. Who asks first after a while waits for a second look; who asks soon again gets the same answer. */
export function usageOf(look: () => Promise<Look | undefined>, clock: Clock): () => Promise<Usage | undefined> {
  let last: { readonly look: Look; readonly at: number } | undefined;
  let known: Usage | undefined;
  let asking: Promise<Usage | undefined> | undefined;

  async function next(): Promise<Usage | undefined> {
    const age = last === undefined ? Infinity : clock.monotonic() - last.at;
    if (age < SHORTEST && known) return known;
    if (age > LONGEST) await take();
    const before = last;
    if (!before) return undefined;
    const rest = SHORTEST - (clock.monotonic() - before.at);
    if (rest > 0) await sleep(clock, rest);
    await take();
    known = last && compare(before.look, last.look, last.at - before.at, clock.now());
    return known;
  }

  async function take(): Promise<void> {
    const taken = await look();
    last = taken && { look: taken, at: clock.monotonic() };
  }

  return () => (asking ??= next().finally(() => (asking = undefined)));
}

function compare(before: Look, after: Look, windowMs: number, at: number): Usage {
  const use = (a: Counters | undefined, b: Counters): Use | undefined =>
    // A counter that went back is one that was started anew.
    a && b.cpuSeconds >= a.cpuSeconds
      ? { cpuMilli: ((b.cpuSeconds - a.cpuSeconds) / windowMs) * 1e6, memoryBytes: b.memoryBytes }
      : undefined;
  const earlier = new Map(before.pods.map((p) => [keyText(p), new Map(p.containers.map((c) => [c.name, c]))]));
  const pods = after.pods.flatMap(({ containers, ...pod }) => {
    const was = earlier.get(keyText(pod));
    const known = containers.flatMap((c) => {
      const found = use(was?.get(c.name), c);
      return found ? [{ name: c.name, ...found }] : [];
    });
    return known.length > 0 && known.length === containers.length ? [{ ...pod, containers: known }] : [];
  });
  return { at, windowMs, node: use(before.node, after.node) ?? { cpuMilli: 0, memoryBytes: after.node.memoryBytes }, pods };
}
