import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where a program is found along `searchPath` (the form of `PATH`), in its order; empty entries are passed over. */
export function programsOnPath(name: string, searchPath: string | undefined): string[] {
  return (searchPath ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '')
    .map((dir) => join(dir, name))
    .filter(isExecutable);
}
