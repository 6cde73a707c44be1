/** Conditions of analysis metrics (`result[0] >= 0.95`) as bounds. Pure. */

export interface Range {
  readonly min?: number;
  readonly max?: number;
}

export interface Bounds {
  readonly range: Range;
  /** A result without a value was taken for success. */
  readonly lenient: boolean;
  /** The bound itself was out. */
  readonly strict: boolean;
}

const NUMBER = String.raw`([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)`;
const RESULT = String.raw`(?:result(?:\[\d+\]|\.[A-Za-z_]\w*)*|(?:asFloat|asInt|float|int)\(\s*result(?:\[\d+\])?\s*\)|default\(\s*result(?:\[\d+\])?\s*,\s*[^)]*\))`;
const FORWARD = new RegExp(`^${RESULT}\\s*(<=|>=|<|>|==)\\s*${NUMBER}$`);
const BACKWARD = new RegExp(`^${NUMBER}\\s*(<=|>=|<|>|==)\\s*${RESULT}$`);
const ALL = new RegExp(`^all\\(\\s*result\\s*,\\s*\\{?\\s*(?:#|\\.)\\s*(<=|>=|<|>)\\s*${NUMBER}\\s*\\}?\\s*\\)$`);
/** True of a result that has no value. */
const NOTHING = /^(?:isNaN\(.*\)|isNil\(.*\)|result\s*==\s*nil|result\s*==\s*\[\]|len\(\s*result\s*\)\s*==\s*0)$/;
/** True of a result that has one: an answer without is no success anyway. */
const SOMETHING = /^(?:!\s*isNaN\(.*\)|!\s*isNil\(.*\)|result\s*!=\s*nil|len\(\s*result\s*\)\s*(?:>|!=)\s*0|len\(\s*result\s*\)\s*>=\s*1)$/;
const TURNED: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '==': '==' };
/** What holds when the comparison does not. */
const DENIED: Readonly<Record<string, string>> = { '<': '>=', '>': '<=', '<=': '>', '>=': '<' };

interface Comparison {
  readonly sign: string;
  readonly bound: number;
}

/** What passes; undefined when that is no range of one number. `failure`: what is given is what does not pass. */
export function boundsOf(condition: string, failure = false): Bounds | undefined {
  const alternatives = split(condition, '||');
  const lenient = !failure && alternatives.some((a) => NOTHING.test(bare(a)));
  const rest = alternatives.filter((a) => !NOTHING.test(bare(a)));
  // Of what fails each alternative fails; of what passes one alone is a range.
  const parts = failure ? rest : rest.length === 1 ? split(rest[0]!, '&&').filter((p) => !SOMETHING.test(bare(p))) : [];
  const comparisons = parts.map((part) => comparisonOf(bare(part)));
  if (comparisons.length === 0 || comparisons.includes(undefined)) return undefined;
  return ranged(comparisons as Comparison[], failure, lenient);
}

function ranged(comparisons: readonly Comparison[], failure: boolean, lenient: boolean): Bounds | undefined {
  let { min, max }: { min?: number; max?: number } = {};
  let strict = false;
  for (const { sign: given, bound } of comparisons) {
    const sign = failure ? DENIED[given] : given;
    if (sign === undefined) return undefined;
    if (sign !== '<' && sign !== '<=') min = Math.max(min ?? -Infinity, bound);
    if (sign !== '>' && sign !== '>=') max = Math.min(max ?? Infinity, bound);
    strict ||= sign === '<' || sign === '>';
  }
  return { range: { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }, lenient, strict };
}

function comparisonOf(part: string): Comparison | undefined {
  const forward = FORWARD.exec(part) ?? ALL.exec(part);
  if (forward) return { sign: forward[1]!, bound: Number(forward[2]) };
  const backward = BACKWARD.exec(part);
  return backward ? { sign: TURNED[backward[2]!]!, bound: Number(backward[1]) } : undefined;
}

/** At the top alone, not within parentheses. Also as words: `and`, `or`. */
function split(condition: string, by: '&&' | '||'): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  const word = by === '&&' ? / and /y : / or /y;
  const whole = bare(condition);
  for (let i = 0; i < whole.length; i++) {
    if ('([{'.includes(whole[i]!)) depth++;
    else if (')]}'.includes(whole[i]!)) depth--;
    word.lastIndex = i;
    const found = depth > 0 ? 0 : whole.startsWith(by, i) ? 2 : word.test(whole) ? word.lastIndex - i : 0;
    if (found === 0) continue;
    parts.push(whole.slice(from, i));
    i += found - 1;
    from = i + 1;
  }
  return [...parts, whole.slice(from)];
}

/** Without blanks and parentheses around all of it. */
function bare(given: string): string {
  let condition = given.trim();
  while (condition.startsWith('(') && closes(condition)) condition = condition.slice(1, -1).trim();
  return condition;
}

function closes(condition: string): boolean {
  let depth = 0;
  for (let i = 0; i < condition.length; i++) {
    if (condition[i] === '(') depth++;
    if (condition[i] === ')' && --depth === 0) return i === condition.length - 1;
  }
  return false;
}
