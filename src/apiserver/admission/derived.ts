import type { AnyObject } from '../../api/index.ts';
import type { Store, Stored } from '../../store/index.ts';

/**
 * What is made of all objects under some prefixes of the store, made anew only when one of them has changed. To ask costs
 * a comparison an object: nothing, where there are none.
 */
export function derived<T>(
  store: Pick<Store<AnyObject>, 'list'>,
  prefixes: readonly string[],
  make: (...lists: AnyObject[][]) => T,
): () => T {
  let known: { readonly lists: readonly (readonly Stored<AnyObject>[])[]; readonly value: T } | undefined;
  return () => {
    const lists = prefixes.map((prefix) => store.list(prefix).items);
    if (!known?.lists.every((items, i) => same(items, lists[i]!))) {
      known = { lists, value: make(...lists.map((items) => items.map(({ object }) => object))) };
    }
    return known.value;
  };
}

function same(a: readonly Stored<AnyObject>[], b: readonly Stored<AnyObject>[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
