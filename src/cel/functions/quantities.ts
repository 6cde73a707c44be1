import { CelError } from '../error.ts';
import { Opaque } from '../value.ts';
import { declare, type Overload } from './declare.ts';
import { int } from './operators.ts';

const NANO = 1_000_000_000n;
const SUFFIX: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  '': NANO,
  k: NANO * 10n ** 3n,
  M: NANO * 10n ** 6n,
  G: NANO * 10n ** 9n,
  T: NANO * 10n ** 12n,
  P: NANO * 10n ** 15n,
  E: NANO * 10n ** 18n,
  Ki: NANO << 10n,
  Mi: NANO << 20n,
  Gi: NANO << 30n,
  Ti: NANO << 40n,
  Pi: NANO << 50n,
  Ei: NANO << 60n,
};

/** A quantity in billionths, exactly: rules compare them, and a double would not tell large ones apart. */
class Quantity extends Opaque {
  readonly type = 'kubernetes.Quantity';
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    super();
    this.nanos = nanos;
  }
  equals(other: Opaque): boolean {
    return other instanceof Quantity && other.nanos === this.nanos;
  }
}

function quantityOf(text: string): Quantity | undefined {
  const m = /^([+-]?)(\d{0,40})(?:\.(\d{0,40}))?(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text);
  if (!m) return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = m;
  if (whole === '' && fraction === '') return undefined;
  const power = Number(exponent ?? 0);
  let size = BigInt(whole + fraction) * (exponent === undefined ? SUFFIX[suffix]! : power >= 0 ? NANO * 10n ** BigInt(power) : NANO);
  const divisor = 10n ** BigInt(fraction.length + Math.max(0, -power));
  // What is finer than a billionth is rounded up, away from zero.
  size = (size + divisor - 1n) / divisor;
  return new Quantity(sign === '-' ? -size : size);
}

function parse(text: string): Quantity {
  const found = quantityOf(text);
  if (!found) throw new CelError(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`);
  return found;
}

const sign = (value: bigint): bigint => (value < 0n ? -1n : value > 0n ? 1n : 0n);
const isInteger = ({ nanos }: Quantity): boolean => nanos % NANO === 0n && BigInt.asIntN(64, nanos / NANO) === nanos / NANO;

function asInteger(q: Quantity): bigint {
  if (!isInteger(q)) throw new CelError('cannot convert value to integer');
  return q.nanos / NANO;
}

const amount = (other: Quantity | bigint): bigint => (typeof other === 'bigint' ? other * NANO : other.nanos);

export const quantities: readonly Overload[] = [
  declare('quantity(string): kubernetes.Quantity', parse),
  declare('isQuantity(string): bool', (text: string) => quantityOf(text) !== undefined),
  declare('kubernetes.Quantity.sign(): int', (q: Quantity) => sign(q.nanos)),
  declare('kubernetes.Quantity.isInteger(): bool', isInteger),
  declare('kubernetes.Quantity.asInteger(): int', (q: Quantity) => int(asInteger(q))),
  declare('kubernetes.Quantity.asApproximateFloat(): double', (q: Quantity) => Number(q.nanos) / 1e9),
  declare('kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool', (a: Quantity, b: Quantity) => a.nanos > b.nanos),
  declare('kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool', (a: Quantity, b: Quantity) => a.nanos < b.nanos),
  declare('kubernetes.Quantity.compareTo(kubernetes.Quantity): int', (a: Quantity, b: Quantity) => sign(a.nanos - b.nanos)),
  ...['kubernetes.Quantity', 'int'].flatMap((type) => [
    declare(
      `kubernetes.Quantity.add(${type}): kubernetes.Quantity`,
      (a: Quantity, b: Quantity | bigint) => new Quantity(a.nanos + amount(b)),
    ),
    declare(
      `kubernetes.Quantity.sub(${type}): kubernetes.Quantity`,
      (a: Quantity, b: Quantity | bigint) => new Quantity(a.nanos - amount(b)),
    ),
  ]),
];
