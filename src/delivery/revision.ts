/** What makes a revision: the pod template. Pure. */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { canonicalJson, sha256Hex } from '../base/index.ts';

/** Names the target's pod template; replicas and the Deployment's own labels do not count. */
export function revisionOf(target: Deployment): string {
  return sha256Hex(canonicalJson(target.spec?.template ?? {}), 10);
}
