import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { Fault } from '../base/index.ts';
import { COMPARISONS, SET_OPERATORS, type Expr, type Matching, type Selector, type Timing, type ValueType } from './ast.ts';
import { METRIC_NAME } from './labels.ts';
import { matcher, type Matcher, type MatchOp } from './matcher.ts';
import { AGGREGATIONS, signatures } from './signatures.ts';

const MAX_QUERY = 64 * 1024;
/** Deeper nesting than any person writes, and well within the stack. */
const MAX_DEPTH = 200;

/** Reads and type-checks a query. Throws a Fault `PromqlInvalid` that names line and column. */
export function parse(query: string): Expr {
  if (query.length > MAX_QUERY)
    throw new Fault('PromqlInvalid', `a query of ${query.length} characters is too long`, { hint: `Keep it below ${MAX_QUERY}.` });
  const top = parser.parse(query).topNode;
  const reader: Reader = new Reader(query);
  reader.rejectErrors(top);
  const [expr] = childrenOf(top);
  if (!expr) reader.fail(0, 'no expression found in input');
  return reader.expr(expr, 0);
}

/** Reads a series selector, as `match[]` of the HTTP API takes it. Throws as {@link parse}. */
export function parseSelector(text: string): readonly Matcher[] {
  const expr = parse(text);
  if (expr.kind === 'selector' && expr.range === undefined && expr.offset === 0 && expr.at === undefined) return expr.matchers;
  throw new Fault('PromqlInvalid', `${JSON.stringify(text)} is not a series selector`, {
    hint: 'Give a metric and its labels: requests_total{app="web"}.',
  });
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };

/** Milliseconds of a Prometheus duration (`1h30m`) or of a number of seconds (`90`, `0.5`); undefined when it is neither. */
export function parsePromDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(ms|[smhdwy]))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, n, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) total += Number(n) * UNIT_MS[unit!]!;
  return total;
}

class Reader {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  fail(pos: number, problem: string): never {
    const before = this.#query.slice(0, pos).split('\n');
    throw new Fault('PromqlInvalid', `${before.length}:${before.at(-1)!.length + 1}: parse error: ${problem}`, {
      hint: 'Correct the query at that line and column.',
    });
  }

