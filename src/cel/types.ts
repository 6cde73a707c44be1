/** What the checker knows of a value. `max` bounds its length (characters, elements), for estimates of cost; it is no part of the identity. */
export type Type =
  | { readonly kind: 'dyn'; readonly max?: number }
  | { readonly kind: 'simple'; readonly name: string; readonly max?: number }
  | { readonly kind: 'list'; readonly of: Type; readonly max?: number }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type; readonly max?: number }
  | { readonly kind: 'optional'; readonly of: Type; readonly max?: number }
  | { readonly kind: 'object'; readonly name: string; readonly fields: ReadonlyMap<string, Type>; readonly max?: number }
  | { readonly kind: 'param'; readonly name: string; readonly max?: number };

const simple = (name: string): Type => ({ kind: 'simple', name });

export const DYN: Type = { kind: 'dyn' };
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const NULL = simple('null');
export const TYPE = simple('type');
export const TIMESTAMP = simple('google.protobuf.Timestamp');
export const DURATION = simple('google.protobuf.Duration');
export const listOf = (of: Type, max?: number): Type => ({ kind: 'list', of, ...(max === undefined ? {} : { max }) });
export const mapOf = (key: Type, value: Type, max?: number): Type => ({ kind: 'map', key, value, ...(max === undefined ? {} : { max }) });
export const optionalOf = (of: Type): Type => ({ kind: 'optional', of });

/** The type as the real compiler writes it in messages: `list(string)`. */
export function typeText(type: Type): string {
  switch (type.kind) {
    case 'dyn':
      return 'dyn';
    case 'simple':
    case 'object':
    case 'param':
      return type.name;
    case 'list':
      return `list(${typeText(type.of)})`;
    case 'map':
      return `map(${typeText(type.key)}, ${typeText(type.value)})`;
    case 'optional':
      return `optional_type(${typeText(type.of)})`;
  }
}

/** What the type parameters of a signature stand for in one call. */
export type Bindings = Map<string, Type>;

/** True for the values of `type` that may also be null. */
function takesNull(type: Type): boolean {
  if (type.kind === 'object' || type.kind === 'optional') return true;
  return type.kind === 'simple' && !PLAIN.has(type.name);
}

const PLAIN: ReadonlySet<string> = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes', 'type']);

/** True when an argument of type `arg` may stand where `want` is wanted; what parameters stand for is noted in `bindings`. */
export function fits(want: Type, arg: Type, bindings: Bindings): boolean {
  if (want.kind === 'param') {
    const bound = bindings.get(want.name);
    if (!bound || bound.kind === 'dyn') {
      bindings.set(want.name, arg);
      return true;
    }
    const joined = join(bound, arg);
    if (joined) bindings.set(want.name, joined);
    return joined !== undefined;
  }
  if (want.kind === 'dyn' || arg.kind === 'dyn' || arg.kind === 'param') return true;
  if (arg.kind === 'simple' && arg.name === 'null') return takesNull(want);
  if (want.kind !== arg.kind) return false;
  switch (want.kind) {
    case 'list':
    case 'optional':
      return fits(want.of, (arg as typeof want).of, bindings);
    case 'map':
      return fits(want.key, (arg as typeof want).key, bindings) && fits(want.value, (arg as typeof want).value, bindings);
    case 'object':
      return want.name === (arg as typeof want).name && want.fields === (arg as typeof want).fields;
    case 'simple':
      return want.name === (arg as typeof want).name;
  }
}

/** The type of values that are of either type; undefined when there is none but `dyn`. */
export function join(a: Type, b: Type): Type | undefined {
  if (a === b) return a;
  if (a.kind === 'dyn' || b.kind === 'dyn') return DYN;
  if (isNull(a)) return takesNull(b) || isNull(b) ? b : undefined;
  if (isNull(b)) return takesNull(a) ? a : undefined;
  const max = Math.max(a.max ?? Infinity, b.max ?? Infinity);
  const bound = Number.isFinite(max) ? { max } : {};
  if (a.kind === 'list' && b.kind === 'list') {
    const of = joinParts(a.of, b.of);
    return of && { kind: 'list', of, ...bound };
  }
  if (a.kind === 'optional' && b.kind === 'optional') {
    const of = joinParts(a.of, b.of);
    return of && optionalOf(of);
  }
  if (a.kind === 'map' && b.kind === 'map') {
    const key = joinParts(a.key, b.key);
    const value = joinParts(a.value, b.value);
    return key && value && { kind: 'map', key, value, ...bound };
  }
  if (a.kind === 'object' && b.kind === 'object') return a.fields === b.fields ? a : undefined;
  if (a.kind === 'simple' && b.kind === 'simple' && a.name === b.name) return { ...a, max: Number.isFinite(max) ? max : Infinity };
  return undefined;
}

/** Elements of an empty literal have no type of their own. */
function joinParts(a: Type, b: Type): Type | undefined {
  if (a.kind === 'param') return b;
  if (b.kind === 'param') return a;
  return join(a, b);
}

export const isNull = (type: Type): boolean => type.kind === 'simple' && type.name === 'null';

/** A signature's type with its parameters filled in. */
export function substitute(type: Type, bindings: Bindings): Type {
  switch (type.kind) {
    case 'param':
      return bindings.get(type.name) ?? DYN;
    case 'list':
      return { ...type, of: substitute(type.of, bindings) };
    case 'optional':
      return { ...type, of: substitute(type.of, bindings) };
    case 'map':
      return { ...type, key: substitute(type.key, bindings), value: substitute(type.value, bindings) };
    default:
      return type;
  }
}
