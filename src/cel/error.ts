/** Why an expression has no value: what evaluation came to, or what made it stop. Within CEL it can be outweighed (`false && error`). */
export class CelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelError';
  }
}

/** An expression did more work than it may; nothing outweighs this. */
export class CelLimitError extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
    this.name = 'CelLimitError';
  }
}

/** An expression that cannot be compiled. The message shows the place of each mistake, as the real compiler does. */
export class CelCompileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelCompileError';
  }
}

/** A mistake at a place of an expression. */
export interface Mistake {
  /** Offset in characters. */
  readonly at: number;
  readonly message: string;
}

/** More mistakes than these help nobody. */
const SHOWN = 10;

export function compileError(source: string, mistakes: readonly Mistake[]): CelCompileError {
  const lines = source.split('\n');
  const texts = [...mistakes]
    .sort((a, b) => a.at - b.at)
    .slice(0, SHOWN)
    .map(({ at, message }) => {
      let line = 0;
      let column = at;
      while (line < lines.length - 1 && column > lines[line]!.length) column -= lines[line++]!.length + 1;
      return `ERROR: <input>:${line + 1}:${column + 1}: ${message}\n | ${lines[line]}\n | ${'.'.repeat(column)}^`;
    });
  return new CelCompileError(texts.join('\n'));
}
