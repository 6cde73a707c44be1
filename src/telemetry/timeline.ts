/** The times at which one target was read: shared by all series that come from it, so that a series holds only values. */
export class Timeline {
  #times: number[] = [];
  /** Position of the first time still kept; positions never change. */
  #base = 0;

  get end(): number {
    return this.#base + this.#times.length;
  }

  push(time: number): void {
    this.#times.push(time);
  }

  at(position: number): number {
    return this.#times[position - this.#base] ?? NaN;
  }

  /** The first position after `time`. */
  after(time: number): number {
    let lo = 0;
    let hi = this.#times.length;
    while (lo < hi) {
      const middle = (lo + hi) >> 1;
      if (this.#times[middle]! <= time) lo = middle + 1;
      else hi = middle;
    }
    return this.#base + lo;
  }

  slice(from: number, to: number): Float64Array {
    return Float64Array.from(this.#times.slice(from - this.#base, to - this.#base));
  }

  /** Forgets positions below `position`. */
  forget(position: number): void {
    const n = Math.min(position - this.#base, this.#times.length);
    if (n <= 0) return;
    this.#times = this.#times.slice(n);
    this.#base += n;
  }
}
