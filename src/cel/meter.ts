import { CelLimitError } from './error.ts';

/** Cost of looking at one character of a text, in units. */
export const TRAVERSAL = 0.1;

/** Counts the work of an evaluation, in Kubernetes' units of cost: about one a step. Throws `CelLimitError` at its limit. */
export class Meter {
  readonly #limit: number;
  #spent = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get spent(): number {
    return this.#spent;
  }

  spend(cost: number): void {
    this.#spent += cost;
    if (this.#spent > this.#limit) throw new CelLimitError();
  }

  /** Work in proportion to the length of a text. */
  traverse(characters: number): void {
    this.spend(Math.ceil(characters * TRAVERSAL));
  }
}
