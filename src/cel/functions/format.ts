import { CelError } from '../error.ts';
import type { Meter } from '../meter.ts';
import { Duration, isList, isMap, Timestamp, TypeValue, Uint, type List, type Value } from '../value.ts';
import { doubleText } from './conversions.ts';
import { declare, type Overload } from './declare.ts';
import { durationText, timestampText } from './times.ts';

/** Longest text that formatting may make. */
const RESULT_LIMIT = 1_000_000;

/** `"%s is %d".format([a, b])`. */
function fill(template: string, args: List, meter: Meter): string {
  let next = 0;
  let size = 0;
  const out = template.replace(/%(?:\.(\d{1,4}))?(.?)/gs, (whole, precision: string | undefined, verb: string) => {
    if (whole === '%%') return '%';
    if (!VERBS.has(verb)) throw new CelError(`could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(verb)}`);
    if (next >= args.length) throw new CelError(`index ${next} out of range`);
    const text = clause(verb, args[next++]!, meter, precision === undefined ? undefined : Number(precision));
    if ((size += text.length) > RESULT_LIMIT) throw new CelError('result is too long');
    return text;
  });
  return out;
}

const VERBS = new Set(['s', 'd', 'f', 'e', 'b', 'x', 'X', 'o']);

function clause(verb: string, value: Value, meter: Meter, precision = 6): string {
  switch (verb) {
    case 's':
      return shown(value, meter);
    case 'd':
      return isWhole(value)
        ? integerOf(value).toString()
        : typeof value === 'number' && !Number.isFinite(value)
          ? doubleText(value)
          : refuse('integer', 'd');
    case 'f':
      return typeof value === 'number' || isWhole(value)
        ? numberText(Number(integerOrDouble(value)), (n) => n.toFixed(Math.min(precision, 100)))
        : refuse('fixed-point', 'f');
    case 'e':
      return typeof value === 'number' || isWhole(value)
        ? numberText(Number(integerOrDouble(value)), (n) => n.toExponential(Math.min(precision, 100)).replace(/e([+-])(\d)$/, 'e$10$2'))
        : refuse('scientific', 'e');
    case 'b':
      return typeof value === 'boolean' ? (value ? '1' : '0') : isWhole(value) ? integerOf(value).toString(2) : refuse('binary', 'b');
    case 'o':
      return isWhole(value) ? integerOf(value).toString(8) : refuse('octal', 'o');
    default: {
      const hex = hexOf(value);
      return verb === 'X' ? hex.toUpperCase() : hex;
    }
  }
}

function hexOf(value: Value): string {
  if (isWhole(value)) return integerOf(value).toString(16);
  if (typeof value === 'string' || value instanceof Uint8Array) return Buffer.from(value as string).toString('hex');
  return refuse('hex', 'x');
}

const isWhole = (value: Value): value is bigint | Uint => typeof value === 'bigint' || value instanceof Uint;
const integerOf = (value: bigint | Uint): bigint => (value instanceof Uint ? value.value : value);
const integerOrDouble = (value: number | bigint | Uint): number | bigint => (typeof value === 'number' ? value : integerOf(value));
const numberText = (n: number, write: (n: number) => string): string =>
  Number.isFinite(n) ? write(n) : Number.isNaN(n) ? 'NaN' : n > 0 ? 'Infinity' : '-Infinity';

function refuse(what: string, verb: string): never {
  throw new CelError(`error during formatting: ${what} clause (%${verb}) does not take this type`);
}

/** A value in words. */
function shown(value: Value, meter: Meter): string {
  meter.traverse(typeof value === 'string' ? value.length : 10);
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return doubleText(value);
  if (typeof value === 'bigint' || typeof value === 'boolean' || value === null) return String(value);
  if (isList(value)) return `[${value.map((item) => shown(item, meter)).join(', ')}]`;
  if (isMap(value)) {
    return `{${[...value]
      .map(([k, v]) => [shown(k, meter), shown(v, meter)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${k}: ${v}`)
      .join(', ')}}`;
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof TypeValue) return value.name;
  throw new CelError(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps`,
  );
}

export const format: readonly Overload[] = [declare('string.format(list<dyn>): string', fill, { max: () => RESULT_LIMIT })];
