import { CelError } from '../error.ts';
import { isList, isMap, NONE, Optional, type List, type Value } from '../value.ts';
import { declare, type Overload } from './declare.ts';

/** The zero of a type counts as nothing. */
function isZero(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (isList(value) || value instanceof Uint8Array) return value.length === 0;
  return isMap(value) && value.size === 0;
}

function valueOf(optional: Optional): Value {
  if (optional.value === undefined) throw new CelError('optional.none() dereference');
  return optional.value;
}

/** What is there of a list of optionals. */
const unwrap = (list: List): Value[] => (list as Optional[]).flatMap(({ value }) => (value === undefined ? [] : [value]));

export const optionals: readonly Overload[] = [
  declare('optional.of(A): optional<A>', (value: Value) => new Optional(value)),
  declare('optional.ofNonZeroValue(A): optional<A>', (value: Value) => (isZero(value) ? NONE : new Optional(value))),
  declare('optional.none(): optional<A>', () => NONE),
  declare('optional<A>.hasValue(): bool', (o: Optional) => o.value !== undefined),
  declare('optional<A>.value(): A', valueOf),
  declare('optional<A>.orValue(A): A', (o: Optional, other: Value) => o.value ?? other),
  declare('optional<A>.or(optional<A>): optional<A>', (o: Optional, other: Optional) => (o.value === undefined ? other : o)),
  declare('optional.unwrap(list<optional<A>>): list<A>', unwrap),
  declare('list<optional<A>>.unwrapOpt(): list<A>', unwrap),
];
