import type { OwnerReference } from 'kubernetes-types/meta/v1.js';
import { apiVersionOf, type KubeObject, type Resource } from '../api/index.ts';

/** A reference that makes `owner` the controller of what carries it; foreground deletion of the owner waits for that. */
export function controllerReference(resource: Resource, owner: KubeObject): OwnerReference {
  return { ...ownerReference(resource, owner), controller: true, blockOwnerDeletion: true };
}

/** A reference that lets what carries it go with `owner`. */
export function ownerReference(resource: Resource, owner: KubeObject): OwnerReference {
  const { name = '', uid = '' } = owner.metadata ?? {};
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, name, uid };
}

/** The one owner that manages the object, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((o) => o.controller);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata?.uid;
}
