/**
 * The CustomResourceDefinitions of kinds that are built in. Whoever deletes one, stored or not, is rid of the objects of the kind.
 */
import { definitionStatus, type Catalog, type KindDef } from '../api/index.ts';
import type { BuiltIns } from './built-ins.ts';
import { CLEANUP, CRD_PREFIX } from './crds.ts';

export function builtInDefinitions(catalog: Catalog): BuiltIns {
  const defs = new Map<string, KindDef>();
  for (const def of catalog.all()) {
    if (def.definition) defs.set(`${CRD_PREFIX}/${def.resource.plural}.${def.resource.group}`, def);
  }
  return {
    prefix: CRD_PREFIX,
    keys: () => defs.keys(),
    make(key, since) {
      const crd = defs.get(key)?.definition!();
      if (!crd) return undefined;
      const metadata = { ...crd.metadata, generation: 1, finalizers: [CLEANUP] };
      return { ...crd, metadata, status: definitionStatus(crd, since) };
    },
  };
}
