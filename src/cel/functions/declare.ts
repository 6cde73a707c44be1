import { TRAVERSAL, type Meter } from '../meter.ts';
import { DYN, listOf, mapOf, optionalOf, type Type } from '../types.ts';
import type { Value } from '../value.ts';

/** Lengths of the arguments, in characters or elements; 1 for what has none. Known at run time, bounded by types before. */
export type Sizes = readonly number[];

/** One way to call a function. */
export interface Overload {
  readonly name: string;
  /** Called on its first parameter: `text.size()`. */
  readonly member: boolean;
  readonly params: readonly Type[];
  readonly result: Type;
  /** Work in units of cost, from the sizes of the arguments. */
  cost(sizes: Sizes): number;
  /** What the real server takes the work for beforehand, which is less where it counts reading a text as nothing. */
  estimate(sizes: Sizes): number;
  /** Longest result; undefined when its length says nothing. */
  max?(sizes: Sizes): number;
  /** Throws `CelError`. */
  run(args: readonly Value[], meter: Meter): Value;
}

/** Gets the arguments, and then the meter for work that the cost does not count. */
export type Handler = (...args: never[]) => Value;

export interface Costs {
  readonly cost?: (sizes: Sizes) => number;
  readonly max?: (sizes: Sizes) => number;
}

export const traversal = (size: number | undefined): number => Math.ceil((size ?? 1) * TRAVERSAL);

/** That of a regular expression in linear time: the text's length times the pattern's. */
export const regexCost = ([text = 1, pattern = 1]: Sizes): number =>
  Math.ceil((1 + text) * TRAVERSAL) * Math.max(1, Math.ceil(pattern * 0.25));

const SIMPLE: Readonly<Record<string, string>> = { timestamp: 'google.protobuf.Timestamp', duration: 'google.protobuf.Duration' };
/** Types of the libraries. */
const OPAQUE = new Set(['kubernetes.URL', 'kubernetes.Quantity', 'kubernetes.NamedFormat', 'net.IP', 'net.CIDR']);
const GENERIC = new Set(['list', 'map', 'optional']);
const KNOWN = new Set(['dyn', 'bool', 'int', 'uint', 'double', 'string', 'bytes', 'null', 'type', 'timestamp', 'duration']);

/** `string.startsWith(string): bool`: a member when what is before the dot is a type. `A` and `B` stand for any type. */
export function declare(signature: string, run: Handler, { cost, max }: Costs = {}): Overload {
  const [, head, list, result] = /^(.*?)\((.*)\): (.*)$/.exec(signature)!;
  const dot = head!.lastIndexOf('.');
  const before = dot > 0 ? head!.slice(0, dot) : '';
  const member = before !== '' && isType(before);
  const params = [...(member ? [before] : []), ...splitTypes(list!)].map(typeOf);
  const texts = params[0]?.kind === 'simple' && (params[0].name === 'string' || params[0].name === 'bytes');
  return {
    name: member ? head!.slice(dot + 1) : head!,
    member,
    params,
    result: typeOf(result!),
    estimate: cost ?? (() => 1),
    cost: cost ?? (texts ? ([size]) => 1 + traversal(size) : () => 1),
    ...(max ? { max } : {}),
    run: (args, meter) => (run as (...args: unknown[]) => Value)(...args, meter),
  };
}

function isType(text: string): boolean {
  const name = text.split('<')[0]!;
  return KNOWN.has(name) || (GENERIC.has(name) && text !== name) || /^[A-Z]$/.test(name) || OPAQUE.has(text);
}

function typeOf(text: string): Type {
  const generic = /^(list|map|optional)<(.*)>$/.exec(text);
  if (!generic) {
    if (text === 'dyn') return DYN;
    if (/^[A-Z]$/.test(text)) return { kind: 'param', name: text };
    return { kind: 'simple', name: SIMPLE[text] ?? text };
  }
  const [first, second] = splitTypes(generic[2]!).map(typeOf);
  return generic[1] === 'list' ? listOf(first!) : generic[1] === 'optional' ? optionalOf(first!) : mapOf(first!, second!);
}

/** At the commas outside of angle brackets. */
function splitTypes(text: string): string[] {
  return text.trim() === '' ? [] : text.split(/,\s*(?![^<]*>)/);
}
