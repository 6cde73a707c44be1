import type { Pod } from 'kubernetes-types/core/v1.js';
import type { AnyObject, KindDef } from '../api/index.ts';
import { copy } from './json.ts';
import { isPods, type Draft } from './lifecycle.ts';

/** Parts of a pod that are changed after it was made, each by a way of its own. */
export type PodPart = 'binding' | 'ephemeralcontainers' | 'resize';

const PARTS: ReadonlySet<string | undefined> = new Set<PodPart>(['binding', 'ephemeralcontainers', 'resize']);

export function isPodPart(def: KindDef, subresource: string | undefined): subresource is PodPart {
  return isPods(def) && PARTS.has(subresource);
}

/** The pod as it is, with what the part's writer may change of it. */
export function withPodPart(part: PodPart, current: AnyObject, draft: Draft): Draft {
  const next = copy(current) as Draft;
  const spec = next.spec as unknown as NonNullable<Pod['spec']>;
  const wanted = (draft.spec ?? {}) as Partial<NonNullable<Pod['spec']>>;
  if (part === 'binding') {
    // The server's own hand: all that was decided there.
    return { ...draft, metadata: { ...next.metadata, ...(draft.metadata.annotations ? { annotations: draft.metadata.annotations } : {}) } };
  }
  if (part === 'ephemeralcontainers') {
    if (wanted.ephemeralContainers) spec.ephemeralContainers = wanted.ephemeralContainers;
    else delete spec.ephemeralContainers;
    return next;
  }
  for (const field of ['containers', 'initContainers'] as const) {
    for (const container of spec[field] ?? []) {
      const { resources } = wanted[field]?.find((c) => c.name === container.name) ?? container;
      if (resources) container.resources = resources;
    }
  }
  return next;
}
