/** What makes a revision: what its target's kind says (a pod template, say). Pure. */
import { canonicalJson, sha256Hex } from '../base/index.ts';

export function revisionText(revised: unknown): string {
  return sha256Hex(canonicalJson(revised), 10);
}
