import type { KindDef, LegacyVersion, Parts } from './kind.ts';

/** A kind under the version a client asked for. */
export interface Served {
  readonly def: KindDef;
  /** The group and version as asked; those of `def.resource` unless `legacy` is set. */
  readonly group: string;
  readonly version: string;
  /** Set when an old version was asked for: how to read and show objects in it. */
  readonly legacy: LegacyVersion | undefined;
}

/** Which of the subresources `status` and `scale` objects have in a version. */
export const partsOf = ({ def, legacy }: Served): Parts => legacy?.parts ?? def;

/** What who asks for objects in that version is warned of; empty: nothing. */
export const warningOf = ({ def, legacy }: Served): string => (legacy ? legacy.warning : (def.warning ?? ''));

/** True when objects in that version have a subresource of that name. */
export function hasSubresource(served: Served, name: string): boolean {
  const { status, scale } = partsOf(served);
  if (name === 'status') return status;
  if (name === 'scale') return scale !== undefined;
  return served.def.subresources?.some((s) => s.name === name) ?? false;
}

/** All kinds the server knows, by every name they are asked for. */
export interface Catalog {
  /** By URL: `find('apps', 'v1', 'deployments')`. */
  find(group: string, version: string, plural: string): Served | undefined;
  /** By type: `findKind('apps', 'v1', 'Deployment')`. */
  findKind(group: string, version: string, kind: string): Served | undefined;
  /** Every kind once, built-in ones first, in the order they were added. */
  all(): readonly KindDef[];
  /** Adds a kind, in the place of one with the same group and plural. */
  add(def: KindDef): void;
  /** Forgets a kind; false when it was not known. */
  remove(group: string, plural: string): boolean;
  /** Grows with every change: what was derived from the catalog at a generation stays true while it lasts. */
  readonly generation: number;
}

/** A catalog of `defs`. */
export function catalogOf(defs: Iterable<KindDef> = []): Catalog {
  const kinds = new Map<string, KindDef>();
  const byPlural = new Map<string, Served>();
  const byKind = new Map<string, Served>();
  let all: readonly KindDef[] = [];
  let generation = 0;

  const changed = (): void => {
    all = [...kinds.values()];
    generation++;
  };
  const unlist = (def: KindDef): void => {
    for (const served of versionsOf(def)) {
      byPlural.delete(`${served.group}/${served.version}/${def.resource.plural}`);
      byKind.delete(`${served.group}/${served.version}/${def.resource.kind}`);
    }
  };
  const add = (def: KindDef): void => {
    const id = `${def.resource.group}/${def.resource.plural}`;
    const before = kinds.get(id);
    if (before) unlist(before);
    kinds.set(id, def);
    for (const served of versionsOf(def)) {
      byPlural.set(`${served.group}/${served.version}/${def.resource.plural}`, served);
      byKind.set(`${served.group}/${served.version}/${def.resource.kind}`, served);
    }
    changed();
  };
  for (const def of defs) add(def);

  return {
    find: (group, version, plural) => byPlural.get(`${group}/${version}/${plural}`),
    findKind: (group, version, kind) => byKind.get(`${group}/${version}/${kind}`),
    all: () => all,
    add,
    remove: (group, plural) => {
      const def = kinds.get(`${group}/${plural}`);
      if (!def) return false;
      unlist(def);
      kinds.delete(`${group}/${plural}`);
      changed();
      return true;
    },
    get generation() {
      return generation;
    },
  };
}

/** Every version a kind is served in, the stored one first. */
export function versionsOf(def: KindDef): Served[] {
  return [
    { def, group: def.resource.group, version: def.resource.version, legacy: undefined },
    ...def.legacy.map((legacy) => ({ def, group: legacy.group, version: legacy.version, legacy })),
  ];
}
