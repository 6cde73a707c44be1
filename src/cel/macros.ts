import type { Call } from './calls.ts';
import type { Compiler, Frame, Part, Scope } from './compile.ts';
import { CelError } from './error.ts';
import { mapKey } from './functions/operators.ts';
import type { Expr } from './syntax.ts';
import { BOOL, DYN, INT, join, listOf, mapOf, optionalOf, typeText, type Type } from './types.ts';
import { isList, isMap, NONE, Optional, type MapKey, type Value } from './value.ts';

/** What a loop adds to the cost of its body, a round. */
const ROUND = 3;

/** A call that binds names: loops over lists and maps, `cel.bind`, `optMap`. Undefined when the call is none of these. */
export function macroOf(compiler: Compiler, call: Call, scope: Scope | undefined): Part | undefined {
  const { on, fn, args } = call;
  if (!on) return undefined;
  if (on.op === 'name' && on.name === 'cel' && fn === 'bind' && args.length === 3) return bind(compiler, call, scope);
  if ((fn === 'optMap' || fn === 'optFlatMap') && args.length === 2) return optional(compiler, call, on, scope);
  const shape = LOOPS[fn]?.find((s) => s.names + s.parts === args.length && (s.names === 1 || args[1]!.op === 'name'));
  return shape && loop(compiler, call, on, scope, shape);
}

function bind(compiler: Compiler, { at, args }: Call, scope: Scope | undefined): Part {
  const [name, init, body] = args as [Expr, Expr, Expr];
  if (name.op !== 'name') return compiler.wrong(at, 'cel.bind() variable names must be simple identifiers');
  const value = compiler.part(init, scope);
  const inner = compiler.part(body, { name: name.name, type: value.type, up: scope });
  return {
    type: inner.type,
    cost: value.cost + inner.cost,
    run: (frame) => inner.run(within(frame, value.run(frame))),
  };
}

const within = (frame: Frame, value: Value): Frame => ({ activation: frame.activation, meter: frame.meter, value, up: frame });

function optional(compiler: Compiler, { at, fn, args }: Call, on: Expr, scope: Scope | undefined): Part {
  const [name, body] = args as [Expr, Expr];
  if (name.op !== 'name') return compiler.wrong(at, `${fn}() variable name must be a simple identifier`);
  const target = compiler.part(on, scope);
  if (target.type.kind !== 'optional' && target.type.kind !== 'dyn') {
    return compiler.wrong(at, `found no matching overload for '${fn}' applied to '${typeText(target.type)}'`);
  }
  const inner = compiler.part(body, { name: name.name, type: target.type.kind === 'optional' ? target.type.of : DYN, up: scope });
  const flat = fn === 'optFlatMap';
  return {
    type: flat ? inner.type : optionalOf(inner.type),
    cost: target.cost + inner.cost + 1,
    run: (frame) => {
      const value = target.run(frame);
      if (!(value instanceof Optional)) throw new CelError('no such overload');
      if (value.value === undefined) return NONE;
      const result = inner.run(within(frame, value.value));
      return flat ? result : new Optional(result);
    },
  };
}

/** How a loop goes over its range; `parts` run in a frame each round, the first as a condition where `filters`. */
interface Loop {
  /** One: elements, or keys. Two: index and element, or key and value. */
  readonly names: 1 | 2;
  readonly parts: 1 | 2;
  readonly filters: boolean;
  type(body: Type, range: Type): Type;
  start(): Collected;
}

/** Takes what each round came to. */
interface Collected {
  /** True when no later round can change the result. */
  take(result: () => Value, key: Value, element: Value): boolean;
  result(): Value;
}

const truth = (value: Value): boolean => {
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
};

/** `all` and `exists`: a deciding element outweighs errors of others. */
const quantifier = (decisive: boolean) => (): Collected => {
  let found = false;
  let failure: CelError | undefined;
  return {
    take(result) {
      try {
        found = truth(result()) === decisive;
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        failure ??= error;
      }
      return found;
    },
    result() {
      if (!found && failure) throw failure;
      return found ? decisive : !decisive;
    },
  };
};

const one = (): Collected => {
  let count = 0;
  return {
    take: (result) => {
      if (truth(result())) count++;
      return false;
    },
    result: () => count === 1,
  };
};

const list = (pick: 'result' | 'element') => (): Collected => {
  const out: Value[] = [];
  return {
    take: (result, _key, element) => {
      if (pick === 'result') out.push(result());
      else if (truth(result())) out.push(element);
      return false;
    },
    result: () => out,
  };
};

const map = (entries: (result: Value, key: Value) => Iterable<readonly [MapKey, Value]>) => (): Collected => {
  const out = new Map<MapKey, Value>();
  return {
    take: (result, key) => {
      for (const [name, value] of entries(result(), key)) {
        if (out.has(name)) throw new CelError(`insert failed: key '${String(name)}' already exists`);
        out.set(name, value);
      }
      return false;
    },
    result: () => out,
  };
};

