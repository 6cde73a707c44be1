/** How the demo speaks: a heading a step, a tick or a cross a fact, a summary in the end. */
export interface Fact {
  readonly step: string;
  readonly ok: boolean;
  readonly text: string;
}

export class Report {
  readonly facts: Fact[] = [];
  readonly seconds = new Map<string, number>();
  readonly #print: (text: string) => void;
  readonly #monotonic: () => number;
  #step = '';
  #started = 0;

  constructor(print: (text: string) => void, monotonic: () => number) {
    this.#print = print;
    this.#monotonic = monotonic;
  }

  step(title: string): void {
    this.#close();
    this.#step = title;
    this.#started = this.#monotonic();
    this.#print(`\n== ${title}\n`);
  }

  /** A command as the user would type it. */
  command(line: string): void {
    this.#print(`   $ ${line}\n`);
  }

  line(text: string): void {
    this.#print(`   ${text}\n`);
  }

  /** Something that was to come out in a certain way. */
  check(ok: boolean, text: string): void {
    this.facts.push({ step: this.#step, ok, text });
    this.#print(`   ${ok ? '✓' : '✗'} ${text}\n`);
  }

  get failed(): readonly Fact[] {
    return this.facts.filter((f) => !f.ok);
  }

  end(): void {
    this.#close();
  }

  #close(): void {
    if (this.#step) this.seconds.set(this.#step, (this.#monotonic() - this.#started) / 1000);
    this.#step = '';
  }
}

/** Whether `hits` of `n` fits a share of `p`: within three standard deviations of the binomial distribution. */
export function withinThreeSigma(hits: number, n: number, p: number): { ok: boolean; low: number; high: number } {
  const margin = 3 * Math.sqrt(n * p * (1 - p));
  const [low, high] = [Math.max(0, Math.ceil(n * p - margin)), Math.min(n, Math.floor(n * p + margin))];
  return { ok: hits >= low && hits <= high, low, high };
}
