import { RE2JS } from 're2js';
import { Fault, messageOf } from '../base/index.ts';
import type { Labels } from './labels.ts';

export type MatchOp = '=' | '!=' | '=~' | '!~';

/** One condition of a selector. A label that is absent counts as empty. */
export interface Matcher {
  readonly name: string;
  readonly op: MatchOp;
  readonly value: string;
  test(value: string): boolean;
}

/** Longest regular expression taken from a user, in characters. */
const MAX_PATTERN = 4096;

export function matcher(name: string, op: MatchOp, value: string): Matcher {
  switch (op) {
    case '=':
      return { name, op, value, test: (v) => v === value };
    case '!=':
      return { name, op, value, test: (v) => v !== value };
    case '=~':
      return { name, op, value, test: compile(value) };
    case '!~': {
      const test = compile(value);
      return { name, op, value, test: (v) => !test(v) };
    }
  }
}

export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((m) => m.test(labels[m.name] ?? ''));
}

/** A compiled RE2 that must match the whole text. Throws a Fault on one that does not compile. */
export function anchored(pattern: string): RE2JS {
  if (pattern.length > MAX_PATTERN) {
    throw new Fault('PromqlInvalid', `a regular expression of ${pattern.length} characters is too long`, {
      hint: `Keep it below ${MAX_PATTERN}.`,
    });
  }
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (cause) {
    throw new Fault('PromqlInvalid', `invalid regular expression ${JSON.stringify(pattern)}: ${messageOf(cause)}`, {
      hint: 'PromQL takes RE2 expressions: no look-around and no back-references.',
      cause,
    });
  }
}

/** Most patterns are lists of words or a word and a wildcard; those need no regular expression. */
function compile(pattern: string): (value: string) => boolean {
  if (/^[\w-]*(\|[\w-]*)*$/.test(pattern)) {
    const words = new Set(pattern.split('|'));
    return (v) => words.has(v);
  }
  if (pattern === '.*') return () => true;
  if (pattern === '.+') return (v) => v !== '';
  const prefix = /^([\w-]+)\.\*$/.exec(pattern)?.[1];
  if (prefix !== undefined) return (v) => v.startsWith(prefix);
  const re = anchored(pattern);
  const known = new Map<string, boolean>();
  return (v) => {
    let hit = known.get(v);
    if (hit === undefined) known.set(v, (hit = re.matches(v)));
    return hit;
  };
}
