import { fieldIn } from './access.ts';
import { dotted, type Compiler, type Frame, type Part, type Scope, type Step } from './compile.ts';
import { CelError, CelLimitError } from './error.ts';
import { overloadsOf } from './functions/index.ts';
import type { Overload, Sizes } from './functions/declare.ts';
import { isPattern } from './functions/regex.ts';
import { goDuration, rfc3339Nanos } from './functions/times.ts';
import { macroOf } from './macros.ts';
import type { Expr } from './syntax.ts';
import { BOOL, DYN, fits, join, substitute, typeText, type Bindings, type Type } from './types.ts';
import { isList, isMap, isOf, Optional, type Value } from './value.ts';

export type Call = Expr & { op: 'call' };

/** A call of an operator, a macro or a function. */
export function compileCall(compiler: Compiler, call: Call, scope: Scope | undefined): Part {
  compiler.called.add(call.fn);
  switch (call.fn) {
    case '_&&_':
      return logical(compiler, call, scope, false);
    case '_||_':
      return logical(compiler, call, scope, true);
    case '_?_:_':
      return conditional(compiler, call, scope);
  }
  if (call.on === undefined && call.fn === 'has' && call.args.length === 1) return has(compiler, call, scope);
  const macro = macroOf(compiler, call, scope);
  if (macro) return macro;
  const space = call.on && dotted(call.on);
  if (space && !compiler.knows(space.split('.')[0]!, scope) && overloadsOf(`${space}.${call.fn}`, false)) {
    return apply(compiler, { ...call, on: undefined, fn: `${space}.${call.fn}` }, scope);
  }
  return apply(compiler, call, scope);
}

/** `&&` and `||`: what decides outweighs an error on the other side. */
function logical(compiler: Compiler, call: Call, scope: Scope | undefined, decisive: boolean): Part {
  const [left, right] = call.args.map((arg) => compiler.part(arg, scope)) as [Part, Part];
  if (!isBool(left.type) || !isBool(right.type)) return noOverload(compiler, call, [left.type, right.type]);
  return {
    type: BOOL,
    cost: left.cost + right.cost,
    run: (frame) => {
      let failure: unknown;
      try {
        const value = left.run(frame);
        if (value === decisive) return decisive;
        if (typeof value !== 'boolean') failure = new CelError('no such overload');
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        failure = error;
      }
      const value = right.run(frame);
      if (value === decisive) return decisive;
      if (failure) throw failure;
      if (typeof value !== 'boolean') throw new CelError('no such overload');
      return value;
    },
  };
}

const isBool = (type: Type): boolean => type.kind === 'dyn' || (type.kind === 'simple' && type.name === 'bool');

function conditional(compiler: Compiler, call: Call, scope: Scope | undefined): Part {
  const [test, yes, no] = call.args.map((arg) => compiler.part(arg, scope)) as [Part, Part, Part];
  const type = join(yes.type, no.type);
  if (!isBool(test.type) || !type) return noOverload(compiler, call, [test.type, yes.type, no.type]);
  return {
    type,
    cost: test.cost + Math.max(yes.cost, no.cost),
    run: (frame) => {
      const value = test.run(frame);
      if (typeof value !== 'boolean') throw new CelError('no such overload');
      return value ? yes.run(frame) : no.run(frame);
    },
  };
}

/** `has(a.b)`: whether the last field is there; the ones before it must be. */
function has(compiler: Compiler, call: Call, scope: Scope | undefined): Part {
  const [arg] = call.args;
  if (arg!.op !== 'select' || arg!.optional) return compiler.wrong(call.at, 'invalid argument to has() macro');
  const { field } = arg!;
  const of = compiler.part(arg!.of, scope);
  compiler.fieldOf(of.type, field, arg!.at);
  return {
    type: BOOL,
    cost: of.cost + 1,
    run: (frame) => {
      const value = of.run(frame);
      frame.meter.spend(1);
      const inner = value instanceof Optional ? value.value : value;
      return inner !== undefined && fieldIn(inner, field) !== undefined;
    },
  };
}

