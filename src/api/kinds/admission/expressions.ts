/** The expressions of webhooks and policies: what they can speak of, and whether they can be read. */
import { BOOL, CelCompileError, compile, DYN, STRING, type Program, type Type } from '../../../cel/index.ts';
import type { Causes } from '../check.ts';

const VARIABLES: Readonly<Record<string, Type>> = {
  object: DYN,
  oldObject: DYN,
  request: DYN,
  namespaceObject: DYN,
  params: DYN,
  variables: DYN,
};

const RESULTS = { condition: BOOL, message: STRING, any: DYN } as const;

/** What an expression is for; it says what it must come to. */
export type ExpressionUse = keyof typeof RESULTS;

/** Compiles an expression. Throws `CelCompileError`. */
export function compileAdmission(expression: string, use: ExpressionUse): Program {
  return compile(expression, { variables: VARIABLES, result: RESULTS[use] });
}

/** Checks that an expression is there and can be compiled. */
export function checkExpression(causes: Causes, at: string, expression: string | undefined, use: ExpressionUse, missing = ''): void {
  if (!expression?.trim()) return causes.required(at, missing);
  try {
    compileAdmission(expression, use);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    causes.invalid(at, expression, `compilation failed: ${error.message}`);
  }
}
