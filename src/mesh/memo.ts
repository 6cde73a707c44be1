interface Node<R> {
  weak?: WeakMap<object, Node<R>>;
  strong?: Map<unknown, Node<R>>;
  result?: { value: R };
}

function child<R>(node: Node<R>, key: unknown): Node<R> {
  const table: { get(k: never): Node<R> | undefined; set(k: never, n: Node<R>): unknown } =
    typeof key === 'object' && key !== null ? (node.weak ??= new WeakMap()) : (node.strong ??= new Map());
  let next = table.get(key as never);
  if (!next) table.set(key as never, (next = {}));
  return next;
}

/**
 * The function, remembering its result for each tuple of arguments, compared by identity. The first argument must be an
 * object: when it (or any object in the tuple) is dropped by the rest of the program, so is what was remembered for it.
 */
export function memo<A extends readonly [object, ...unknown[]], R>(compute: (...args: A) => R): (...args: A) => R {
  const root: Node<R> = {};
  return (...args) => {
    let node = root;
    for (const arg of args) node = child(node, arg);
    node.result ??= { value: compute(...args) };
    return node.result.value;
  };
}

/** Of one list after another, what is made of each element. */
type EachOf<T, R, G> = (list: readonly T[], given: G, again?: (place: number) => boolean) => readonly R[];

/**
 * What `compute` makes of the elements of one list after another: made anew only where another element stands, where `again` says so,
 * or of all when `given` is another. The same list for as long as it holds the same.
 */
export function mapped<T, R, G = void>(compute: (element: T, given: G) => R): EachOf<T, R, G> {
  let last: { readonly list: readonly T[]; readonly made: readonly R[]; readonly given: G } | undefined;
  return (list, given, again) => {
    const known = last?.given === given ? last : undefined;
    if (known?.list === list && !again) return known.made;
    // One that came or went moved those behind it.
    const shift = list.length - (known?.list.length ?? 0);
    const differs = shift && known ? list.findIndex((element, i) => known.list[i] !== element) : list.length;
    const made = list.map((element, i) => {
      const at = differs < 0 || i < differs ? i : i - shift;
      return known && known.list[at] === element && !again?.(i) ? known.made[at]! : compute(element, given);
    });
    last = { list, made: keepArray(last?.made, made), given };
    return last.made;
  };
}

/** Likewise of lists that are made of the elements, as one list. */
export function flatMapped<T, R, G = void>(compute: (element: T, given: G) => readonly R[]): EachOf<T, R, G> {
  const none: readonly R[] = [];
  const parts = mapped((element: T, given: G) => {
    const made = compute(element, given);
    return made.length ? made : none;
  });
  return (list, given, again) => joinedOf(parts(list, given, again)) as readonly R[];
}

const joinedOf = memo((lists: readonly (readonly unknown[])[]): readonly unknown[] => lists.flat());
const joinedAll = memo((...lists: readonly [readonly unknown[], ...(readonly unknown[])[]]): readonly unknown[] => lists.flat());

/** The lists as one; the same for as long as they are. */
export function joined<T>(first: readonly T[], ...rest: readonly (readonly T[])[]): readonly T[] {
  return joinedAll(first, ...rest) as readonly T[];
}

/** `next`, or `previous` when both hold the same elements. */
export function keepArray<T>(previous: readonly T[] | undefined, next: readonly T[]): readonly T[] {
  if (previous === next) return next;
  return previous && previous.length === next.length && previous.every((x, i) => x === next[i]) ? previous : next;
}

/** `next`, or `previous` when both hold the same entries; the order of entries does not count. */
export function keepMap<K, V>(previous: ReadonlyMap<K, V> | undefined, next: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  if (!previous || previous === next || previous.size !== next.size) return next;
  for (const [k, v] of next) if (previous.get(k) !== v) return next;
  return previous;
}

/** Gives equal plain values one identity for as long as somebody holds it. */
export function interner<T extends object>(): (value: T) => T {
  const known = new Map<string, WeakRef<T>>();
  const gone = new FinalizationRegistry<string>((text) => {
    if (!known.get(text)?.deref()) known.delete(text);
  });
  return (value) => {
    const text = JSON.stringify(value);
    const held = known.get(text)?.deref();
    if (held) return held;
    known.set(text, new WeakRef(value));
    gone.register(value, text);
    return value;
  };
}
