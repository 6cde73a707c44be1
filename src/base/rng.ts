/** Randomness as an argument. */
export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
}

/** A seeded generator (mulberry32): the same seed gives the same run. */
export function seededRng(seed: number): Rng {
  let a = seed >>> 0;
  return {
    next() {
      a = (a + 0x6d2b79f5) >>> 0;
      let t = a;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
  };
}

/** An integer in [0, n). */
export function below(rng: Rng, n: number): number {
  return Math.floor(rng.next() * n);
}

/** The alphabet of Kubernetes' generated names: no vowels, no look-alikes. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** ASCII text in that alphabet, letter by letter, as Kubernetes writes hashes in names (apimachinery `rand.SafeEncodeString`). */
export function safeEncode(text: string): string {
  return Array.from(text, (c) => SAFE[c.charCodeAt(0) % SAFE.length]).join('');
}

/** A suffix as Kubernetes generates for `generateName` (5 letters) and pod names. */
export function nameSuffix(rng: Rng, length = 5): string {
  let s = '';
  for (let i = 0; i < length; i++) s += SAFE[below(rng, SAFE.length)];
  return s;
}

/** A version 4 UUID (RFC 9562 section 5.4). */
export function uuid(rng: Rng): string {
  const b = Array.from({ length: 16 }, () => below(rng, 256));
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  const h = b.map((x) => x.toString(16).padStart(2, '0')).join('');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}
