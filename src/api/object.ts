import type { ObjectMeta as K8sObjectMeta } from 'kubernetes-types/meta/v1.js';

export type ObjectMeta = K8sObjectMeta;

/** Any object of the API: what all kinds have in common. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** An object of a kind whose fields are not known to the compiler. */
export interface AnyObject extends KubeObject {
  [field: string]: unknown;
}

/** A kind of object as the API serves it; `T` is its shape. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower-case plural, as in the URL. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Carries the shape; never present at run time. */
  readonly _type?: T;
}

/** Names one object of a known kind. */
export interface Key {
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(r: Pick<Resource, 'group' | 'version'>): string {
  return r.group ? `${r.group}/${r.version}` : r.version;
}

/** The URL path of a collection or of one object in it. */
export function pathOf(r: Resource, key: { namespace?: string | undefined; name?: string | undefined }, subresource?: string): string {
  const root = r.group ? `/apis/${r.group}/${r.version}` : `/api/${r.version}`;
  const ns = r.namespaced && key.namespace ? `/namespaces/${encodeURIComponent(key.namespace)}` : '';
  const name = key.name ? `/${encodeURIComponent(key.name)}` : '';
  return `${root}${ns}/${r.plural}${name}${subresource ? `/${subresource}` : ''}`;
}

/** Key of an object. */
export function keyOf(o: KubeObject): Key {
  return { namespace: o.metadata?.namespace, name: o.metadata?.name ?? '' };
}

/** `namespace/name`, or `name` for cluster-scoped objects; the form work queues use. */
export function keyText(key: Key): string {
  return key.namespace ? `${key.namespace}/${key.name}` : key.name;
}

export function parseKey(text: string): Key {
  const i = text.indexOf('/');
  return i < 0 ? { name: text } : { namespace: text.slice(0, i), name: text.slice(i + 1) };
}
