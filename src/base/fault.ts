/** What went wrong, said so that the reader knows what to do about it. */
export class Fault extends Error {
  /** Stable and machine-readable, e.g. `EnvoyMissing`. */
  readonly code: string;
  /** What to change or run; a sentence. */
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
