import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

/** What is said of messages, by their names in OpenAPI, and of their fields; what is said of a message itself is under `''`. */
export type Words = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * What the real server's OpenAPI documents say in words, 0.7 MB. Nothing but documents needs them, and these are asked for
 * rarely: they are read each time, and kept by whoever asked.
 */
export function readWords(): Words {
  const file = new URL('../../../../data/kubernetes-words.json.br', import.meta.url);
  return JSON.parse(brotliDecompressSync(readFileSync(file)).toString()) as Words;
}
