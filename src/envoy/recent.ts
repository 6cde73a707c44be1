/** Remembers what was asked for in this turn and in the one before it; what two turns did not ask for is forgotten. */
export class Recent<V> {
  #now = new Map<string, V>();
  #before = new Map<string, V>();

  /** The value of the key, made once. */
  keep(key: string, make: () => V): V {
    return this.renew(key, (last) => last ?? make());
  }

  /** The value of the key, made anew in each turn out of the last one. */
  renew(key: string, make: (last: V | undefined) => V): V {
    let value = this.#now.get(key);
    if (value === undefined) {
      value = make(this.#before.get(key));
      this.#now.set(key, value);
    }
    return value;
  }

  /** A turn in which nothing was asked for does not count. */
  turn(): void {
    if (!this.#now.size) return;
    this.#before = this.#now;
    this.#now = new Map();
  }
}
