/** The files that cases stand in. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseYaml } from '../base/index.ts';

export const readYaml = (path: string): unknown[] => parseYaml(readFileSync(path, 'utf8'), path);

/** Names of the files of a folder that hold cases. */
export function caseFiles(dir: string): string[] {
  return readdirSync(dir)
    .filter((f) => f.endsWith('.yaml') && !f.endsWith('.expected.yaml'))
    .map((f) => f.slice(0, -'.yaml'.length));
}
