/** Seeded choices, and what is chosen from: values and strings that programs stumble over. */
import { below, type Rng } from '../../src/base/index.ts';

export function oneOf<T>(rng: Rng, items: readonly T[]): T {
  return items[below(rng, items.length)]!;
}

export function chance(rng: Rng, p: number): boolean {
  return rng.next() < p;
}

/** One of the values, each as often as its weight says. */
export function weighted<T>(rng: Rng, table: readonly (readonly [number, T])[]): T {
  let at = rng.next() * table.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, value] of table) if ((at -= weight) < 0) return value;
  return table.at(-1)![1];
}

export const NAMES = ['a', 'b', 'web', 'default', 'web-0', 'kube-system'] as const;
/** Of an object that is written or asked for. */
export function anyName(rng: Rng): string {
  return chance(rng, 0.7) ? 'a' : oneOf(rng, NAMES);
}

export const FUZZ_NAMESPACES = ['default', 'fuzz'] as const;

const STRINGS = [
  ...NAMES,
  '',
  ' ',
  'A',
  '-a',
  'a.b.c',
  'a/b',
  '..',
  '*',
  'x'.repeat(64),
  'x'.repeat(254),
  'x'.repeat(5000),
  '\0',
  '\ud800',
  'ü€😀',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'null',
  '0',
  '-1',
  '1e999',
  '99999999999999999999',
  '50%',
  '101%',
  '100m',
  '1.5Gi',
  '1h30m',
  '-5s',
  '2026-01-01T00:00:00Z',
  '2026-13-45T99:99:99Z',
  '10.96.0.300',
  '10.96.1.1',
  'http',
  'TCP',
  'NodePort',
  'ExternalName',
  'Recreate',
  'RollingUpdate',
  '(a+)+$',
  '[',
  '(?<x>',
  'self.x > 1',
  '$(POD_NAME)',
  '{{ .Values }}',
  '<script>',
  "'; --",
  '\r\nX: y',
  'v1',
  'apps/v1',
  'networking.istio.io/v1',
  'kubernetes.io/x',
  'foregroundDeletion',
] as const;

const NUMBERS = [0, -0, 1, -1, 2, 80, 443, 8080, 65535, 65536, 30_000, 2 ** 31, 2 ** 53, -(2 ** 63), 1.5, 1e308, 1e-7] as const;

export function anyString(rng: Rng): string {
  return oneOf(rng, STRINGS);
}

export function anyNumber(rng: Rng): number {
  return chance(rng, 0.6) ? below(rng, 10) : oneOf(rng, NUMBERS);
}

/** A value that hardly belongs where it will stand. */
export function oddValue(rng: Rng): unknown {
  return weighted<() => unknown>(rng, [
    [3, () => null],
    [1, () => chance(rng, 0.5)],
    [4, () => anyNumber(rng)],
    [6, () => anyString(rng)],
    [1, () => []],
    [1, () => ({})],
    [1, () => [null]],
    [1, () => [{}, {}]],
    [1, () => ({ [anyString(rng)]: anyString(rng) })],
    [1, () => ['a', 'a', 1, { a: [] }]],
    [0.2, () => nested(below(rng, 400))],
    [0.5, () => JSON.parse('{"__proto__":{"x":1},"constructor":{"prototype":{"y":1}}}') as unknown],
  ])();
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
}
