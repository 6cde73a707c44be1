/** How the demo speaks: a heading a step, a tick or a cross a fact, a summary in the end. */
export interface Fact {
  readonly step: string;
  readonly ok: boolean;
  readonly text: string;
}

/** Select graphic rendition (ECMA-48): on and off. */
const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39] } as const;

export class Report {
  readonly facts: Fact[] = [];
  /** How long each step took. */
  readonly seconds = new Map<string, number>();
  readonly #print: (text: string) => void;
  readonly #monotonic: () => number;
  readonly #color: boolean;
  #step = '';
  #started = 0;
  #printedAt = 0;

  constructor(print: (text: string) => void, monotonic: () => number, color: boolean) {
    this.#print = (text) => {
      this.#printedAt = monotonic();
      print(text);
    };
    this.#monotonic = monotonic;
    this.#color = color;
  }

  step(title: string): void {
    this.end();
    this.#step = title;
    this.#started = this.#monotonic();
    this.heading(title);
  }

  heading(title: string): void {
    this.#print(`\n${this.#styled('bold', `== ${title}`)}\n`);
  }

  /** A command as the user would type it. */
  command(line: string): void {
    this.line(this.#styled('dim', `$ ${line}`));
  }

  /** One line, or several in one text. */
  line(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#print(`   ${line}\n`);
  }

  /** How long nothing has been said, in milliseconds. */
  get silentMs(): number {
    return this.#monotonic() - this.#printedAt;
  }

  /** What takes long is said to be still going on. */
  waiting(what: string, seconds: number): void {
    this.line(this.#styled('dim', `... waiting until ${what} (${Math.round(seconds)} s so far)`));
  }

  /** Something that was to come out in a certain way. */
  check(ok: boolean, text: string): void {
    this.facts.push({ step: this.#step, ok, text });
    this.line(`${this.mark(ok)} ${text}`);
  }

  mark(ok: boolean): string {
    return ok ? this.#styled('green', '✓') : this.#styled('red', '✗');
  }

  get failed(): readonly Fact[] {
    return this.facts.filter((f) => !f.ok);
  }

  /** Closes the current step. */
  end(): void {
    if (this.#step) this.seconds.set(this.#step, (this.#monotonic() - this.#started) / 1000);
    this.#step = '';
  }

  #styled(style: keyof typeof STYLES, text: string): string {
    const [on, off] = STYLES[style];
    return this.#color ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }
}

/** Whether `hits` of `n` fits a share of `p`: within three standard deviations of the binomial distribution. */
export function withinThreeSigma(hits: number, n: number, p: number): { ok: boolean; low: number; high: number } {
  const margin = 3 * Math.sqrt(n * p * (1 - p));
  const [low, high] = [Math.max(0, Math.ceil(n * p - margin)), Math.min(n, Math.floor(n * p + margin))];
  return { ok: hits >= low && hits <= high, low, high };
}
