/** What the proxies' counters say of one canary, as queries and as readings. Pure. */
import { GRPC_FAULTS, GRPC_STATUSES } from '../../api/index.ts';
import type { Sample } from '../ports.ts';
import type { SplitReading } from './counts.ts';

/** The services that a route splits its requests over. */
export interface Sides {
  readonly namespace: string;
  readonly primary: string;
  readonly canary: string;
}

export function queriesOf({ namespace, primary, canary }: Sides): { requests: string; durations: string } {
  const to = `{destination_service_namespace="${namespace}",destination_service_name=~"${primary}|${canary}"}`;
  return { requests: `istio_split_requests_total${to}`, durations: `istio_split_request_duration_microseconds_bucket${to}` };
}

/** Code 0 is a client that gave up before there was an answer. */
function failed(labels: Sample['labels']): boolean {
  const code = labels['response_code'] ?? '';
  return code === '0' || code.startsWith('5') || GRPC_FAULTS.includes(GRPC_STATUSES[Number(labels['grpc_response_status'])] ?? '');
}

/** One reading a proxy, route and side. */
export function readingsOf(sides: Sides, requests: readonly Sample[], durations: readonly Sample[]): SplitReading[] {
  const found = new Map<string, { -readonly [k in keyof SplitReading]: SplitReading[k] } & { durations: Map<number, number> }>();
  const of = (labels: Sample['labels']) => {
    const side = labels['destination_service_name'] === sides.canary ? 'canary' : 'primary';
    const stratum = `${labels['namespace'] ?? ''}/${labels['pod'] ?? ''} ${labels['split'] ?? ''}`;
    const key = `${stratum} ${side}`;
    const reading = found.get(key) ?? { stratum, side, requests: 0, errors: 0, durations: new Map<number, number>() };
    found.set(key, reading);
    return reading;
  };
  for (const { labels, value } of requests) {
    const reading = of(labels);
    reading.requests += value;
    if (failed(labels)) reading.errors += value;
  }
  for (const { labels, value } of durations) {
    const edge = labels['le'] === '+Inf' ? Infinity : Number(labels['le']) / 1000;
    const reading = of(labels);
    reading.durations.set(edge, (reading.durations.get(edge) ?? 0) + value);
  }
  return [...found.values()];
}
