/** Work in the background that nobody waits for: one after another within a line, each line by itself. */
export interface Lines {
  /** False, and nothing is done, when too much waits in the line. The work must not reject. */
  add(line: string, work: () => Promise<void>): boolean;
}

/** At most `most` may wait in a line. */
export function createLines(most: number): Lines {
  const lines = new Map<string, { end: Promise<void>; waiting: number }>();
  return {
    add(name, work) {
      const line = lines.get(name) ?? { end: Promise.resolve(), waiting: 0 };
      if (line.waiting >= most) return false;
      lines.set(name, line);
      line.waiting++;
      line.end = line.end.then(work).finally(() => {
        if (--line.waiting === 0) lines.delete(name);
      });
      return true;
    },
  };
}
