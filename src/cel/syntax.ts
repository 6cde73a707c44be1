import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { compileError, type CelCompileError } from './error.ts';
import { Uint, type Value } from './value.ts';

/** An expression. `at` is the offset that messages point to, as the real compiler chooses it. */
export type Expr =
  | { readonly op: 'literal'; readonly at: number; readonly value: Value }
  | { readonly op: 'name'; readonly at: number; readonly name: string }
  | { readonly op: 'select'; readonly at: number; readonly of: Expr; readonly field: string; readonly optional: boolean }
  | { readonly op: 'index'; readonly at: number; readonly of: Expr; readonly index: Expr; readonly optional: boolean }
  | { readonly op: 'call'; readonly at: number; readonly on: Expr | undefined; readonly fn: string; readonly args: readonly Expr[] }
  | { readonly op: 'list'; readonly at: number; readonly items: readonly Expr[] }
  | { readonly op: 'map'; readonly at: number; readonly entries: readonly (readonly [Expr, Expr])[] };

/** Longest expression, in characters. */
const LENGTH_LIMIT = 100_000;

/**
 * The grammar is the library's; types, evaluation and functions are ours, as each step has to be counted and values know their schema.
 */
const parser = new Environment({
  enableOptionalTypes: true,
  unlistedVariablesAreDyn: true,
  limits: { maxAstNodes: 10_000, maxDepth: 200, maxListElements: 5_000, maxMapEntries: 5_000, maxCallArguments: 32 },
});

/** Reads an expression. Throws `CelCompileError`. */
export function parse(source: string): Expr {
  if (source.length > LENGTH_LIMIT) {
    throw compileError('', [{ at: 0, message: `expression code point size exceeds limit: size: ${source.length}, limit ${LENGTH_LIMIT}` }]);
  }
  let ast: ASTNode;
  try {
    ast = parser.parse(source).ast;
  } catch (error) {
    throw syntaxError(source, error);
  }
  return exprOf(ast, source);
}

function syntaxError(source: string, error: unknown): CelCompileError {
  const { summary, range } = error as { summary?: string; range?: { start: number } };
  const message = error instanceof RangeError ? 'expression recursion limit exceeded' : `Syntax error: ${summary ?? String(error)}`;
  return compileError(source, [{ at: range?.start ?? 0, message }]);
}

const OPERATORS: Readonly<Record<string, string>> = {
  '!_': '!_',
  '-_': '-_',
  in: '@in',
  '?:': '_?_:_',
  ...Object.fromEntries(['||', '&&', '==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%'].map((op) => [op, `_${op}_`])),
};

function exprOf(node: ASTNode, source: string): Expr {
  const part = (inner: ASTNode): Expr => exprOf(inner, source);
  const behind = (inner: ASTNode, sign: string): number => Math.max(source.indexOf(sign, inner.end), 0);
  switch (node.op) {
    case 'value':
      return { op: 'literal', at: node.start, value: literalOf(node.args) };
    case 'id':
      return { op: 'name', at: node.start, name: node.args };
    case '.':
    case '.?':
      return { op: 'select', at: behind(node.args[0], '.'), of: part(node.args[0]), field: node.args[1], optional: node.op === '.?' };
    case '[]':
    case '[?]':
      return { op: 'index', at: behind(node.args[0], '['), of: part(node.args[0]), index: part(node.args[1]), optional: node.op === '[?]' };
    case 'call':
      return { op: 'call', at: source.indexOf('(', node.start), on: undefined, fn: node.args[0], args: node.args[1].map(part) };
    case 'rcall': {
      const [fn, on, args] = node.args;
      return { op: 'call', at: source.indexOf('(', source.indexOf(fn, on.end)), on: part(on), fn, args: args.map(part) };
    }
    case 'list':
      return { op: 'list', at: node.start, items: node.args.map(part) };
    case 'map':
      return { op: 'map', at: node.start, entries: node.args.map(([key, value]) => [part(key), part(value)] as const) };
    case '!_':
    case '-_':
      return negative(node.op, node.start, part(node.args));
    case '?:':
      return { op: 'call', at: behind(node.args[0], '?'), on: undefined, fn: '_?_:_', args: node.args.map(part) };
    default:
      return {
        op: 'call',
        at: behind(node.args[0], node.op),
        on: undefined,
        fn: OPERATORS[node.op]!,
        args: node.args.map(part),
      };
  }
}

/** A minus before a number is part of it. */
function negative(fn: '!_' | '-_', at: number, arg: Expr): Expr {
  if (fn === '-_' && arg.op === 'literal' && (typeof arg.value === 'bigint' || typeof arg.value === 'number')) {
    return { op: 'literal', at, value: -arg.value };
  }
  return { op: 'call', at, on: undefined, fn, args: [arg] };
}

/** The library has a class of its own for unsigned numbers. */
function literalOf(value: unknown): Value {
  if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) return new Uint((value as { value: bigint }).value);
  return value as Value;
}
