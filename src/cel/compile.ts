import { elementIn, elementOf, fieldIn, optionally, shown } from './access.ts';
import { CelError, type Mistake } from './error.ts';
import type { Meter } from './meter.ts';
import { compileCall } from './calls.ts';
import { mapKey } from './functions/operators.ts';
import type { Expr } from './syntax.ts';
import { BOOL, BYTES, DOUBLE, DYN, INT, join, listOf, mapOf, NULL, optionalOf, STRING, TYPE, typeText, UINT, type Type } from './types.ts';
import { isList, TypeValue, Uint, type MapKey, type Value } from './value.ts';

/** Values of the variables; one that is undefined is as if it had not been declared with a value. */
export type Activation = Readonly<Record<string, Value | undefined>>;

/** Where an expression runs: the variables, and within comprehensions the innermost of theirs. */
export interface Frame {
  readonly activation: Activation;
  readonly meter: Meter;
  value: Value;
  readonly up: Frame | undefined;
}

export type Step = (frame: Frame) => Value;

/** A part of an expression, checked and ready to run. */
export interface Part {
  readonly type: Type;
  /** Most that it costs to run, in units; infinite when nothing bounds it. */
  readonly cost: number;
  readonly run: Step;
}

/** Names in scope within comprehensions, innermost first. */
export interface Scope {
  readonly name: string;
  readonly type: Type;
  readonly up: Scope | undefined;
}

export class Compiler {
  readonly #variables: Readonly<Record<string, Type>>;
  readonly mistakes: Mistake[] = [];
  /** Variables that the expression reads. */
  readonly used = new Set<string>();
  /** Functions and macros that it calls, operators among them. */
  readonly called = new Set<string>();

  constructor(variables: Readonly<Record<string, Type>>) {
    this.#variables = variables;
  }

  /** Notes a mistake and goes on, so that others are found too. */
  wrong(at: number, message: string): Part {
    this.mistakes.push({ at, message });
    return { type: DYN, cost: 0, run: () => null };
  }

  /** True when the name is a variable here, so that it does not begin the name of a function. */
  knows(name: string, scope: Scope | undefined): boolean {
    for (let s = scope; s; s = s.up) if (s.name === name) return true;
    return Object.hasOwn(this.#variables, name);
  }

  part(expr: Expr, scope: Scope | undefined): Part {
    switch (expr.op) {
      case 'literal':
        return this.#literal(expr.value, expr.at);
      case 'name':
        return this.#name(expr.name, expr.at, scope);
      case 'select':
        return this.#select(expr, scope);
      case 'index':
        return this.#index(expr, scope);
      case 'call':
        return compileCall(this, expr, scope);
      case 'list':
        return this.list(expr.items, scope);
      case 'map':
        return this.#map(expr.entries, scope);
    }
  }

  #literal(value: Value, at: number): Part {
    if (typeof value === 'bigint' && (value < -(2n ** 63n) || value >= 2n ** 63n)) return this.wrong(at, 'invalid int literal');
    return { type: literalType(value), cost: 0, run: () => value };
  }