/** A function by its overloads: those that the types allow, chosen among by the values where the types leave it open. */
function apply(compiler: Compiler, call: Call, scope: Scope | undefined): Part {
  const member = call.on !== undefined;
  const exprs = member ? [call.on, ...call.args] : call.args;
  const mixed = member && call.fn === 'format';
  const parts = exprs.map((expr) => (mixed && expr.op === 'list' ? compiler.list(expr.items, scope, true) : compiler.part(expr, scope)));
  checkLiterals(compiler, call);
  const types = parts.map((part) => part.type);
  const known = overloadsOf(call.fn, member);
  if (!known) return compiler.wrong(call.at, `undeclared reference to '${call.fn}' (in container '')`);
  const candidates = candidatesOf(known, types);
  if (candidates.length === 0) return noOverload(compiler, call, types);

  const sizes = types.map((type) => type.max ?? (sized(type) ? Infinity : 1));
  const results = candidates.map(({ overload, bindings }) => withMax(substitute(overload.result, bindings), overload, sizes));
  const overloads = candidates.map(({ overload }) => overload);
  return {
    type: results.reduce<Type | undefined>((type, next) => type && join(type, next), results[0]) ?? DYN,
    cost: parts.reduce((sum, part) => sum + part.cost, Math.max(...overloads.map((o) => o.estimate(sizes)))),
    run: overloads.length === 1 && !types.some(isOpen) ? direct(overloads[0]!, parts) : chosen(overloads, parts),
  };
}

const LITERALS: Readonly<Record<string, (text: string) => boolean>> = {
  matches: isPattern,
  duration: (text) => goDuration(text) !== undefined,
  timestamp: (text) => rfc3339Nanos(text) !== undefined,
};

/** What is written out can be read before anything runs. */
function checkLiterals(compiler: Compiler, { fn, args }: Call): void {
  const last = args.at(-1);
  if (last?.op !== 'literal' || typeof last.value !== 'string' || !Object.hasOwn(LITERALS, fn)) return;
  if (!LITERALS[fn]!(last.value)) compiler.wrong(last.at, `invalid ${fn} argument`);
}

function candidatesOf(known: readonly Overload[], types: readonly Type[]): { overload: Overload; bindings: Bindings }[] {
  return known.flatMap((overload) => {
    if (overload.params.length !== types.length) return [];
    const bindings: Bindings = new Map();
    return overload.params.every((want, i) => fits(want, types[i]!, bindings)) ? [{ overload, bindings }] : [];
  });
}

const sized = (type: Type): boolean =>
  type.kind === 'dyn' ||
  type.kind === 'list' ||
  type.kind === 'map' ||
  (type.kind === 'simple' && (type.name === 'string' || type.name === 'bytes'));

const withMax = (type: Type, overload: Overload, sizes: Sizes): Type => {
  const max = overload.max?.(sizes) ?? (sized(type) && type.kind !== 'dyn' ? sizes[0] : undefined);
  return max === undefined || type.kind === 'dyn' ? type : { ...type, max };
};

/** True when the checker cannot vouch for the value. */
function isOpen(type: Type): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
      return true;
    case 'list':
    case 'optional':
      return isOpen(type.of);
    case 'map':
      return isOpen(type.value);
    default:
      return false;
  }
}

function direct(overload: Overload, parts: readonly Part[]): Step {
  return (frame) => invoke(overload, valuesOf(parts, frame), frame);
}

function chosen(overloads: readonly Overload[], parts: readonly Part[]): Step {
  return (frame) => {
    const values = valuesOf(parts, frame);
    const overload = overloads.find(({ params }) => params.every((type, i) => holds(type, values[i]!)));
    if (!overload) throw new CelError('no such overload');
    return invoke(overload, values, frame);
  };
}

/** A value of the type, and what a list of it holds too. */
function holds(type: Type, value: Value): boolean {
  if (!isOf(type, value)) return false;
  return type.kind !== 'list' || type.of.kind !== 'simple' || (value as Value[]).every((item) => isOf(type.of, item));
}

const valuesOf = (parts: readonly Part[], frame: Frame): Value[] => parts.map((part) => part.run(frame));

function invoke(overload: Overload, values: readonly Value[], { meter }: Frame): Value {
  meter.spend(overload.cost(values.map(sizeOf)));
  try {
    return overload.run(values, meter);
  } catch (error) {
    if (error instanceof CelError || error instanceof CelLimitError) throw error;
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}

function sizeOf(value: Value): number {
  if (typeof value === 'string' || isList(value) || value instanceof Uint8Array) return value.length;
  return isMap(value) ? value.size : 1;
}

function noOverload(compiler: Compiler, call: Call, types: readonly Type[]): Part {
  const names = types.map(typeText);
  const applied = call.on ? `${names[0]}.(${names.slice(1).join(', ')})` : `(${names.join(', ')})`;
  return compiler.wrong(call.at, `found no matching overload for '${call.fn}' applied to '${applied}'`);
}
