/** Damages values, texts and bytes. */
import { below, type Rng } from '../../src/base/index.ts';
import { anyString, chance, oddValue, oneOf } from './choice.ts';

type Container = unknown[] | Record<string, unknown>;

/** Changes a value of JSON in place, in one spot or a few; returns it, or what it became. */
export function mutateValue<T>(rng: Rng, value: T): T {
  for (let n = below(rng, 3) + 1; n > 0; n--) {
    const spots: { readonly holder: Container; readonly key: string }[] = [];
    const visit = (holder: unknown): void => {
      if (holder === null || typeof holder !== 'object') return;
      for (const key of Object.keys(holder)) {
        spots.push({ holder: holder as Container, key });
        visit((holder as Record<string, unknown>)[key]);
      }
    };
    visit(value);
    if (spots.length === 0) return oddValue(rng) as T;
    const { holder, key } = oneOf(rng, spots);
    change(rng, holder, key);
  }
  return value;
}

function change(rng: Rng, holder: Container, key: string): void {
  const map = holder as Record<string, unknown>;
  switch (below(rng, 6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete map[key];
      break;
    case 1:
      if (Array.isArray(holder)) holder.push(structuredClone(holder[Number(key)]));
      else map[anyString(rng)] = structuredClone(map[key]);
      break;
    case 2:
      map[key] = [map[key]];
      break;
    default:
      map[key] = oddValue(rng);
  }
}

/** Changes bytes: flips, cuts, repeats, inserts. */
export function mutateBytes(rng: Rng, bytes: Uint8Array): Buffer {
  let out = Buffer.from(bytes);
  for (let n = below(rng, 4) + 1; n > 0; n--) {
    const at = below(rng, out.length + 1);
    const length = below(rng, 16);
    switch (below(rng, 5)) {
      case 0:
        if (at < out.length) out[at] = out[at]! ^ (1 << below(rng, 8));
        break;
      case 1:
        out = out.subarray(0, at);
        break;
      case 2:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at, at + length), out.subarray(at)]);
        break;
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
        break;
      default:
        out = Buffer.concat([out.subarray(0, at), Buffer.from(Array.from({ length }, () => below(rng, 256))), out.subarray(at)]);
    }
  }
  return out;
}

const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '&a ',
  '*a',
  '<<: ',
  '!!binary ',
  '---\n',
  '\n  ',
  '- ',
  '# ',
  '|\n',
  '\t',
  'null',
];

/** Changes a text where its grammar hurts. */
export function mutateText(rng: Rng, text: string): string {
  if (chance(rng, 0.5)) return mutateBytes(rng, Buffer.from(text)).toString('utf8');
  const at = below(rng, text.length + 1);
  return text.slice(0, at) + oneOf(rng, TOKENS).repeat(1 + below(rng, 3)) + text.slice(at + below(rng, 4));
}
