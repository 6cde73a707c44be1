import { readFileSync } from 'node:fs';
import { shapesOf, type Shapes } from './shapes.ts';

/** The shapes in a file; it is read when the first of them is asked for. */
export function shapesIn(prefix: string, file: URL, others?: Shapes): Shapes {
  return shapesOf(prefix, () => readFileSync(file, 'utf8'), others);
}
