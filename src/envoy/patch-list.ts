/** One patch of an EnvoyFilter, and what it does to a list of named things: filters, chains, hosts, routes. */
import type { PatchMatch, PatchOperation, PatchTarget } from '../api/index.ts';
import { memo, type EnvoyPatch } from '../mesh/index.ts';
import type { Json } from './json.ts';
import { canonical, merged } from './patch-message.ts';

/** The message that the value of a patch is. */
const MESSAGE: Readonly<Record<PatchTarget, string>> = {
  LISTENER: 'envoy.config.listener.v3.Listener',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
  BOOTSTRAP: 'envoy.config.bootstrap.v3.Bootstrap',
};

const MERGES: readonly PatchOperation[] = ['MERGE', 'MERGE_AND_REPLACE_LIST'];
const LISTS: readonly PatchOperation[] = [...MERGES, 'ADD', 'REMOVE'];
const ORDERED: readonly PatchOperation[] = [...LISTS, 'REPLACE', 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST'];
/** What can be done to each kind of thing. */
const OPERATIONS: Readonly<Record<PatchTarget, readonly PatchOperation[]>> = {
  LISTENER: LISTS,
  FILTER_CHAIN: LISTS,
  NETWORK_FILTER: ORDERED,
  LISTENER_FILTER: ORDERED,
  HTTP_FILTER: ORDERED,
  ROUTE_CONFIGURATION: MERGES,
  VIRTUAL_HOST: [...LISTS, 'REPLACE'],
  HTTP_ROUTE: ORDERED,
  CLUSTER: LISTS,
  EXTENSION_CONFIG: ['ADD'],
  BOOTSTRAP: MERGES,
};

/** A patch whose value Envoy has words for. */
export interface Patch {
  readonly from: EnvoyPatch;
  readonly applyTo: PatchTarget;
  readonly operation: PatchOperation;
  readonly match: PatchMatch;
  readonly value: Json;
  readonly filterClass: string;
}

export interface Unreadable {
  /** Below the patch. */
  readonly path: string;
  readonly error: string;
}

/** The patch, or why there is none. */
export const readPatch = memo((from: EnvoyPatch): Patch | Unreadable => {
  const { applyTo, match = {}, patch } = from.spec;
  const operation = patch?.operation;
  if (!OPERATIONS[applyTo]?.includes(operation)) return { path: 'patch.operation', error: `${operation} cannot be done to ${applyTo}` };
  // Without it the patch would change listeners that are not meant.
  if (match.listener?.portName) return { path: 'match.listener.portName', error: 'listeners do not know the names of ports' };
  try {
    const value = operation === 'REMOVE' ? {} : canonical(MESSAGE[applyTo], patch.value ?? {});
    if (applyTo === 'EXTENSION_CONFIG' && !value['typed_config']) return { path: 'patch.value', error: 'there is no typed_config' };
    return { from, applyTo, operation, match, value, filterClass: patch.filterClass ?? 'UNSPECIFIED' };
  } catch (error) {
    return { path: 'patch.value', error: error instanceof Error ? error.message : String(error) };
  }
});

/** Where a resource belongs, in the words of patches. */
export type Context = 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY';

export function fitsContext({ match }: Patch, context: Context): boolean {
  return !match.context || match.context === 'ANY' || match.context === context;
}

export function mergedBy(patch: Patch, base: Json): Json {
  return merged(MESSAGE[patch.applyTo], base, patch.value, { replaceLists: patch.operation === 'MERGE_AND_REPLACE_LIST' });
}

/** Patches by what they are applied to, and which of them found something. */
export class Patches {
  readonly all: readonly Patch[];
  readonly hits = new Set<EnvoyPatch>();

  constructor(list: readonly EnvoyPatch[]) {
    this.all = list.map(readPatch).filter((p): p is Patch => !('error' in p));
  }

  to(applyTo: PatchTarget): readonly Patch[] {
    return this.all.filter((p) => p.applyTo === applyTo);
  }

  hit(patch: Patch): void {
    this.hits.add(patch.from);
  }
}

interface ListOptions {
  /** Whether the patch is for lists such as this one. */
  readonly concerns: (patch: Patch) => boolean;
  /** Whether the match names an element at all. */
  readonly names: (patch: Patch) => boolean;
  /** Whether the element is the one that the match names. */
  readonly is: (patch: Patch, element: Json) => boolean;
  /** Where ADD puts something; the end when absent. */
  readonly place?: (patch: Patch, list: readonly Json[]) => number;
}

/** The list after the patches, one after another. */
export function patchList(patches: Patches, applyTo: PatchTarget, before: readonly Json[], options: ListOptions): readonly Json[] {
  let list = before;
  for (const patch of patches.to(applyTo)) {
    if (!options.concerns(patch)) continue;
    const next = applied(patch, list, options);
    if (next) patches.hit(patch);
    list = next ?? list;
  }
  return list;
}

function applied(patch: Patch, list: readonly Json[], { names, is, place }: ListOptions): readonly Json[] | undefined {
  const at = list.findIndex((element) => is(patch, element));
  const insert = (i: number): readonly Json[] => [...list.slice(0, i), patch.value, ...list.slice(i)];
  switch (patch.operation) {
    case 'ADD':
      return insert(place?.(patch, list) ?? list.length);
    case 'INSERT_FIRST':
      return insert(0);
    case 'INSERT_BEFORE':
      return names(patch) ? (at < 0 ? undefined : insert(at)) : insert(0);
    case 'INSERT_AFTER':
      return names(patch) ? (at < 0 ? undefined : insert(at + 1)) : insert(place?.(patch, list) ?? list.length);
    case 'REMOVE':
      return at < 0 ? undefined : list.filter((element) => !is(patch, element));
    case 'REPLACE':
      return at < 0 || !names(patch) ? undefined : list.map((element) => (is(patch, element) ? patch.value : element));
    case 'MERGE':
    case 'MERGE_AND_REPLACE_LIST':
      return at < 0 ? undefined : list.map((element) => (is(patch, element) ? mergedBy(patch, element) : element));
  }
}
