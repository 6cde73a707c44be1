import { Fault, messageOf, toYaml } from '../base/index.ts';
import { ApiError } from '../api/index.ts';
import type { CommandContext } from './context.ts';

/** Prints a value in the format asked for; `text` lays it out for people. */
export function show(context: CommandContext, value: unknown, text: () => string): void {
  if (context.output === 'json') context.print(`${JSON.stringify(value, null, 2)}\n`);
  else if (context.output === 'yaml') context.print(toYaml(value));
  else context.print(text());
}

/** Columns padded to their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('   ')}\n`).join('');
}

/** An error as the user reads it: what is wrong, and what to do where that is known. */
export function explain(error: unknown): { readonly wrong: string; readonly hint: string | undefined } {
  if (error instanceof Fault) return { wrong: error.message, hint: error.hint };
  if (error instanceof ApiError) return { wrong: `the API refused: ${error.message}`, hint: undefined };
  return { wrong: messageOf(error), hint: undefined };
}

export function errorText(error: unknown): string {
  const { wrong, hint } = explain(error);
  return `error: ${wrong}\n${hint ? `${hint}\n` : ''}`;
}
