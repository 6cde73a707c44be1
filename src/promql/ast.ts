import type { Matcher } from './matcher.ts';

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string';

interface Node {
  /** Offset in the query's text. */
  readonly pos: number;
  readonly type: ValueType;
}

/** When a selector or subquery looks: `offset` in ms, `at` fixes the time. */
export interface Timing {
  readonly offset: number;
  readonly at?: number | 'start' | 'end' | undefined;
}

export interface NumberLiteral extends Node {
  readonly kind: 'number';
  readonly value: number;
}

export interface StringLiteral extends Node {
  readonly kind: 'string';
  readonly value: string;
}

export interface Selector extends Node, Timing {
  readonly kind: 'selector';
  readonly matchers: readonly Matcher[];
  /** Milliseconds; a matrix selector has one. */
  readonly range?: number | undefined;
}

export interface Subquery extends Node, Timing {
  readonly kind: 'subquery';
  readonly expr: Expr;
  readonly range: number;
  readonly step?: number | undefined;
}

export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expr[];
}

export interface Aggregate extends Node {
  readonly kind: 'aggregate';
  readonly op: string;
  readonly expr: Expr;
  readonly param?: Expr | undefined;
  readonly without: boolean;
  readonly grouping: readonly string[];
}

export interface Matching {
  readonly on: boolean;
  readonly labels: readonly string[];
  readonly group?: 'left' | 'right' | undefined;
  readonly include: readonly string[];
}

export interface Binary extends Node {
  readonly kind: 'binary';
  readonly op: string;
  readonly lhs: Expr;
  readonly rhs: Expr;
  readonly bool: boolean;
  readonly matching: Matching;
}

export interface Negation extends Node {
  readonly kind: 'negation';
  readonly expr: Expr;
}

export type Expr = NumberLiteral | StringLiteral | Selector | Subquery | Call | Aggregate | Binary | Negation;

export const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
export const SET_OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'unless']);
