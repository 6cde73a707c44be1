/**
 * Aborts at Ctrl-C or SIGTERM. From here on neither ends the process by itself: who asks for this ends soon after it has aborted.
 * A signal may come more than once (from the terminal and from the process that started this one): later ones say nothing new.
 */
export function interruption(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  return stop.signal;
}

/** Resolves, with `value`, when the signal has aborted. */
export function aborted<T>(signal: AbortSignal, value: T): Promise<T> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(value);
    else signal.addEventListener('abort', () => resolve(value), { once: true });
  });
}
