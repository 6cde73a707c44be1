const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i))?$/;
const NANO = 10n ** 9n;

/**
 * A quantity as the Kubernetes API writes it back: `1000m` is `1`, `1024Mi` is `1Gi`, 0.5 is `500m`; undefined when it is
 * not one. Amounts finer than a billionth are rounded up.
 */
export function canonicalQuantity(text: string | number): string | undefined {
  const m = FORM.exec(String(text));
  if (!m || !(m[2] || m[3])) return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = m;
  const binary = BINARY.indexOf(suffix);
  const scale = exponent !== undefined ? Number(exponent) : binary > 0 ? 0 : (DECIMAL.indexOf(suffix) - 3) * 3;
  // In billionths: digits * 10^(scale - fraction digits + 9), times the binary factor.
  let amount = BigInt(whole + fraction || '0') * (binary > 0 ? 1024n ** BigInt(binary) : 1n);
  const shift = scale - fraction.length + 9;
  if (shift >= 0) amount *= 10n ** BigInt(shift);
  else {
    const divisor = 10n ** BigInt(-shift);
    amount = (amount + divisor - 1n) / divisor;
  }
  if (amount === 0n) return '0';
  const minus = sign === '-' ? '-' : '';
  if (binary > 0 && amount % NANO === 0n && amount / NANO >= 1024n) return minus + reduced(amount / NANO, 1024n, BINARY);
  if (exponent === undefined) return minus + reduced(amount, 1000n, DECIMAL);
  let power = -9;
  while (amount % 1000n === 0n) {
    amount /= 1000n;
    power += 3;
  }
  return `${minus}${amount}${power === 0 ? '' : `e${power}`}`;
}

/** The amount with the greatest suffix that leaves it whole. */
function reduced(amount: bigint, step: bigint, suffixes: readonly string[]): string {
  let at = 0;
  while (at < suffixes.length - 1 && amount % step === 0n) {
    amount /= step;
    at++;
  }
  return `${amount}${suffixes[at]}`;
}
