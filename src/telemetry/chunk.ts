/** Values in a full chunk. */
export const CHUNK_LENGTH = 120;

/**
 * Values packed once they are complete. Most series stand still for minutes or are counters with small steps:
 * the first take no room, the second a byte or two a value; whatever else is kept as it is.
 */
export interface Chunk {
  readonly length: number;
  readonly first: number;
  /** Steps from value to value; absent when there is none that is not zero. */
  readonly steps?: Uint8Array | Uint16Array;
  /** All values, when steps do not do. */
  readonly values?: Float64Array;
}

export function packChunk(values: readonly number[]): Chunk {
  const { length } = values;
  const first = values[0]!;
  let largest = 0;
  for (let i = 1; i < length; i++) {
    const step = values[i]! - values[i - 1]!;
    if (!Number.isInteger(step) || step < 0 || step > 0xffff || !Number.isSafeInteger(values[i]))
      return { length, first, values: Float64Array.from(values) };
    if (step > largest) largest = step;
  }
  if (largest === 0) return { length, first };
  const steps = largest < 256 ? new Uint8Array(length - 1) : new Uint16Array(length - 1);
  for (let i = 1; i < length; i++) steps[i - 1] = values[i]! - values[i - 1]!;
  return { length, first, steps };
}

/** Writes values [from, to) of the chunk to `out` at `at`. */
export function unpackChunk(chunk: Chunk, from: number, to: number, out: Float64Array, at: number): void {
  const { first, steps, values } = chunk;
  if (values) {
    out.set(values.subarray(from, to), at);
    return;
  }
  if (!steps) {
    out.fill(first, at, at + to - from);
    return;
  }
  let value = first;
  for (let i = 0; i < to; i++) {
    if (i > 0) value += steps[i - 1]!;
    if (i >= from) out[at++] = value;
  }
}
