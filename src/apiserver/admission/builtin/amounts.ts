/** Sums of quantities by resource, and how Kubernetes writes them. Pure. */
import type { Container, Pod } from 'kubernetes-types/core/v1.js';
import { parseQuantity } from '../../../base/index.ts';

export type Amounts = Readonly<Record<string, number>>;
/** As objects hold them: `{ cpu: '100m' }`. */
export type Quantities = Readonly<Record<string, string | number>>;

export function amountsOf(quantities: Quantities | undefined): Amounts {
  return Object.fromEntries(Object.entries(quantities ?? {}).map(([name, quantity]) => [name, parseQuantity(quantity) ?? 0]));
}

export function plus(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => x + y);
}

export function minus(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => x - y);
}

function most(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, Math.max);
}

function combine(a: Amounts, b: Amounts, with_: (x: number, y: number) => number): Amounts {
  const out: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) out[name] = with_(out[name] ?? 0, value);
  return out;
}

/** What all containers of a pod ask for, or are limited to, at the same time. */
export function podAmounts({ spec }: Pod, of: 'requests' | 'limits'): Amounts {
  const one = (container: Container): Amounts => amountsOf(container.resources?.[of]);
  const running = (spec?.containers ?? []).map(one).reduce(plus, {});
  // Those that start a pod run one after another, beside those before them that go on running.
  let beside: Amounts = {};
  let peak: Amounts = {};
  for (const container of spec?.initContainers ?? []) {
    const goesOn = (container as { restartPolicy?: string }).restartPolicy === 'Always';
    if (goesOn) beside = plus(beside, one(container));
    peak = most(peak, goesOn ? beside : plus(beside, one(container)));
  }
  return plus(most(plus(running, beside), peak), amountsOf(spec?.overhead));
}

const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** A number as a quantity; `like` is one whose kind of suffix it takes. */
export function quantityText(value: number, like: string | number | undefined): string {
  if (value === 0) return '0';
  const binary = String(like ?? '').endsWith('i');
  const milli = Math.round(value * 1000);
  if (milli % 1000 !== 0) return `${milli}m`;
  const [base, suffixes] = binary ? [1024, BINARY] : [1000, DECIMAL];
  let n = milli / 1000;
  let step = 0;
  while (n % base === 0 && step < suffixes.length - 1) {
    n /= base;
    step++;
  }
  return `${n}${suffixes[step]}`;
}
