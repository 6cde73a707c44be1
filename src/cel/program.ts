import { Compiler, type Activation, type Part } from './compile.ts';
import { CelError, compileError } from './error.ts';
import { Meter } from './meter.ts';
import { parse } from './syntax.ts';
import { worked } from './turns.ts';
import type { Type } from './types.ts';
import type { Value } from './value.ts';

export interface Environment {
  /** Types of the variables. */
  readonly variables: Readonly<Record<string, Type>>;
}

/** An expression that can be evaluated. */
export interface Program {
  readonly type: Type;
  /** Most that an evaluation costs, by the bounds of the variables' types; infinite when they have none. */
  readonly cost: number;
  /** Variables that it reads. */
  readonly uses: ReadonlySet<string>;
  /** Functions and macros that it calls, by their names; operators are among them, as `_+_`. */
  readonly calls: ReadonlySet<string>;
  /** Throws `CelError` when it has no value, `CelLimitError` at the meter's limit. */
  evaluate(activation: Activation, meter?: Meter): Value;
}

/** Most that one evaluation may cost, as in Kubernetes. */
export const CALL_LIMIT = 1_000_000;

/** Compiles an expression. Throws `CelCompileError`. */
export function compile(source: string, { variables }: Environment): Program {
  const expr = parse(source);
  const compiler = new Compiler(variables);
  let part: Part;
  try {
    part = compiler.part(expr, undefined);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw compileError(source, [{ at: 0, message: 'expression recursion limit exceeded' }]);
  }
  if (compiler.mistakes.length > 0) throw compileError(source, compiler.mistakes);
  const { type, cost, run } = part;
  return {
    type,
    cost,
    uses: compiler.used,
    calls: compiler.called,
    evaluate: (activation, meter = new Meter(CALL_LIMIT)) => {
      const before = meter.spent;
      try {
        return run({ activation, meter, value: null, up: undefined });
      } catch (error) {
        if (error instanceof RangeError) throw new CelError('evaluation is nested too deeply');
        throw error;
      } finally {
        worked(meter.spent - before);
      }
    },
  };
}
