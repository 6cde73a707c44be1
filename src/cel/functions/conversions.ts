import { CelError } from '../error.ts';
import type { Meter } from '../meter.ts';
import { Duration, isMap, Timestamp, typeName, TypeValue, Uint, type List, type Value } from '../value.ts';
import { declare, type Overload } from './declare.ts';
import { int } from './operators.ts';
import { durationText, parseGoDuration, parseTimestamp, timestampText } from './times.ts';

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function toBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new CelError(`type conversion error from 'string' to 'bool'`);
}

function toInt(text: string, to = 'int'): bigint {
  if (!/^[+-]?\d{1,20}$/.test(text)) throw new CelError(`type conversion error from 'string' to '${to}'`);
  return BigInt(text.replace(/^\+/, ''));
}

function toDouble(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(inf|infinity|nan)$/i.test(text))
    throw new CelError(`type conversion error from 'string' to 'double'`);
  const word = text.toLowerCase().replace(/^\+/, '');
  return word.includes('inf') ? (word.startsWith('-') ? -Infinity : Infinity) : word.endsWith('nan') ? NaN : Number(text);
}

const fromDouble = (value: number): bigint => {
  if (!Number.isFinite(value)) throw new CelError('integer overflow');
  return int(BigInt(Math.trunc(value)));
};

export function doubleText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Characters of a text are its code points. */
export const lengthOf = (text: string): number => {
  let length = 0;
  for (let i = 0; i < text.length; i++, length++) if (text.codePointAt(i)! > 0xffff) i++;
  return length;
};

const size = (value: Value, meter: Meter): bigint => {
  if (typeof value === 'string') {
    meter.traverse(value.length);
    return BigInt(lengthOf(value));
  }
  return BigInt(isMap(value) ? value.size : (value as List | Uint8Array).length);
};

const SIZED = ['string', 'bytes', 'list<A>', 'map<A, B>'];
const same = (value: Value): Value => value;

export const conversions: readonly Overload[] = [
  ...SIZED.flatMap((type) => [
    declare(`size(${type}): int`, size, { cost: () => 1 }),
    declare(`${type}.size(): int`, size, { cost: () => 1 }),
  ]),
  declare('dyn(A): dyn', same),
  declare('type(A): type', (value: Value) => new TypeValue(typeName(value))),
  declare('bool(bool): bool', same),
  declare('bool(string): bool', toBool),
  declare('int(int): int', same),
  declare('int(uint): int', (v: Uint) => int(v.value)),
  declare('int(double): int', fromDouble),
  declare('int(string): int', (v: string) => int(toInt(v))),
  declare('int(timestamp): int', (v: Timestamp) => v.nanos / 1_000_000_000n),
  declare('int(duration): int', (v: Duration) => v.nanos),
  declare('uint(uint): uint', same),
  declare('uint(int): uint', (v: bigint) => new Uint(v)),
  declare('uint(double): uint', (v: number) => new Uint(fromDouble(v))),
  declare('uint(string): uint', (v: string) => new Uint(toInt(v, 'uint'))),
  declare('double(double): double', same),
  declare('double(int): double', Number),
  declare('double(uint): double', (v: Uint) => Number(v.value)),
  declare('double(string): double', toDouble),
  declare('string(string): string', same),
  declare('string(bool): string', String),
  declare('string(int): string', String, { max: () => 20 }),
  declare('string(uint): string', (v: Uint) => String(v.value), { max: () => 20 }),
  declare('string(double): string', doubleText, { max: () => 25 }),
  declare('string(bytes): string', (v: Uint8Array) => decoder.decode(v)),
  declare('string(timestamp): string', timestampText, { max: () => 30 }),
  declare('string(duration): string', durationText, { max: () => 30 }),
  declare('bytes(bytes): bytes', same),
  declare('bytes(string): bytes', (v: string) => Buffer.from(v), { max: ([length = 1]) => length * 4 }),
  declare('timestamp(timestamp): timestamp', same),
  declare('timestamp(string): timestamp', parseTimestamp),
  declare('timestamp(int): timestamp', (v: bigint) => new Timestamp(v * 1_000_000_000n)),
  declare('duration(duration): duration', same),
  declare('duration(string): duration', parseGoDuration),
  declare('duration(int): duration', (v: bigint) => new Duration(v)),
];
