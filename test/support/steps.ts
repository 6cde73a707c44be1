/** Runs kubectl, or helm, line by line and holds what it says against what is expected. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Tool } from './kubectl.ts';

export interface Step {
  /** Arguments; words are split at spaces unless they are given apart. */
  readonly run: string | readonly string[];
  readonly input?: string;
  /** Files for it to find, by their path from its home; scripts can be run. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Record<string, string>;
  /** The exit code; 0 unless given. */
  readonly code?: number;
  /** What stdout holds; a string: all of it, without the last newline. */
  readonly out?: string | RegExp | readonly RegExp[];
  /** What stderr holds. */
  readonly err?: RegExp;
}

export async function runSteps(tool: Tool, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const args = typeof step.run === 'string' ? step.run.split(' ') : step.run;
    const { input, env, files = {} } = step;
    for (const [path, content] of Object.entries(files)) write(join(tool.home, path), content);
    const result = await tool.run(args, { ...(input === undefined ? {} : { input }), ...(env ? { env } : {}) });
    const told = `${args.join(' ')}\n${result.stdout}\n${result.stderr}`;
    assert.equal(result.code, step.code ?? 0, told);
    if (typeof step.out === 'string') assert.equal(result.stdout.replace(/\n$/, ''), step.out, told);
    else if (step.out) for (const pattern of [step.out].flat()) assert.match(result.stdout, pattern, told);
    if (step.err) assert.match(result.stderr, step.err, told);
  }
}

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  if (content.startsWith('#!')) chmodSync(path, 0o755);
}

/** Waits until a stream has said what is wanted, and returns all it said; the stream stays open. */
export function said(stream: Readable, wanted: RegExp, timeoutMs = 10_000): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`${wanted} was not said in ${timeoutMs} ms, but\n${text}`)), timeoutMs);
    stream.on('data', (chunk) => {
      text += String(chunk);
      if (!wanted.test(text)) return;
      clearTimeout(timer);
      resolve(text);
    });
  });
}
