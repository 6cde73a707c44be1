/** Why a process ended, as far as its log tells. Pure. */
export interface LastWords {
  readonly message: string;
  readonly hint: string | undefined;
}

const LINES = 8;

/** The last error in the lines of a JSON log; where there is none (a crash of the runtime, say), its last lines. */
export function lastWords(log: string): LastWords {
  const lines = log.trimEnd().split('\n');
  for (let i = lines.length - 1; i >= 0; i--) {
    const entry = entryOf(lines[i]!);
    if (entry?.level !== 'error' || typeof entry.msg !== 'string') continue;
    const detail = typeof entry.error === 'string' ? `: ${entry.error}` : '';
    return { message: `${entry.msg}${detail}`, hint: typeof entry.hint === 'string' ? entry.hint : undefined };
  }
  return { message: lines.slice(-LINES).join('\n'), hint: undefined };
}

function entryOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const read: unknown = JSON.parse(line);
    return typeof read === 'object' && read !== null ? (read as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
