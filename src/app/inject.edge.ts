/** Puts sidecars into what people are about to apply. */
import { injectInto } from '../mesh/index.ts';
import type { KubeObject } from '../api/index.ts';
import { documentsOf } from './object-files.edge.ts';

/** The objects of the files (`-`: standard input) with sidecars in their pods; throws a `Fault` for what cannot be read. */
export function injectFiles(files: readonly string[]): readonly KubeObject[] {
  return files.flatMap(documentsOf).map(injectInto);
}
