import { catalogOf, type Catalog } from '../catalog.ts';

/** A catalog of every built-in kind. */
export function createCatalog(): Catalog {
  return catalogOf([]);
}
