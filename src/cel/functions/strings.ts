import { CelError } from '../error.ts';
import type { Meter } from '../meter.ts';
import type { List } from '../value.ts';
import { lengthOf } from './conversions.ts';
import { declare, traversal, type Costs, type Overload, type Sizes } from './declare.ts';

/** Positions count code points; most texts have no others than of one unit. */
const isPlain = (text: string): boolean => lengthOf(text) === text.length;

/** A part of a text by code points. */
function slice(text: string, from: bigint, to: bigint): string {
  if (isPlain(text)) return text.slice(Number(from), Number(to));
  return Array.from(text).slice(Number(from), Number(to)).join('');
}

function checkRange(text: string, from: bigint, to = BigInt(lengthOf(text))): void {
  const length = BigInt(lengthOf(text));
  if (from < 0n || from > length) throw new CelError(`index out of range: ${from}`);
  if (to < 0n || to > length) throw new CelError(`index out of range: ${to}`);
  if (from > to) throw new CelError(`invalid substring range. start: ${from}, end: ${to}`);
}

const substring = (text: string, from: bigint, to?: bigint): string => {
  checkRange(text, from, to);
  return slice(text, from, to ?? BigInt(lengthOf(text)));
};

function charAt(text: string, index: bigint): string {
  checkRange(text, index);
  return slice(text, index, index + 1n);
}

/** The position of a unit of the text, in code points. */
const pointsBefore = (text: string, unit: number): bigint => (unit < 0 ? -1n : BigInt(lengthOf(text.slice(0, unit))));
const unitAt = (text: string, point: bigint): number => slice(text, 0n, point).length;

function indexOf(text: string, part: string, from = 0n): bigint {
  checkRange(text, from);
  return pointsBefore(text, text.indexOf(part, unitAt(text, from)));
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  if (from !== undefined) checkRange(text, from);
  return pointsBefore(text, text.lastIndexOf(part, from === undefined ? Infinity : unitAt(text, from)));
}

/** The text with at most `limit` parts replaced; all of them when it is negative. */
function replace(text: string, part: string, by: string, limit: bigint, meter: Meter): string {
  if (limit === 0n) return text;
  // Before the first and behind the last character are places of the empty text, too.
  const pieces = part === '' ? ['', ...Array.from(text), ''] : text.split(part);
  const count = limit < 0n ? pieces.length - 1 : Math.min(Number(limit), pieces.length - 1);
  meter.traverse(text.length + count * by.length);
  return (
    pieces.slice(0, count + 1).join(by) +
    pieces
      .slice(count + 1)
      .map((piece) => part + piece)
      .join('')
  );
}

function split(text: string, separator: string, limit = -1n): string[] {
  if (limit === 0n) return [];
  if (limit === 1n) return [text];
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (limit < 0n || BigInt(parts.length) <= limit) return parts;
  const last = Number(limit) - 1;
  return [...parts.slice(0, last), parts.slice(last).join(separator)];
}

const lowerAscii = (text: string): string => text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
const upperAscii = (text: string): string => text.replace(/[a-z]+/g, (part) => part.toUpperCase());
/** White space as Unicode has it, and not the mark of byte order that JavaScript takes for some. */
const trim = (text: string): string => text.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, (space) => (space.includes('\ufeff') ? space : ''));

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};
const quote = (text: string): string => `"${Array.from(text, (c) => ESCAPES[c] ?? c).join('')}"`;

const first: Costs = { cost: ([size]) => 1 + traversal(size), max: ([size = 1]) => size };
const product: Costs = { cost: ([a, b]) => traversal(a) * Math.max(1, traversal(b)) };
const double: Costs = { cost: ([size = 1]) => 1 + traversal(size * 2), max: ([size = 1]) => size + 1 };
const replaced: Costs = {
  cost: ([size = 1]: Sizes) => 1 + traversal(size * 2),
  max: ([size = 1, , by = 1]: Sizes) => size + (size + 1) * by,
};
const second: Costs = { cost: ([, size]) => Math.max(1, traversal(size)) };
function join(list: List, separator: string, meter: Meter): string {
  meter.traverse((list as string[]).reduce((sum, text) => sum + text.length + separator.length, 0));
  return list.join(separator);
}

export const strings: readonly Overload[] = [
  declare('string.contains(string): bool', (s: string, part: string) => s.includes(part), product),
  declare('string.startsWith(string): bool', (s: string, part: string) => s.startsWith(part), second),
  declare('string.endsWith(string): bool', (s: string, part: string) => s.endsWith(part), second),
  declare('string.charAt(int): string', charAt, { max: () => 1 }),
  declare('string.indexOf(string): int', (s: string, part: string) => indexOf(s, part), product),
  declare('string.indexOf(string, int): int', indexOf, product),
  declare('string.lastIndexOf(string): int', (s: string, part: string) => lastIndexOf(s, part), product),
  declare('string.lastIndexOf(string, int): int', lastIndexOf, product),
  declare('string.lowerAscii(): string', lowerAscii, first),
  declare('string.upperAscii(): string', upperAscii, first),
  declare('string.trim(): string', trim, first),
  declare(
    'string.replace(string, string): string',
    (s: string, a: string, b: string, meter: Meter) => replace(s, a, b, -1n, meter),
    replaced,
  ),
  declare('string.replace(string, string, int): string', replace, replaced),
  declare('string.split(string): list<string>', (s: string, by: string) => split(s, by), double),
  declare('string.split(string, int): list<string>', split, double),
  declare('string.substring(int): string', (s: string, from: bigint) => substring(s, from), first),
  declare('string.substring(int, int): string', substring, first),
  declare('list<string>.join(): string', (list: List, meter: Meter) => join(list, '', meter), { cost: ([size = 1]) => 1 + size }),
  declare('list<string>.join(string): string', join, { cost: ([size = 1, by = 1]) => 1 + size + traversal(size * by) }),
  declare('strings.quote(string): string', quote, double),
];
