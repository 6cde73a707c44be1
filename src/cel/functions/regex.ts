import { RE2JS } from 're2js';
import { CelError } from '../error.ts';
import type { Meter } from '../meter.ts';
import { declare, regexCost, type Overload } from './declare.ts';

const LIMIT = 1000;
const compiled = new Map<string, RE2JS>();

/** A pattern of RE2, which takes linear time whatever it says. Throws `CelError`. */
function pattern(text: string): RE2JS {
  let found = compiled.get(text);
  if (found) return found;
  try {
    found = RE2JS.compile(text);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
  if (compiled.size >= LIMIT) compiled.clear();
  compiled.set(text, found);
  return found;
}

/** True for a pattern that can be read. */
export function isPattern(text: string): boolean {
  try {
    return pattern(text) !== undefined;
  } catch {
    return false;
  }
}

/** What the cost by lengths leaves out: a short pattern can stand for a long program (`.{1,1000}`). */
function matcherOf(text: string, by: string, meter: Meter): ReturnType<RE2JS['matcher']> {
  const found = pattern(by);
  meter.spend(Math.ceil((text.length * found.programSize()) / 10));
  return found.matcher(text);
}

const matches = (text: string, by: string, meter: Meter): boolean => matcherOf(text, by, meter).find();

function find(text: string, by: string, meter: Meter): string {
  const matcher = matcherOf(text, by, meter);
  return matcher.find() ? (matcher.group() ?? '') : '';
}

function findAll(text: string, by: string, limit: bigint, meter: Meter): string[] {
  const out: string[] = [];
  const matcher = matcherOf(text, by, meter);
  while ((limit < 0n || out.length < Number(limit)) && matcher.find()) out.push(matcher.group() ?? '');
  return out;
}

const cost = regexCost;
const max = ([size = 1]: readonly number[]): number => size;

export const regex: readonly Overload[] = [
  declare('string.matches(string): bool', matches, { cost }),
  declare('matches(string, string): bool', matches, { cost }),
  declare('string.find(string): string', find, { cost, max }),
  declare('string.findAll(string): list<string>', (s: string, by: string, meter: Meter) => findAll(s, by, -1n, meter), { cost, max }),
  declare('string.findAll(string, int): list<string>', findAll, { cost, max }),
];
