import { CelError } from './error.ts';
import type { Meter } from './meter.ts';
import type { Type } from './types.ts';

/** A value at run time: `int` is a bigint, `double` a number. Values are never changed. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | List
  | CelMap
  | Struct
  | Optional
  | TypeValue
  | Opaque;

export type CelMap = ReadonlyMap<MapKey, Value>;
/** An `uint` key is the `int` of the same value. */
export type MapKey = string | boolean | bigint;

/** How elements of a list are told apart, where their order has no meaning (`x-kubernetes-list-type`): as wholes, or by keys. */
export type ListKeys = 'set' | readonly string[];
const KEYS = Symbol('keys');
export type List = readonly Value[] & { readonly [KEYS]?: ListKeys };

export const listKeys = (list: List): ListKeys | undefined => list[KEYS];
export const keyed = (items: Value[], keys: ListKeys): List => Object.assign(items, { [KEYS]: keys });

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new CelError('unsigned integer overflow');
    this.value = value;
  }
}

/** Nanoseconds since 1970, in UTC. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    if (nanos < -62135596800_000000000n || nanos > 253402300799_999999999n) throw new CelError('timestamp overflow');
    this.nanos = nanos;
  }
}

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    if (nanos < -(2n ** 63n) || nanos >= 2n ** 63n) throw new CelError('duration overflow');
    this.nanos = nanos;
  }
}

export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class Optional {
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export const NONE = new Optional(undefined);

/** A value of a library: an address, a quantity. */
export abstract class Opaque {
  /** Of its type. */
  abstract readonly type: string;
  abstract equals(other: Opaque): boolean;
}

/** An object of a schema: has the fields of its type only, each made a value when it is first asked for. */
export class Struct {
  readonly type: Type & { kind: 'object' };
  readonly #get: (field: string) => Value | undefined;
  readonly #known = new Map<string, Value | undefined>();

  constructor(type: Type & { kind: 'object' }, get: (field: string) => Value | undefined) {
    this.type = type;
    this.#get = get;
  }

  get(field: string): Value | undefined {
    if (!this.#known.has(field)) this.#known.set(field, this.#get(field));
    return this.#known.get(field);
  }
}

export const isList = (value: Value): value is List => Array.isArray(value);
export const isMap = (value: Value): value is CelMap => value instanceof Map;

/** The name of a value's type. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
  }
  if (value === null) return 'null_type';
  if (isList(value)) return 'list';
  if (isMap(value)) return 'map';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof Optional) return 'optional_type';
  if (value instanceof Struct) return value.type.name;
  return value.type;
}

/** True when a value may be of the type; what lists and maps hold is not looked at. */
export function isOf(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
      return true;
    case 'list':
      return isList(value);
    case 'map':
      return isMap(value);
    case 'optional':
      return value instanceof Optional;
    case 'object':
      return value instanceof Struct;
    case 'simple':
      return typeName(value) === (type.name === 'null' ? 'null_type' : type.name);
  }
}

const isNumber = (value: Value): value is bigint | number | Uint =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;
export const numeric = (value: bigint | number | Uint): bigint | number => (value instanceof Uint ? value.value : value);

/** Equality as CEL defines it: numbers by value across their types, the rest only within a type. */
export function equal(a: Value, b: Value, meter: Meter): boolean {
  meter.spend(1);
  if (isNumber(a) && isNumber(b)) {
    // eslint-disable-next-line eqeqeq -- compares a bigint and a number by value
    return numeric(a) == numeric(b);
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') {
    if (typeof a === 'string' && typeof b === 'string') meter.traverse(Math.min(a.length, b.length));
    return a === b;
  }
  if (isList(a)) return isList(b) && equalLists(a, b, meter);
  if (isMap(a)) {
    if (!isMap(b) || a.size !== b.size) return false;
    for (const [key, value] of a) {
      const other = b.get(key);
      if (other === undefined || !equal(value, other, meter)) return false;
    }
    return true;
  }
  if (a instanceof Struct) return b instanceof Struct && a.type.fields === b.type.fields && equalStructs(a, b, meter);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false;
    return a.value === undefined || b.value === undefined ? a.value === b.value : equal(a.value, b.value, meter);
  }
  return a instanceof Opaque && b instanceof Opaque && a.type === b.type && a.equals(b);
}

function equalStructs(a: Struct, b: Struct, meter: Meter): boolean {
  for (const field of a.type.fields.keys()) {
    const [left, right] = [a.get(field), b.get(field)];
    if (left === undefined || right === undefined ? left !== right : !equal(left, right, meter)) return false;
  }
  return true;
}

function equalLists(a: List, b: List, meter: Meter): boolean {
  if (a.length !== b.length) return false;
  const keys = listKeys(a);
  if (!keys) return a.every((item, i) => equal(item, b[i]!, meter));
  const others = new Map(b.map((item) => [keyText(item, keys), item]));
  return a.every((item) => {
    const other = others.get(keyText(item, keys));
    return other !== undefined && equal(item, other, meter);
  });
}

/** What tells an element of a list whose order has no meaning from the others. */
export function keyText(item: Value, keys: ListKeys): string {
  if (keys === 'set') return text(item);
  return keys.map((key) => text(item instanceof Struct ? (item.get(key) ?? null) : null)).join('\0');
}

function text(value: Value): string {
  if (value !== null && typeof value === 'object') {
    if (isList(value)) return `[${value.map(text).join(',')}]`;
    if (value instanceof Struct) return `{${[...value.type.fields.keys()].map((f) => text(value.get(f) ?? null)).join(',')}}`;
    if (value instanceof Timestamp || value instanceof Duration) return `${typeName(value)} ${value.nanos}`;
    if (value instanceof Uint) return `${value.value}`;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    return typeName(value);
  }
  return `${typeName(value)} ${String(value)}`;
}
