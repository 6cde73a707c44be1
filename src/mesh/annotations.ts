/** Annotations with a prefix, read one by one. */

/** An annotation that has no effect, or not the one that was meant. */
export interface Odd {
  readonly name: string;
  readonly message: string;
  readonly fix: string;
}

/** Reads annotations, and remembers which were not understood. */
export class AnnotationReader {
  readonly #said: ReadonlyMap<string, string>;
  readonly #read = new Set<string>();
  readonly #odd: Odd[] = [];

  constructor(annotations: Readonly<Record<string, string>>, prefix: string) {
    const own = Object.entries(annotations).filter(([key]) => key.startsWith(prefix));
    this.#said = new Map(own.map(([key, value]) => [key.slice(prefix.length), value.trim()]));
  }

  note(name: string, message: string, fix: string): void {
    this.#odd.push({ name, message, fix });
  }

  has(name: string): boolean {
    return this.#said.has(name);
  }

  text(name: string): string | undefined {
    this.#read.add(name);
    return this.#said.get(name) || undefined;
  }

  /** What stands between commas. */
  list(name: string): string[] | undefined {
    return this.text(name)
      ?.split(',')
      .map((s) => s.trim())
      .filter(Boolean);
  }

  flag(name: string): boolean | undefined {
    const text = this.text(name);
    if (text === undefined || text === 'true' || text === 'false') return text === undefined ? undefined : text === 'true';
    this.note(name, `"${text}" is neither true nor false.`, 'Write "true" or "false".');
    return undefined;
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    this.note(name, `"${text}" is no number.`, 'Write a whole number from 0.');
    return undefined;
  }

  /** A number of seconds, with or without its unit. */
  seconds(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, digits] = /^(\d{1,9})s?$/.exec(text) ?? [];
    if (digits !== undefined) return Number(digits);
    this.note(name, `"${text}" is no number of seconds.`, 'Write a whole number.');
    return undefined;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.text(name);
    const found = values.find((v) => v.toLowerCase() === text?.toLowerCase());
    if (text !== undefined && !found) this.note(name, `"${text}" is not supported.`, `Use ${values.join(', ')}.`);
    return found;
  }

  rest(): readonly Odd[] {
    const unread = [...this.#said.keys()].filter((name) => !this.#read.has(name)).sort();
    return [...this.#odd, ...unread.map((name) => ({ name, message: 'it has no effect here.', fix: 'Remove it.' }))];
  }
}
