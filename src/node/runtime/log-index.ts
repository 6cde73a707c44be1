/** When a log had grown to which size: `size` bytes were there at `at` (milliseconds since the epoch). Both only grow. */
export interface LogMark {
  readonly size: number;
  readonly at: number;
}

export function formatMark(mark: LogMark): string {
  return `${mark.size} ${mark.at}\n`;
}

/** The marks of an index file; a torn last line is left out. */
export function parseMarks(text: string): LogMark[] {
  const out: LogMark[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const [size, at] = line.split(' ').map(Number);
    if (Number.isFinite(size) && Number.isFinite(at)) out.push({ size: size!, at: at! });
  }
  return out;
}

/** When the byte at `offset` was first seen; undefined when no mark covers it yet. */
export function timeOf(marks: readonly LogMark[], offset: number): number | undefined {
  return marks[firstWhere(marks, (m) => m.size > offset)]?.at;
}

/** Where the output from `since` on begins. */
export function offsetSince(marks: readonly LogMark[], since: number): number {
  const i = firstWhere(marks, (m) => m.at >= since);
  return i === 0 ? 0 : marks[i - 1]!.size;
}

function firstWhere(marks: readonly LogMark[], test: (mark: LogMark) => boolean): number {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(marks[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
