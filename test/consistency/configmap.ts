/** The objects of the run: what they are called, how they are read from an answer. */
import { createHash } from 'node:crypto';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { below, type Rng } from '../../src/base/index.ts';
import type { Seen } from './history.ts';

export const NAMESPACES = ['east', 'west'] as const;
const NAMES = 10;

/** `west/m3`. */
export function anyKey(rng: Rng): string {
  return `${NAMESPACES[below(rng, NAMESPACES.length)]}/m${below(rng, NAMES)}`;
}

/** Where a key's object, or its collection, is served. */
export function pathOf(key: string): { object: string; collection: string } {
  const [namespace, name] = key.split('/');
  const collection = collectionPath(namespace);
  return { object: `${collection}/${name}`, collection };
}

export function collectionPath(namespace: string | undefined): string {
  return namespace === undefined ? '/api/v1/configmaps' : `/api/v1/namespaces/${namespace}/configmaps`;
}

/** Reads an object; undefined when it is none of the run's. */
export function seenOf(object: ConfigMap, gone = false): Seen | undefined {
  const { name, namespace, uid, resourceVersion, labels } = object.metadata ?? {};
  if (!name || !uid || object.data?.['by'] === undefined) return undefined;
  return {
    key: `${namespace}/${name}`,
    uid,
    revision: Number(resourceVersion),
    gone,
    digest: createHash('md5')
      .update(JSON.stringify({ ...object, kind: 'ConfigMap', apiVersion: 'v1' }))
      .digest('base64url')
      .slice(0, 12),
    data: object.data,
    selected: labels?.['odd'] === 'true',
  };
}

export interface ConfigMapList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly ConfigMap[];
}

export function seenIn(list: ConfigMapList): Seen[] {
  return list.items.map((item) => seenOf(item)).filter((seen) => seen !== undefined);
}
