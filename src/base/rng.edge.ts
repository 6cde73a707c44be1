import { randomFillSync } from 'node:crypto';
import type { Rng } from './rng.ts';

/** Fetched at once: asking the system for each number would cost more than all else about it. */
const ahead = new Uint32Array(1024);
let used = ahead.length;

/** The machine's randomness, cryptographically strong. */
export const systemRng: Rng = {
  next() {
    if (used === ahead.length) {
      randomFillSync(ahead);
      used = 0;
    }
    return ahead[used++]! / 4294967296;
  },
};
