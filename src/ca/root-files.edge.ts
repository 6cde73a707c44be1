import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../base/index.ts';
import { createRoot, type CaRoot } from './authority.edge.ts';

const CERT = 'root-cert.pem';
const KEY = 'root-key.pem';

/**
 * The root kept in `dir`; the first time it is made and written there (files 0600, directory 0700).
 * Throws a Fault when only one of the two files is there: making a new root would cut off every proxy that trusts the old one.
 */
export async function loadRoot(dir: string, trustDomain: string, now: number): Promise<CaRoot> {
  const [certPem, keyPem] = await Promise.all([readIfThere(join(dir, CERT)), readIfThere(join(dir, KEY))]);
  if (certPem !== undefined && keyPem !== undefined) return { certPem, keyPem };
  // The certificate is written last: a key alone is a first start that was cut short, and nothing trusts it yet.
  if (certPem !== undefined) {
    throw new Fault('RootIncomplete', `${join(dir, KEY)} is missing, but ${CERT} is there`, {
      hint: `Restore ${KEY} from a backup, or remove ${CERT} to start with a new root.`,
    });
  }
  const root = await createRoot(trustDomain, now);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeWhole(dir, KEY, root.keyPem);
  await writeWhole(dir, CERT, root.certPem);
  return root;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all, also when the machine stops in between. */
async function writeWhole(dir: string, name: string, text: string): Promise<void> {
  const temporary = join(dir, `.${name}.tmp`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, name));
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
