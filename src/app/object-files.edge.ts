/** Objects in files of YAML or JSON. */
import { readFileSync } from 'node:fs';
import type { KubeObject } from '../api/index.ts';
import { Fault, messageOf, parseYaml } from '../base/index.ts';

/** The documents of a file (`-`: standard input), as they are written; throws a `Fault` for what cannot be read or is no object. */
export function documentsOf(file: string): readonly KubeObject[] {
  return parseYaml(textOf(file), file).map((document) => {
    const object = document as KubeObject & { items?: unknown };
    if (typeof object !== 'object' || !object.kind || !(object.metadata?.name || object.metadata?.generateName || object.items))
      throw new Fault('FileInvalid', `${file} has a document that is no object of Kubernetes`, {
        hint: 'Each needs apiVersion, kind and metadata.name.',
      });
    return object;
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new Fault('FileUnreadable', `${file} cannot be read: ${messageOf(error)}`, {
      hint: 'Name a file of YAML or JSON, or - for standard input.',
    });
  }
}
