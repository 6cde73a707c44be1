/** What may be evaluated in one turn of the event loop, in units of cost: some 10 ms. */
const TURN = 100_000;

let spent = 0;
let last = Promise.resolve();

/** Counts what an evaluation has cost. */
export function worked(units: number): void {
  spent += units;
}

/**
 * To be waited for before the next of several expressions is evaluated: when much was evaluated since the event loop last went round, it
 * resolves in a turn that is the caller's alone. Undefined: go on at once.
 */
export function nextTurn(): Promise<void> | undefined {
  if (spent < TURN) return undefined;
  return (last = last.then(
    () =>
      new Promise((resolve) =>
        setImmediate(() => {
          spent = 0;
          resolve();
        }),
      ),
  ));
}
