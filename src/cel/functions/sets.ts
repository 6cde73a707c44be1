import type { Meter } from '../meter.ts';
import { equal, type List } from '../value.ts';
import { declare, type Costs, type Overload } from './declare.ts';

const product: Costs = { cost: ([a = 1, b = 1]) => 1 + a * b };
const contains = (list: List, part: List, meter: Meter): boolean => part.every((item) => list.some((other) => equal(item, other, meter)));
const intersects = (a: List, b: List, meter: Meter): boolean => a.some((item) => b.some((other) => equal(item, other, meter)));

export const sets: readonly Overload[] = [
  declare('sets.contains(list<A>, list<A>): bool', contains, product),
  declare(
    'sets.equivalent(list<A>, list<A>): bool',
    (a: List, b: List, meter: Meter) => contains(a, b, meter) && contains(b, a, meter),
    product,
  ),
  declare('sets.intersects(list<A>, list<A>): bool', intersects, product),
];