const entriesOf = (value: Value): Iterable<readonly [MapKey, Value]> => {
  if (!isMap(value)) throw new CelError('no such overload');
  return value;
};

const toBool = (): Type => BOOL;
const toList = (body: Type, range: Type): Type => listOf(body, range.max);
const keyOf = (range: Type): Type => (range.kind === 'map' ? range.key : range.kind === 'list' ? INT : DYN);
const elementOf = (range: Type): Type => (range.kind === 'list' ? range.of : range.kind === 'map' ? range.key : DYN);

const ALL = { parts: 1, filters: false, type: toBool, start: quantifier(false) } as const;
const EXISTS = { parts: 1, filters: false, type: toBool, start: quantifier(true) } as const;
const ONE = { parts: 1, filters: false, type: toBool, start: one } as const;
const LIST = { type: toList, start: list('result') } as const;
const MAP = {
  type: (body: Type, range: Type): Type => mapOf(keyOf(range), body, range.max),
  start: map((result, key) => [[mapKey(key), result]]),
} as const;
const ENTRIES = { type: (body: Type): Type => body, start: map((result) => entriesOf(result)) } as const;

const LOOPS: Readonly<Record<string, readonly Loop[] | undefined>> = Object.assign(Object.create(null) as Record<string, readonly Loop[]>, {
  all: [
    { names: 1, ...ALL },
    { names: 2, ...ALL },
  ],
  exists: [
    { names: 1, ...EXISTS },
    { names: 2, ...EXISTS },
  ],
  exists_one: [{ names: 1, ...ONE }],
  existsOne: [
    { names: 1, ...ONE },
    { names: 2, ...ONE },
  ],
  filter: [
    { names: 1, parts: 1, filters: false, type: (_: Type, range: Type) => listOf(elementOf(range), range.max), start: list('element') },
  ],
  map: [
    { names: 1, parts: 1, filters: false, ...LIST },
    { names: 1, parts: 2, filters: true, ...LIST },
  ],
  transformList: [
    { names: 2, parts: 1, filters: false, ...LIST },
    { names: 2, parts: 2, filters: true, ...LIST },
  ],
  transformMap: [
    { names: 2, parts: 1, filters: false, ...MAP },
    { names: 2, parts: 2, filters: true, ...MAP },
  ],
  transformMapEntry: [
    { names: 2, parts: 1, filters: false, ...ENTRIES },
    { names: 2, parts: 2, filters: true, ...ENTRIES },
  ],
} satisfies Record<string, Loop[]>);

function loop(compiler: Compiler, { at, fn, args }: Call, on: Expr, scope: Scope | undefined, shape: Loop): Part {
  const names = args.slice(0, shape.names);
  if (names.some((arg) => arg.op !== 'name'))
    return compiler.wrong(names.find((a) => a.op !== 'name')!.at, 'argument must be a simple name');
  const [first, second] = names.map((arg) => (arg as Expr & { op: 'name' }).name);
  const range = compiler.part(on, scope);
  if (range.type.kind !== 'dyn' && range.type.kind !== 'list' && range.type.kind !== 'map') {
    return compiler.wrong(
      on.at,
      `expression of type '${typeText(range.type)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
    );
  }
  const inner: Scope = second
    ? { name: second, type: valueOf(range.type), up: { name: first!, type: keyOf(range.type), up: scope } }
    : { name: first!, type: elementOf(range.type), up: scope };
  const parts = args.slice(shape.names).map((arg) => compiler.part(arg, inner));
  const body = parts.at(-1)!;
  const test = shape.filters ? parts[0] : undefined;
  for (const part of test ? [test] : shape.type === toBool || fn === 'filter' ? [body] : []) {
    if (!join(part.type, BOOL))
      return compiler.wrong(at, `found no matching overload for '_?_:_' applied to '(${typeText(part.type)}, bool, bool)'`);
  }
  const rounds = range.type.max ?? Infinity;
  const round = parts.reduce((sum, part) => sum + part.cost, shape.type === toBool ? ROUND : ROUND * 4);
  return {
    type: shape.type(body.type, range.type),
    cost: range.cost + rounds * round,
    run: (frame) => {
      const over = range.run(frame);
      const collected = shape.start();
      const outer = second ? within(frame, null) : frame;
      const now = within(outer, null);
      for (const [key, element] of roundsOf(over, second !== undefined)) {
        frame.meter.spend(ROUND);
        if (second) outer.value = key;
        now.value = second ? element : isMap(over) ? key : element;
        if (test && !truth(test.run(now))) continue;
        if (collected.take(() => body.run(now), key, now.value)) break;
      }
      return collected.result();
    },
  };
}

const valueOf = (range: Type): Type => (range.kind === 'list' ? range.of : range.kind === 'map' ? range.value : DYN);

function* roundsOf(over: Value, indexed: boolean): Generator<readonly [Value, Value]> {
  if (isMap(over)) yield* over;
  else if (isList(over)) {
    let i = 0n;
    for (const item of over) yield [indexed ? i++ : null, item];
  } else throw new CelError('no such overload');
}
