/** What proxies counted of a request: their `istio_requests_total` before and after it. Pure. */
import { flagsText } from './response-flags.ts';

export interface Counted {
  /** `source` at the client, `destination` at the server. */
  readonly reporter: string;
  readonly status: number;
  /** Envoy's, as in `UH`; absent when there was none. */
  readonly flags?: string;
  /** The flags as a sentence. */
  readonly says?: string;
  readonly workload: string;
  readonly mtls?: boolean;
  /** Requests; more than one when others were under way, or it was tried again. */
  readonly count: number;
}

const LINE = /^(?:envoy_)?istio_requests_total\{(.*)\} (\d+)/;

/** Counters by their labels. */
export function countersOf(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const found = LINE.exec(line);
      return found ? [[found[1]!, Number(found[2])] as const] : [];
    }),
  );
}

/** What was counted between the two. */
export function countedBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Counted[] {
  return [...after].flatMap(([text, value]): Counted[] => {
    const count = value - (before.get(text) ?? 0);
    if (count <= 0) return [];
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(text)?.[1] ?? '';
    const flags = label('response_flags');
    const says = flagsText(flags);
    const reporter = label('reporter');
    return [
      {
        reporter,
        status: Number(label('response_code')),
        ...(says ? { flags, says } : {}),
        workload: `${label('destination_workload_namespace')}/${label('destination_workload')}`,
        ...(reporter === 'destination' ? { mtls: label('connection_security_policy') === 'mutual_tls' } : {}),
        count,
      },
    ];
  });
}
