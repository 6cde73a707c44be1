import type { KubeObject, Resource } from '../object.ts';
import { type Causes, checkLabels, follow, qualifiedName, type Rule } from './check.ts';

/** Bytes that all annotations of an object may take together. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** Checks what every object has. */
export function checkMetadata(causes: Causes, resource: Resource, nameRule: Rule, object: KubeObject): void {
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
  for (const finalizer of meta.finalizers ?? []) follow(causes, 'metadata.finalizers', finalizer, qualifiedName);
  meta.ownerReferences?.forEach((owner, i) => {
    const at = `metadata.ownerReferences[${i}]`;
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const)
      if (!owner[field]) causes.invalid(`${at}.${field}`, owner[field] ?? '', 'must not be empty');
  });
  if ((meta.ownerReferences ?? []).filter((o) => o.controller).length > 1) {
    causes.invalid('metadata.ownerReferences', meta.ownerReferences, 'Only one reference can have Controller set to true');
  }
}

/** Names that appear in a URL path and nowhere else (RBAC). */
export const pathSegment: Rule = (v) =>
  v === '.' || v === '..' ? `may not be '${v}'` : /[/%]/.test(v) ? "may not contain '/' or '%'" : undefined;
