import type { LabelSelector } from 'kubernetes-types/meta/v1.js';
import type { KubeObject, Resource } from '../api/index.ts';
import { controllerOf, controllerReference, type Client } from '../control/index.ts';
import { selects } from './labels.ts';

/** Of the objects around an owner: which are its own, which to take in and which to let go. */
export interface Claims<T> {
  readonly own: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

/** An orphan that the selector matches is adopted, a child that it no longer matches is released; an owner on its way out does neither. */
export function decideClaims<T extends KubeObject>(
  owner: KubeObject,
  selector: LabelSelector | undefined,
  candidates: readonly T[],
): Claims<T> {
  const own: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  const leaving = Boolean(owner.metadata?.deletionTimestamp);
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const matches = selects(selector, candidate.metadata?.labels);
    if (controller?.uid === owner.metadata?.uid) (matches || leaving ? own : release).push(candidate);
    else if (!controller && matches && !leaving && !candidate.metadata?.deletionTimestamp) adopt.push(candidate);
  }
  return { own, adopt, release };
}

/** Writes the claims down; the objects that are the owner's afterwards. */
export async function claim<T extends KubeObject>(
  client: Client,
  ownerKind: Resource,
  owner: KubeObject,
  kind: Resource<T>,
  claims: Claims<T>,
): Promise<T[]> {
  const own = [...claims.own];
  for (const object of claims.adopt) {
    own.push(await setOwners(client, kind, object, [...(object.metadata?.ownerReferences ?? []), controllerReference(ownerKind, owner)]));
  }
  for (const object of claims.release) {
    await setOwners(
      client,
      kind,
      object,
      (object.metadata?.ownerReferences ?? []).filter((o) => o.uid !== owner.metadata?.uid),
    );
  }
  return own;
}

/** The revision makes it a conflict when the object has changed since it was looked at. */
function setOwners<T extends KubeObject>(client: Client, kind: Resource<T>, object: T, ownerReferences: readonly unknown[]): Promise<T> {
  const { namespace, name = '', uid, resourceVersion } = object.metadata ?? {};
  return client.patch(kind, { namespace, name }, { type: 'merge', body: { metadata: { uid, resourceVersion, ownerReferences } } });
}
