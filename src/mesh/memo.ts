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

/** `next`, or `previous` when both hold the same elements. */
export function keepArray<T>(previous: readonly T[] | undefined, next: readonly T[]): readonly T[] {
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
