import { CelError } from '../error.ts';
import type { Meter } from '../meter.ts';
import { Duration, equal, Uint, type List, type Value } from '../value.ts';
import { declare, type Costs, type Overload } from './declare.ts';
import { compare, int } from './operators.ts';

const ORDERED = ['int', 'uint', 'double', 'bool', 'string', 'bytes', 'timestamp', 'duration'];

const isSorted = (list: List): boolean => list.every((item, i) => i === 0 || compare(list[i - 1]!, item) <= 0);

const extreme =
  (name: string, sign: number) =>
  (list: List): Value => {
    if (list.length === 0) throw new CelError(`${name} called on empty list`);
    return list.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
  };

function indexOf(list: List, item: Value, meter: Meter): bigint {
  return BigInt(list.findIndex((other) => equal(item, other, meter)));
}

function lastIndexOf(list: List, item: Value, meter: Meter): bigint {
  return BigInt(list.findLastIndex((other) => equal(item, other, meter)));
}

const sums: Readonly<Record<string, (list: List) => Value>> = {
  int: (list) => (list as bigint[]).reduce((a, b) => int(a + b), 0n),
  uint: (list) => (list as Uint[]).reduce((a, b) => new Uint(a.value + b.value), new Uint(0n)),
  double: (list) => (list as number[]).reduce((a, b) => a + b, 0),
  duration: (list) => (list as Duration[]).reduce((a, b) => new Duration(a.nanos + b.nanos), new Duration(0n)),
};

const once: Costs = { cost: ([size = 1]) => 1 + size };

export const lists: readonly Overload[] = [
  ...ORDERED.flatMap((type) => [
    declare(`list<${type}>.isSorted(): bool`, isSorted, once),
    declare(`list<${type}>.min(): ${type}`, extreme('min', -1), once),
    declare(`list<${type}>.max(): ${type}`, extreme('max', 1), once),
  ]),
  ...Object.entries(sums).map(([type, sum]) => declare(`list<${type}>.sum(): ${type}`, sum, once)),
  declare('list<A>.indexOf(A): int', indexOf, once),
  declare('list<A>.lastIndexOf(A): int', lastIndexOf, once),
];
