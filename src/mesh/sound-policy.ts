import type { PortTrafficPolicy, TrafficPolicy } from '../api/index.ts';
import { parseDuration } from '../base/index.ts';
import { memo } from './memo.ts';
import type { Unsound } from './soundness.ts';

const PARTS = ['loadBalancer', 'connectionPool', 'outlierDetection', 'tls', 'tunnel', 'proxyProtocol', 'retryBudget'] as const;
const UINT32 = 4_294_967_295;

/** Bounds of numbers by the name of the field; all others take any whole number from 0. */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  maxEjectionPercent: [0, 100],
  minHealthPercent: [0, 100],
  minimumRingSize: [1, 8_388_608],
  tableSize: [1, 5_000_011],
  minimumPercent: [0, 100],
  aggression: [1, UINT32],
  percent: [0, 100],
  targetPort: [1, 65_535],
};

/** Durations that must be more than nothing. */
const POSITIVE = new Set(['connectTimeout', 'interval', 'baseEjectionTime', 'maxConnectionDuration', 'warmupDurationSecs', 'duration']);
const DURATIONS = new Set([...POSITIVE, 'budgetInterval', 'idleTimeout', 'ttl', 'time']);

/** Numbers that need not be whole. */
const FRACTIONS = new Set(['minimumPercent', 'aggression', 'percent']);

/** What of a policy Envoy would refuse, with the paths under the policy. */
export const unsoundSettings = memo((policy: PortTrafficPolicy | TrafficPolicy): readonly Unsound[] =>
  PARTS.flatMap((part) => inside((policy as TrafficPolicy)[part], part)),
);

/** The policy without the parts Envoy would refuse. */
export const soundPolicy = memo((policy: PortTrafficPolicy | TrafficPolicy): PortTrafficPolicy | TrafficPolicy => {
  const bad = new Set(unsoundSettings(policy).map((u) => u.path.split('.')[0]!));
  return bad.size ? Object.fromEntries(Object.entries(policy).filter(([part]) => !bad.has(part))) : policy;
});

function inside(value: unknown, path: string): Unsound[] {
  const name = path.slice(path.lastIndexOf('.') + 1);
  if (typeof value === 'number') {
    const [min, max] = BOUNDS[name] ?? [0, UINT32];
    const whole = Number.isInteger(value) || FRACTIONS.has(name);
    return whole && value >= min && value <= max
      ? []
      : [{ path, message: `${value} is out of range.`, fix: `Use a number from ${min} to ${max}.` }];
  }
  if (typeof value === 'string' && DURATIONS.has(name)) {
    const ms = parseDuration(value);
    if (ms !== undefined && (ms > 0 || (ms === 0 && !POSITIVE.has(name)))) return [];
    return [{ path, message: `"${value}" is no duration that can be used here.`, fix: 'Write it as in 500ms, 10s or 1m30s.' }];
  }
  if (!value || typeof value !== 'object' || name === 'localityLbSetting') return [];
  return Object.entries(value).flatMap(([k, v]) => inside(v, `${path}.${k}`));
}
