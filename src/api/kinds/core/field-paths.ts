/** Which fields of itself a pod can be told. */
import { type Causes, dnsSubdomain, follow, qualifiedName } from '../check.ts';

const ANY = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

const CONVERTIBLE: ReadonlySet<string> = new Set([
  ...ANY,
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.host',
  'spec.hostNetwork',
  'status.hostIP',
  'status.hostIPs',
  'status.nominatedNodeName',
  'status.phase',
  'status.podIP',
  'status.podIPs',
]);

export const ENV_FIELDS: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

export const VOLUME_FIELDS: readonly string[] = ANY;

/** Checks the path of a field reference at `at`. */
export function checkFieldPath(causes: Causes, at: string, path: string | undefined, fields: readonly string[]): void {
  const field = `${at}.fieldPath`;
  if (!path) return causes.required(field);
  const [, of, key] = /^(.+)\['(.*)'\]$/.exec(path) ?? [];
  if (of !== undefined) {
    if (of === 'metadata.annotations') return follow(causes, field, key!.toLowerCase(), qualifiedName);
    if (of === 'metadata.labels') return follow(causes, field, key, qualifiedName);
    return causes.invalid(field, path, 'does not support subscript');
  }
  if (!CONVERTIBLE.has(path)) return causes.invalid(field, path, `error converting fieldPath: field label not supported: ${path}`);
  if (!fields.includes(path)) causes.unsupported(field, path, fields);
}

/** Checks the name of another object that is referred to. */
export function checkReferent(causes: Causes, field: string, name: string | undefined): void {
  follow(causes, field, name, dnsSubdomain);
}
