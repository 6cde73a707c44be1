import type { KubeObject, Resource } from '../object.ts';
import { type Causes, checkLabels, follow, qualifiedName, type Rule } from './check.ts';

/** Bytes that all annotations of an object may take together. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** Finalizers that need no domain. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['foregroundDeletion', 'kubernetes', 'orphan']);

/** Checks what every object has; `custom`: the object is of a kind that is not Kubernetes' own. */
export function checkMetadata(causes: Causes, resource: Resource, nameRule: Rule, object: KubeObject, custom: boolean): void {
  const meta = object.metadata ?? {};
  if (!meta.name && !meta.generateName) causes.required('metadata.name', 'name or generateName is required');
  if (meta.name) follow(causes, 'metadata.name', meta.name, nameRule);
  if (resource.namespaced && !meta.namespace) causes.required('metadata.namespace');
  if (!resource.namespaced && meta.namespace) causes.forbidden('metadata.namespace', 'not allowed on this type');
  checkLabels(causes, 'metadata.labels', meta.labels);
  let size = 0;
  for (const [key, value] of Object.entries(meta.annotations ?? {})) {
    follow(causes, 'metadata.annotations', key.toLowerCase(), qualifiedName);
    size += key.length + value.length;
  }
  if (size > ANNOTATIONS_LIMIT) causes.tooLong('metadata.annotations', ANNOTATIONS_LIMIT);
  checkFinalizers(causes, meta.finalizers ?? [], custom);
  checkOwners(causes, meta.ownerReferences ?? []);
}

function checkFinalizers(causes: Causes, finalizers: readonly string[], custom: boolean): void {
  finalizers.forEach((finalizer, i) => {
    follow(causes, 'metadata.finalizers', finalizer, qualifiedName);
    if (!custom && !finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer)) {
      causes.invalid(`metadata.finalizers[${i}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified');
    }
  });
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    causes.invalid('metadata.finalizers', finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
  }
}

function checkOwners(causes: Causes, owners: NonNullable<NonNullable<KubeObject['metadata']>['ownerReferences']>): void {
  const at = 'metadata.ownerReferences';
  for (const owner of owners) {
    const version = owner.apiVersion?.split('/').at(-1);
    if (!version) causes.invalid(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty');
    for (const field of ['kind', 'name', 'uid'] as const)
      if (!owner[field]) causes.invalid(`${at}.${field}`, owner[field] ?? '', 'must not be empty');
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') causes.invalid(at, owner, '/v1, Kind=Event is disallowed from being an owner');
  }
  const [first, second] = owners.filter((owner) => owner.controller);
  if (first && second) {
    causes.invalid(
      'metadata.ownerReferences',
      owners,
      `Only one reference can have Controller set to true. Found "true" in references for ${first.kind}/${first.name} and ${second.kind}/${second.name}`,
    );
  }
}

/** Names that appear in a URL path and nowhere else (RBAC). */
export const pathSegment: Rule = (v) =>
  v === '.' || v === '..' ? [`may not be '${v}'`] : ['/', '%'].flatMap((c) => (v.includes(c) ? [`may not contain '${c}'`] : []));
