import { CelError } from '../error.ts';
import type { Meter } from '../meter.ts';
import {
  Duration,
  equal,
  keyed,
  keyText,
  listKeys,
  numeric,
  Timestamp,
  Uint,
  type CelMap,
  type List,
  type MapKey,
  type Value,
} from '../value.ts';
import { declare, traversal, type Overload, type Sizes } from './declare.ts';

export const int = (value: bigint): bigint => {
  if (value < -(2n ** 63n) || value >= 2n ** 63n) throw new CelError('integer overflow');
  return value;
};

const nonZero = (value: bigint, what: string): bigint => {
  if (value === 0n) throw new CelError(what);
  return value;
};

const arithmetic: readonly Overload[] = [
  declare('_+_(int, int): int', (a: bigint, b: bigint) => int(a + b)),
  declare('_-_(int, int): int', (a: bigint, b: bigint) => int(a - b)),
  declare('_*_(int, int): int', (a: bigint, b: bigint) => int(a * b)),
  declare('_/_(int, int): int', (a: bigint, b: bigint) => int(a / nonZero(b, 'division by zero'))),
  declare('_%_(int, int): int', (a: bigint, b: bigint) => int(a % nonZero(b, 'modulus by zero'))),
  declare('-_(int): int', (a: bigint) => int(-a)),
  declare('_+_(uint, uint): uint', (a: Uint, b: Uint) => new Uint(a.value + b.value)),
  declare('_-_(uint, uint): uint', (a: Uint, b: Uint) => new Uint(a.value - b.value)),
  declare('_*_(uint, uint): uint', (a: Uint, b: Uint) => new Uint(a.value * b.value)),
  declare('_/_(uint, uint): uint', (a: Uint, b: Uint) => new Uint(a.value / nonZero(b.value, 'division by zero'))),
  declare('_%_(uint, uint): uint', (a: Uint, b: Uint) => new Uint(a.value % nonZero(b.value, 'modulus by zero'))),
  declare('_+_(double, double): double', (a: number, b: number) => a + b),
  declare('_-_(double, double): double', (a: number, b: number) => a - b),
  declare('_*_(double, double): double', (a: number, b: number) => a * b),
  declare('_/_(double, double): double', (a: number, b: number) => a / b),
  declare('-_(double): double', (a: number) => -a),
  declare('!_(bool): bool', (a: boolean) => !a),
];

const both = ([a = 1, b = 1]: Sizes): number => a + b;
const concatenation = { cost: (sizes: Sizes) => 1 + traversal(both(sizes)), max: both };

const joining: readonly Overload[] = [
  declare('_+_(string, string): string', (a: string, b: string) => a + b, concatenation),
  declare('_+_(bytes, bytes): bytes', (a: Uint8Array, b: Uint8Array) => Buffer.concat([a, b]), concatenation),
  declare('_+_(list<A>, list<A>): list<A>', concat, concatenation),
];

/** Lists whose order has no meaning are united: what is on the right replaces what it stands for on the left. */
function concat(a: List, b: List): List {
  const keys = listKeys(a);
  if (!keys) return [...a, ...b];
  const out = new Map(a.map((item) => [keyText(item, keys), item]));
  for (const item of b) out.set(keyText(item, keys), item);
  return keyed([...out.values()], keys);
}

const time: readonly Overload[] = [
  declare('_+_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => new Timestamp(a.nanos + b.nanos)),
  declare('_+_(duration, timestamp): timestamp', (a: Duration, b: Timestamp) => new Timestamp(a.nanos + b.nanos)),
  declare('_+_(duration, duration): duration', (a: Duration, b: Duration) => new Duration(a.nanos + b.nanos)),
  declare('_-_(timestamp, timestamp): duration', (a: Timestamp, b: Timestamp) => new Duration(a.nanos - b.nanos)),
  declare('_-_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => new Timestamp(a.nanos - b.nanos)),
  declare('_-_(duration, duration): duration', (a: Duration, b: Duration) => new Duration(a.nanos - b.nanos)),
];

/** Below zero, zero or above; NaN when neither. */
export function compare(a: Value, b: Value): number {
  if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array);
  const [x, y] = [ordinal(a), ordinal(b)];
  return x < y ? -1 : x > y ? 1 : x === y || (x as bigint) >= (y as bigint) ? 0 : NaN;
}

function ordinal(value: Value): bigint | number | string {
  if (value instanceof Timestamp || value instanceof Duration) return value.nanos;
  if (value instanceof Uint) return numeric(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value as bigint | number | string;
}

const NUMBERS = ['int', 'uint', 'double'];
const ORDERED: readonly (readonly [string, string])[] = [
  ...NUMBERS.flatMap((a) => NUMBERS.map((b) => [a, b] as const)),
  ...['bool', 'string', 'bytes', 'timestamp', 'duration'].map((t) => [t, t] as const),
];
const RELATIONS: Readonly<Record<string, (order: number) => boolean>> = {
  '_<_': (o) => o < 0,
  '_<=_': (o) => o <= 0,
  '_>_': (o) => o > 0,
  '_>=_': (o) => o >= 0,
};

const lesser = ([a = 1, b = 1]: Sizes): number => 1 + traversal(Math.min(a, b));

const relations = Object.entries(RELATIONS).flatMap(([op, holds]) =>
  ORDERED.map(([a, b]) => declare(`${op}(${a}, ${b}): bool`, (x: Value, y: Value) => holds(compare(x, y)), { cost: lesser })),
);

const equality: readonly Overload[] = [
  declare('_==_(A, A): bool', (a: Value, b: Value, meter: Meter) => equal(a, b, meter), { cost: lesser }),
  declare('_!=_(A, A): bool', (a: Value, b: Value, meter: Meter) => !equal(a, b, meter), { cost: lesser }),
  declare('@in(A, list<A>): bool', (a: Value, list: List, meter: Meter) => list.some((item) => equal(a, item, meter)), {
    cost: ([, size = 1]) => 1 + size,
  }),
  declare('@in(A, map<A, B>): bool', (a: Value, map: CelMap) => map.has(mapKey(a))),
];

/** The form in which maps hold a key. */
export function mapKey(key: Value): MapKey {
  if (key instanceof Uint) return key.value;
  if (typeof key === 'number' && Number.isInteger(key)) return BigInt(key);
  return key as MapKey;
}

export const operators: readonly Overload[] = [...arithmetic, ...joining, ...time, ...relations, ...equality];
