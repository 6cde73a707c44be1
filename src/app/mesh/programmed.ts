/** How far objects of the mesh have come: how many of the proxies that they concern have taken them, or why not. */
import type { IstioCondition, KubeObject } from '../../api/index.ts';
import type { Origins, ProxyResources } from '../../envoy/index.ts';
import type { Problem } from '../../mesh/index.ts';
import type { ProxyState } from '../../xds/index.ts';

/** Objects of some kinds, which are told how far they have come. */
export interface Hearing {
  /** Those that can be told, with what was said of them last. */
  hearers(): Iterable<Hearer>;
  /** Resolves with the object, where there was something new to say. */
  say(id: string, condition: IstioCondition): Promise<KubeObject | undefined>;
}

export interface Hearer {
  /** As `VirtualService default/reviews`. */
  readonly id: string;
  readonly generation: number;
  readonly said: IstioCondition | undefined;
}

/** A connected proxy. */
export interface Holder {
  readonly proxy: string;
  readonly origins: Origins;
  readonly resources: ProxyResources;
  readonly state: ProxyState;
}

/** Of one object. */
export interface Standing {
  /** Proxies that it concerns. */
  total: number;
  waiting: readonly string[];
  /** Proxies by what they refuse, in Envoy's words. */
  readonly refused: Map<string, string[]>;
}

export const PROGRAMMED = 'Programmed';
/** The reason of a condition that tells of a refusal. */
export const REJECTED = 'Rejected';
/** What to do about a refusal: its last sentence. */
export const MEND = 'Correct the object, or take back its last change.';
/** Names in a message; it would change too often otherwise. */
const MAX_NAMED = 3;

/**
 * By object, as `VirtualService default/reviews`. A resource that is refused may be made of many objects, of which all but the
 * last changed are known to be good: `isNew` tells whether an object was ever taken as it is now.
 */
export function standings(holders: readonly Holder[], isNew: (id: string) => boolean): ReadonlyMap<string, Standing> {
  const found = new Map<string, Standing>();
  const of = (id: string): Standing => {
    let standing = found.get(id);
    if (!standing) found.set(id, (standing = { total: 0, waiting: [], refused: new Map() }));
    return standing;
  };
  const count = (id: string, total: number, waiting: readonly string[]): void => {
    const standing = of(id);
    standing.total += total;
    if (waiting.length) standing.waiting = standing.waiting.length ? [...standing.waiting, ...waiting] : waiting;
  };
  const behind = ({ proxy, state }: Holder): readonly string[] => (state.acked < state.published ? [proxy] : []);
  // In a large mesh many proxies hold what was made of the same objects: these are gone through once for all of them.
  for (const [others, alike] of Map.groupBy(holders, (h) => h.origins.others)) {
    const waiting = alike.flatMap(behind);
    for (const id of others) count(id, alike.length, waiting);
    for (const holder of alike) for (const id of holder.origins.listeners) if (!others.has(id)) count(id, 1, behind(holder));
  }
  for (const { proxy, origins, resources, state } of holders) {
    for (const { typeUrl, name, message } of state.rejections) {
      const kind = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
      const resource = Object.values(resources)
        .find((held) => held.get(name)?.typeUrl === typeUrl)
        ?.get(name);
      const made = [...new Set([...(resource?.from ?? []), ...origins.behind(name), ...(kind === 'Listener' ? origins.listeners : [])])];
      // What nobody is named in was made of something that this proxy holds and has not taken yet.
      const suspects = made.length ? made : [...origins.others, ...origins.listeners];
      const fresh = suspects.filter(isNew);
      for (const id of fresh.length ? fresh : made) {
        const { refused } = of(id);
        const text = `${kind} ${name}: ${message}`;
        refused.set(text, [...(refused.get(text) ?? []), proxy]);
      }
    }
  }
  return found;
}

/** The condition of an object; `problems` are its own. */
export function programmed(standing: Standing | undefined, problems: readonly Problem[], observedGeneration: number): IstioCondition {
  const total = standing?.total ?? 0;
  const error = problems.find((p) => p.severity === 'error');
  const say = (status: IstioCondition['status'], reason: string, message: string): IstioCondition => ({
    type: PROGRAMMED,
    status,
    reason,
    message,
    observedGeneration,
  });
  const refused = [...(standing?.refused ?? [])];
  const waiting = standing?.waiting ?? [];
  const acked = `ACKed by ${total - waiting.length} of ${total} ${total === 1 ? 'proxy' : 'proxies'}`;
  if (refused.length) {
    const by = new Set(refused.flatMap(([, proxies]) => proxies)).size;
    const [[words]] = refused as [[string, string[]]];
    const more = refused.length > 1 ? ` (and ${refused.length - 1} more of what is made of it)` : '';
    return say('False', REJECTED, `Refused by ${by} of ${total} proxies, which keep the last good configuration: ${words}${more}. ${MEND}`);
  }
  if (error) {
    const rest = total ? ` The rest of it: ${acked}.` : '';
    return say('False', error.code, `${error.path}: ${error.message} ${error.fix}${rest}`);
  }
  if (!total) return say('Unknown', 'NotHeld', 'No proxy that is connected needs it.');
  return waiting.length
    ? say('Unknown', 'Pending', `${acked}; no answer yet from ${someOf(waiting)}.`)
    : say('True', PROGRAMMED, `${acked}.`);
}

function someOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
