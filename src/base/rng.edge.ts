import { randomBytes } from 'node:crypto';
import type { Rng } from './rng.ts';

/** The machine's randomness, cryptographically strong. */
export const systemRng: Rng = {
  next: () => randomBytes(4).readUInt32BE() / 4294967296,
};
