import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readContext, withContext, withoutContext, type KubeconfigEntry } from './kubeconfig.ts';

/** Adds the entry to a kubeconfig file (or makes the file) and makes it the current context; all else in it stays. */
export function writeKubeconfig(path: string, entry: KubeconfigEntry): void {
  replace(path, (text) => withContext(text ?? '', entry, path));
}

/** Adds the current context of the kubeconfig `from` to the one at `path`, as {@link writeKubeconfig} does. */
export function mergeKubeconfig(path: string, from: string): void {
  writeKubeconfig(path, readContext(readFileSync(from, 'utf8'), from));
}

/** Takes the entry out of a kubeconfig file; a file that is not there is left so. */
export function removeFromKubeconfig(path: string, name: string): void {
  replace(path, (text) => (text === undefined ? undefined : withoutContext(text, name, path)));
}

/** Whole or not at all: written beside the file and renamed over it. A link keeps pointing at the file it points at. */
function replace(path: string, edit: (text: string | undefined) => string | undefined): void {
  let file = path;
  let before: string | undefined;
  try {
    file = realpathSync(path);
    before = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const after = edit(before);
  if (after === undefined || after === before) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(fresh, after, { mode: 0o600, flag: 'wx' });
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
