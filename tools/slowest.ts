/** A reporter of node:test: says at the end which files took longest. */
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

const SHOWN = 10;

export default async function* slowest(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files: { file: string; seconds: number }[] = [];
  for await (const { type, data } of events)
    if (type === 'test:summary' && data.file) files.push({ file: relative(process.cwd(), data.file), seconds: data.duration_ms / 1000 });
  files.sort((a, b) => b.seconds - a.seconds);
  yield '\nslowest files\n';
  for (const { file, seconds } of files.slice(0, SHOWN)) yield `${seconds.toFixed(1).padStart(7)} s  ${file}\n`;
}