  rejectErrors(top: SyntaxNode): void {
    const cursor = top.cursor();
    do {
      if (!cursor.type.isError) continue;
      const { from } = cursor;
      const word = /^\w+(?=\s*\()/.exec(this.#query.slice(this.#wordBefore(from)))?.[0];
      if (this.#query[from] === '(' && word) this.fail(from - word.length, `unknown function with name ${JSON.stringify(word)}`);
      const rest = this.#query.slice(from).trimStart();
      this.fail(from, rest === '' ? 'unexpected end of input' : `unexpected ${JSON.stringify(/^(\w+|.)/s.exec(rest)![0])}`);
    } while (cursor.next());
  }

  /** Where the word begins that ends at `to`; step by step, since a pattern that is to end somewhere is tried from everywhere. */
  #wordBefore(to: number): number {
    let from = to;
    while (from > 0 && /[\w:]/.test(this.#query[from - 1]!)) from--;
    return from;
  }

  expr(node: SyntaxNode, depth: number): Expr {
    if (depth > MAX_DEPTH) this.fail(node.from, 'the query is nested too deeply');
    const pos = node.from;
    const kids = childrenOf(node);
    switch (node.name) {
      case 'ParenExpr':
        return this.expr(kids[0]!, depth + 1);
      case 'NumberDurationLiteral':
        return { kind: 'number', pos, type: 'scalar', value: this.#number(node) };
      case 'StringLiteral':
        return { kind: 'string', pos, type: 'string', value: this.#string(node) };
      case 'UnaryExpr': {
        const expr = this.#expect(this.expr(kids[1]!, depth + 1), ['scalar', 'vector'], 'unary expression');
        return this.#text(kids[0]!) === '-' ? { kind: 'negation', pos, type: expr.type, expr } : expr;
      }
      case 'VectorSelector':
        return this.#selector(node, kids);
      case 'MatrixSelector': {
        const inner = this.expr(kids[0]!, depth + 1);
        if (inner.kind !== 'selector' || inner.range !== undefined || inner.offset !== 0 || inner.at !== undefined) {
          this.fail(pos, 'a range goes right after the selector, before offset and @');
        }
        return { ...inner, type: 'matrix', range: this.#duration(kids[1]!) };
      }
      case 'SubqueryExpr': {
        const expr = this.#expect(this.expr(kids[0]!, depth + 1), ['scalar', 'vector'], 'subquery');
        const step = kids[2] && this.#duration(kids[2]);
        return { kind: 'subquery', pos, type: 'matrix', expr, range: this.#duration(kids[1]!), step, offset: 0 };
      }
      case 'OffsetExpr':
        return this.#timed(node, this.expr(kids[0]!, depth + 1), { offset: this.#signedDuration(kids.at(-1)!) });
      case 'StepInvariantExpr':
        return this.#timed(node, this.expr(kids[0]!, depth + 1), { at: this.#atTime(node, kids) });
      case 'FunctionCall':
        return this.#call(node, kids, depth);
      case 'AggregateExpr':
        return this.#aggregate(node, kids, depth);
      case 'BinaryExpr':
        return this.#binary(node, kids, depth);
      default:
        return this.fail(pos, `${node.name} is not supported`);
    }
  }

  #text(node: SyntaxNode): string {
    return this.#query.slice(node.from, node.to);
  }

  #number(node: SyntaxNode): number {
    const text = this.#text(node).replaceAll('_', '').toLowerCase();
    const sign = text.startsWith('-') ? -1 : 1;
    const bare = text.replace(/^[+-]/, '');
    if (bare === 'inf') return sign * Infinity;
    if (bare === 'nan') return NaN;
    if (/^(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/.test(bare) || /^0x[0-9a-f]+$/.test(bare)) return sign * Number(bare);
    const ms = parsePromDuration(bare);
    return ms === undefined ? this.fail(node.from, `bad number or duration ${JSON.stringify(text)}`) : (sign * ms) / 1000;
  }

  #duration(node: SyntaxNode): number {
    const ms = parsePromDuration(this.#text(node).trim());
    if (ms === undefined) this.fail(node.from, `bad duration ${JSON.stringify(this.#text(node))}`);
    if (ms <= 0) this.fail(node.from, 'duration must be greater than 0');
    return ms;
  }

  #signedDuration(node: SyntaxNode): number {
    const text = this.#text(node).replaceAll(/\s/g, '');
    const ms = parsePromDuration(text.replace(/^[+-]/, ''));
    if (ms === undefined) this.fail(node.from, `bad duration ${JSON.stringify(text)}`);
    return text.startsWith('-') ? -ms : ms;
  }

  #string(node: SyntaxNode): string {
    const raw = this.#text(node);
    if (raw.length < 2 || raw.at(-1) !== raw[0]) this.fail(node.from, 'unterminated quoted string');
    const body = raw.slice(1, -1);
    if (raw.startsWith('`')) return body;
    return body.replaceAll(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3})|(.))/gs,
      (all, x: string, u: string, o: string, c: string) => {
        if (x ?? u) return String.fromCharCode(parseInt(x ?? u, 16));
        if (o) return String.fromCharCode(parseInt(o, 8));
        const plain = ESCAPES[c];
        return plain ?? this.fail(node.from, `unknown escape sequence ${all} in a string`);
      },
    );
  }

  #selector(node: SyntaxNode, kids: readonly SyntaxNode[]): Selector {
    const matchers: Matcher[] = [];
    for (const kid of kids) {
      if (kid.name === 'Identifier') matchers.push(matcher(METRIC_NAME, '=', this.#text(kid)));
      else for (const m of childrenOf(kid)) matchers.push(this.#matcher(m));
    }
    if (matchers.filter((m) => m.name === METRIC_NAME && m.op === '=').length > 1)
      this.fail(node.from, 'metric name must not be set twice');
    if (matchers.every((m) => m.test(''))) this.fail(node.from, 'vector selector must contain at least one non-empty matcher');
    return { kind: 'selector', pos: node.from, type: 'vector', matchers, offset: 0 };
  }

  #matcher(node: SyntaxNode): Matcher {
    if (node.name === 'QuotedLabelName') return matcher(METRIC_NAME, '=', this.#string(childrenOf(node)[0]!));
    const [name, op, value] = childrenOf(node);
    const label = name!.name === 'QuotedLabelName' ? this.#string(childrenOf(name!)[0]!) : this.#text(name!);
    try {
      return matcher(label, this.#text(op!) as MatchOp, this.#string(value!));
    } catch (error) {
      return this.fail(value!.from, (error as Error).message);
    }
  }

  #atTime(node: SyntaxNode, kids: readonly SyntaxNode[]): NonNullable<Timing['at']> {
    const what = kids.at(-1)!;
    if (what.name === 'AtModifierPreprocessors') return this.#text(what).startsWith('start') ? 'start' : 'end';
    const literal = kids.find((k) => k.name === 'NumberDurationLiteral');
    if (!literal) this.fail(node.from, 'bad time after @');
    const negative = this.#query.slice(kids.find((k) => k.name === 'At')!.to, literal.from).includes('-');
    return this.#number(literal) * (negative ? -1000 : 1000);
  }

  #timed(node: SyntaxNode, expr: Expr, timing: Partial<Timing>): Expr {
    if (expr.kind !== 'selector' && expr.kind !== 'subquery') this.fail(node.from, 'offset and @ go after a selector or a subquery');
    return { ...expr, ...timing };
  }

  #call(node: SyntaxNode, kids: readonly SyntaxNode[], depth: number): Expr {
    const name = this.#text(kids[0]!);
    const signature = signatures.get(name);
    if (!signature) this.fail(node.from, `the function ${name} is not supported`);
    const args = childrenOf(kids[1]!).map((arg) => this.expr(arg, depth + 1));
    const least = signature.args.length - signature.optional;
    const most = signature.variadic ? Infinity : signature.args.length;
    if (args.length < least || args.length > most) {
      this.fail(
        node.from,
        `expected ${least === most ? least : `${least} or more`} argument(s) in call to ${JSON.stringify(name)}, got ${args.length}`,
      );
    }
    args.forEach((arg, i) =>
      this.#expect(arg, [signature.args[Math.min(i, signature.args.length - 1)]!], `call to function ${JSON.stringify(name)}`),
    );
    return { kind: 'call', pos: node.from, type: signature.result, name, args };
  }

  #aggregate(node: SyntaxNode, kids: readonly SyntaxNode[], depth: number): Expr {
    const op = this.#text(kids[0]!).toLowerCase();
    if (!AGGREGATIONS.has(op)) this.fail(node.from, `the aggregation ${op} is not supported`);
    const paramType = AGGREGATIONS.get(op);
    const body = kids.find((k) => k.name === 'FunctionCallBody')!;
    const modifier = kids.find((k) => k.name === 'AggregateModifier');
    const args = childrenOf(body).map((arg) => this.expr(arg, depth + 1));
    const wanted = paramType === undefined ? 1 : 2;
    if (args.length !== wanted)
      this.fail(node.from, `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`);
    const param = paramType === undefined ? undefined : this.#expect(args[0]!, [paramType], `aggregation ${op}`);
    const expr = this.#expect(args.at(-1)!, ['vector'], 'aggregation expression');
    const parts = modifier ? childrenOf(modifier) : [];
    const grouping = parts[1] ? this.#labelNames(parts[1]) : [];
    return { kind: 'aggregate', pos: node.from, type: 'vector', op, expr, param, without: parts[0]?.name === 'Without', grouping };
  }

  #labelNames(node: SyntaxNode): string[] {
    return childrenOf(node).map((n) => (n.name === 'QuotedLabelName' ? this.#string(childrenOf(n)[0]!) : this.#text(n)));
  }

  #binary(node: SyntaxNode, kids: readonly SyntaxNode[], depth: number): Expr {
    const pos = node.from;
    const [lhs, rhs] = [this.expr(kids[0]!, depth + 1), this.expr(kids.at(-1)!, depth + 1)];
    const op = this.#text(kids[1]!).toLowerCase();
    const bool = kids.some((k) => k.name === 'BoolModifier');
    const clause = kids.find((k) => k.name === 'MatchingModifierClause');
    const matching = this.#matching(clause ? childrenOf(clause) : []);
    // The grammar takes a sign into a number, but ^ binds closer than the sign does.
    if (op === '^' && lhs.kind === 'number' && kids[0]!.name === 'NumberDurationLiteral' && this.#text(kids[0]!).startsWith('-')) {
      const power: Expr = { kind: 'binary', pos, type: rhs.type, op, lhs: { ...lhs, value: -lhs.value }, rhs, bool, matching };
      return { kind: 'negation', pos, type: rhs.type, expr: this.#expect(power, ['scalar', 'vector'], 'binary expression ^') };
    }
    for (const side of [lhs, rhs]) this.#expect(side, SET_OPERATORS.has(op) ? ['vector'] : ['scalar', 'vector'], `binary expression ${op}`);
    const scalars = lhs.type === 'scalar' && rhs.type === 'scalar';
    if (bool && !COMPARISONS.has(op)) this.fail(pos, 'bool modifier can only be used on comparison operators');
    if (scalars && COMPARISONS.has(op) && !bool) this.fail(pos, 'comparisons between scalars must use BOOL modifier');
    if (clause && (lhs.type !== 'vector' || rhs.type !== 'vector')) this.fail(clause.from, 'vector matching only allowed between vectors');
    if (matching.group && SET_OPERATORS.has(op)) this.fail(clause!.from, `no grouping allowed for ${JSON.stringify(op)} operation`);
    return { kind: 'binary', pos, type: scalars ? 'scalar' : 'vector', op, lhs, rhs, bool, matching };
  }

  #matching(parts: readonly SyntaxNode[]): Matching {
    const on = parts[0]?.name === 'On';
    const labels = parts[1]?.name === 'GroupingLabels' ? this.#labelNames(parts[1]) : [];
    const side = parts.find((p) => p.name === 'GroupLeft' || p.name === 'GroupRight');
    const last = parts.at(-1);
    const include = side && last && last.from > side.from && last.name === 'GroupingLabels' ? this.#labelNames(last) : [];
    return { on, labels, group: side && (side.name === 'GroupLeft' ? 'left' : 'right'), include };
  }

  #expect(expr: Expr, types: readonly ValueType[], where: string): Expr {
    if (!types.includes(expr.type))
      this.fail(expr.pos, `expected type ${types.map(typeName).join(' or ')} in ${where}, got ${typeName(expr.type)}`);
    return expr;
  }
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v', '\\': '\\', '"': '"', "'": "'" };

/** As Prometheus calls them in messages. */
function typeName(type: ValueType): string {
  return type === 'vector' ? 'instant vector' : type === 'matrix' ? 'range vector' : type;
}

/** Children without comments. */
function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const out: SyntaxNode[] = [];
  for (let kid = node.firstChild; kid; kid = kid.nextSibling) if (kid.name !== 'LineComment') out.push(kid);
  return out;
}