  #name(name: string, at: number, scope: Scope | undefined): Part {
    let hops = 0;
    for (let s = scope; s; s = s.up, hops++) if (s.name === name) return { type: s.type, cost: 1, run: outer(hops) };
    const type = Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined;
    if (type) {
      this.used.add(name);
      return {
        type,
        cost: 1,
        run: ({ activation, meter }) => {
          meter.spend(1);
          const value = activation[name];
          if (value === undefined) throw new CelError(`no such attribute(s): ${name}`);
          return value;
        },
      };
    }
    const typeValue = TYPE_NAMES[name];
    if (typeValue) return { type: TYPE, cost: 0, run: () => typeValue };
    return this.wrong(at, `undeclared reference to '${name}' (in container '')`);
  }

  #select(expr: Expr & { op: 'select' }, scope: Scope | undefined): Part {
    const path = dotted(expr);
    if (path && TYPE_NAMES[path] && !this.knows(path.split('.')[0]!, scope)) {
      const value = TYPE_NAMES[path];
      return { type: TYPE, cost: 0, run: () => value };
    }
    const { field, optional } = expr;
    const of = this.part(expr.of, scope);
    const found = this.fieldOf(of.type, field, expr.at);
    const cost = of.cost + 1;
    if (optional || of.type.kind === 'optional') {
      return {
        type: found.kind === 'optional' ? found : optionalOf(found),
        cost,
        run: (frame) => {
          const value = of.run(frame);
          frame.meter.spend(1);
          return optionally(value, (inner) => fieldIn(inner, field));
        },
      };
    }
    return {
      type: found,
      cost,
      run: (frame) => {
        const value = of.run(frame);
        frame.meter.spend(1);
        const inner = fieldIn(value, field);
        if (inner === undefined) throw new CelError(`no such key: ${field}`);
        return inner;
      },
    };
  }

  /** The type of a field; a mistake when the type has none of this name. */
  fieldOf(type: Type, field: string, at: number): Type {
    switch (type.kind) {
      case 'dyn':
        return DYN;
      case 'map':
        return type.value;
      case 'optional':
        return this.fieldOf(type.of, field, at);
      case 'object': {
        const found = type.fields.get(field);
        if (!found) this.wrong(at, `undefined field '${field}'`);
        return found ?? DYN;
      }
      default:
        this.wrong(at, `type '${typeText(type)}' does not support field selection`);
        return DYN;
    }
  }

  #index(expr: Expr & { op: 'index' }, scope: Scope | undefined): Part {
    const of = this.part(expr.of, scope);
    const index = this.part(expr.index, scope);
    const container = of.type.kind === 'optional' ? of.type.of : of.type;
    const found = elementOf(container, index.type);
    if (!found) {
      return this.wrong(expr.at, `found no matching overload for '_[_]' applied to '(${typeText(of.type)}, ${typeText(index.type)})'`);
    }
    const cost = of.cost + index.cost + 1;
    const maybe = expr.optional || of.type.kind === 'optional';
    return {
      type: maybe ? optionalOf(found) : found,
      cost,
      run: (frame) => {
        const value = of.run(frame);
        const key = index.run(frame);
        frame.meter.spend(1);
        if (maybe) return optionally(value, (inner) => elementIn(inner, key));
        const inner = elementIn(value, key);
        if (inner === undefined) throw new CelError(isList(value) ? `index out of bounds: ${shown(key)}` : `no such key: ${shown(key)}`);
        return inner;
      },
    };
  }

  /** With `mixed`, elements may be of several types. */
  list(items: readonly Expr[], scope: Scope | undefined, mixed = false): Part {
    const parts = items.map((item) => this.part(item, scope));
    const of = mixed ? DYN : this.#sameType(parts, items);
    return {
      type: listOf(of, parts.length),
      cost: parts.reduce((sum, part) => sum + part.cost, 10),
      run: (frame) => {
        frame.meter.spend(10);
        return parts.map((part) => part.run(frame));
      },
    };
  }

  #map(entries: readonly (readonly [Expr, Expr])[], scope: Scope | undefined): Part {
    const keys = entries.map(([key]) => this.part(key, scope));
    const values = entries.map(([, value]) => this.part(value, scope));
    const key = this.#sameType(
      keys,
      entries.map(([e]) => e),
    );
    const value = this.#sameType(
      values,
      entries.map(([, e]) => e),
    );
    return {
      type: mapOf(key, value, entries.length),
      cost: [...keys, ...values].reduce((sum, part) => sum + part.cost, 30),
      run: (frame) => {
        frame.meter.spend(30);
        const out = new Map<MapKey, Value>();
        keys.forEach((part, i) => {
          const name = mapKey(part.run(frame));
          if (out.has(name)) throw new CelError(`Failed with repeated key`);
          out.set(name, values[i]!.run(frame));
        });
        return out;
      },
    };
  }

  /** What a literal holds is of one type. */
  #sameType(parts: readonly Part[], exprs: readonly Expr[]): Type {
    let type: Type = parts[0]?.type ?? { kind: 'param', name: 'A' };
    parts.slice(1).forEach((part, i) => {
      const joined = join(type, part.type);
      if (!joined) this.wrong(exprs[i + 1]!.at, `expected type '${typeText(type)}' but found '${typeText(part.type)}'`);
      type = joined ?? DYN;
    });
    return type;
  }
}

const TYPE_NAMES: Readonly<Record<string, TypeValue>> = Object.assign(
  Object.create(null) as Record<string, TypeValue>,
  Object.fromEntries(
    [
      'bool',
      'int',
      'uint',
      'double',
      'string',
      'bytes',
      'list',
      'map',
      'type',
      'null_type',
      'optional_type',
      'google.protobuf.Timestamp',
      'google.protobuf.Duration',
    ].map((name) => [name, new TypeValue(name)]),
  ),
);

/** `a.b.c` of a chain of names; undefined for other expressions. */
export function dotted(expr: Expr): string | undefined {
  if (expr.op === 'name') return expr.name;
  if (expr.op !== 'select' || expr.optional) return undefined;
  const before = dotted(expr.of);
  return before && `${before}.${expr.field}`;
}

function literalType(value: Value): Type {
  switch (typeof value) {
    case 'string':
      return { ...STRING, max: value.length };
    case 'bigint':
      return INT;
    case 'number':
      return DOUBLE;
    case 'boolean':
      return BOOL;
  }
  if (value === null) return NULL;
  return value instanceof Uint ? UINT : { ...BYTES, max: (value as Uint8Array).length };
}

function outer(hops: number): Step {
  return (frame) => {
    frame.meter.spend(1);
    let at: Frame = frame;
    for (let i = 0; i < hops; i++) at = at.up!;
    return at.value;
  };
}
