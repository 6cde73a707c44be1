import { join } from 'node:path';
import { Fault } from '../base/index.ts';
import { createRoot } from './authority.edge.ts';
import { readIfThere, writeWhole } from './files.edge.ts';
import type { KeyPair } from './x509.edge.ts';

const CERT = 'root-cert.pem';
const KEY = 'root-key.pem';

/**
 * The root kept in `dir`; the first time it is made and written there (files 0600, directory 0700).
 * Throws a Fault when only one of the two files is there: making a new root would cut off every proxy that trusts the old one.
 */
export async function loadRoot(dir: string, trustDomain: string, now: number): Promise<KeyPair> {
  const [certPem, keyPem] = await Promise.all([readIfThere(join(dir, CERT)), readIfThere(join(dir, KEY))]);
  if (certPem !== undefined && keyPem !== undefined) return { certPem, keyPem };
  // The certificate is written last: a key alone is a first start that was cut short, and nothing trusts it yet.
  if (certPem !== undefined) {
    throw new Fault('RootIncomplete', `${join(dir, KEY)} is missing, but ${CERT} is there`, {
      hint: `Restore ${KEY} from a backup, or remove ${CERT} to start with a new root.`,
    });
  }
  const root = await createRoot(trustDomain, now);
  await writeWhole(dir, KEY, root.keyPem);
  await writeWhole(dir, CERT, root.certPem);
  return root;
}
