import type { OwnerReference } from 'kubernetes-types/meta/v1.js';
import type { KubeObject } from '../api/index.ts';
import type { DeleteOptions } from '../control/index.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/**
 * What an owner reference leads to: an owner that stays, one that waits for its dependents to go first, none at all, or
 * something that cannot be judged (a kind nobody serves) and so counts as staying.
 */
export type OwnerState = 'solid' | 'waiting' | 'absent' | 'unknown';

export interface Owner {
  readonly reference: OwnerReference;
  readonly state: OwnerState;
}

export type Verdict =
  | { readonly type: 'keep' }
  /** Keep the object, without the references to these uids. */
  | { readonly type: 'unlink'; readonly uids: readonly string[] }
  | { readonly type: 'delete'; readonly policy: NonNullable<DeleteOptions['propagationPolicy']> };

/** An object goes when it had owners and none of them stays. */
export function judge(object: KubeObject, owners: readonly Owner[], hasDependents: boolean): Verdict {
  if (owners.length === 0 || object.metadata?.deletionTimestamp) return { type: 'keep' };
  const going = owners.filter((o) => o.state === 'absent' || o.state === 'waiting');
  if (going.length === 0) return { type: 'keep' };
  if (going.length < owners.length) return { type: 'unlink', uids: going.map((o) => o.reference.uid) };
  const finalizers = object.metadata?.finalizers ?? [];
  if (finalizers.includes(ORPHAN)) return { type: 'delete', policy: 'Orphan' };
  const inForeground = finalizers.includes(FOREGROUND) || (hasDependents && going.some((o) => o.state === 'waiting'));
  return { type: 'delete', policy: inForeground ? 'Foreground' : 'Background' };
}

/** Whether an owner waits for this dependent before it goes. */
export function blocks(dependent: KubeObject, ownerUid: string): boolean {
  return (dependent.metadata?.ownerReferences ?? []).some((o) => o.uid === ownerUid && o.blockOwnerDeletion);
}

/** Deleted in the foreground, and waiting for its dependents. */
export function isWaiting(object: KubeObject): boolean {
  return Boolean(object.metadata?.deletionTimestamp) && (object.metadata?.finalizers ?? []).includes(FOREGROUND);
}
