export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured fields of a line; never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** The same log with fields added to every line. */
  with(fields: LogFields): Log;
}

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line: `ts`, `level`, `msg`, then the fields. */
export function jsonLog(write: (line: string) => void, now: () => number, level: LogLevel = 'info', base: LogFields = {}): Log {
  const at =
    (l: LogLevel) =>
    (msg: string, fields: LogFields = {}): void => {
      if (ORDER[l] < ORDER[level]) return;
      write(`${JSON.stringify({ ts: new Date(now()).toISOString(), level: l, msg, ...base, ...fields })}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => jsonLog(write, now, level, { ...base, ...fields }),
  };
}

/** A log that says nothing, for tests and tools. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};
