/** The expressions of webhooks and policies: what they can speak of, and whether they can be read. */
import { BOOL, CelCompileError, compile, DYN, NULL, STRING, typeText, type Program, type Type } from '../../../cel/index.ts';
import type { Causes } from '../check.ts';

const VARIABLES: Readonly<Record<string, Type>> = {
  object: DYN,
  oldObject: DYN,
  request: DYN,
  namespaceObject: DYN,
  params: DYN,
  variables: DYN,
};

/** What an expression may come to, by what it is for; anything where that is empty. */
const RESULTS = { condition: [BOOL], message: [STRING], annotation: [STRING, NULL], any: [] } as const;

/** What an expression is for; it says what it must come to. */
export type ExpressionUse = keyof typeof RESULTS;

/** Compiles an expression. Throws `CelCompileError` when it cannot be read, and when it comes to something else than it is to. */
export function compileAdmission(expression: string, use: ExpressionUse): Program {
  const program = tryCompile(expression);
  const wanted: readonly Type[] = RESULTS[use];
  if (wanted.length > 0 && program.type.kind !== 'dyn' && !wanted.some((type) => nameOf(type) === nameOf(program.type))) {
    const names = wanted.map(nameOf).join(' ');
    throw new CelCompileError(`must evaluate to ${wanted.length > 1 ? `one of [${names}]` : names} but got ${nameOf(program.type)}`);
  }
  return program;
}

const nameOf = (type: Type): string => (type === NULL ? 'null_type' : typeText(type));

function tryCompile(expression: string): Program {
  try {
    return compile(expression, { variables: VARIABLES });
  } catch (error) {
    throw error instanceof CelCompileError ? new CelCompileError(`compilation failed: ${error.message}`) : error;
  }
}

/** Checks that an expression is there and can be compiled. */
export function checkExpression(causes: Causes, at: string, expression: string | undefined, use: ExpressionUse, missing = ''): void {
  if (!expression?.trim()) return causes.required(at, missing);
  try {
    compileAdmission(expression, use);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    causes.invalid(at, expression, error.message);
  }
}
