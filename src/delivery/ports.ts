/** What delivery needs of the rest of the program. */
import type { CanaryBadRequest } from '../api/index.ts';

/** One series of an answer, at the time it was asked for. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Answers PromQL. */
export interface Metrics {
  /** The value of an instant query that has one; undefined when no series matches or the value is NaN. Rejects when the query is wrong. */
  query(promql: string): Promise<number | undefined>;
  /** All series of an instant query, with their last values. Rejects when the query is wrong. */
  select(promql: string): Promise<readonly Sample[]>;
}

/** Requests that failed or were slow, as proxies tell of them one by one. */
export interface RequestLog {
  /**
   * Some of those to a service (`podinfo-canary.test`) that came at `since` (milliseconds since the epoch) or later: the last that failed,
   * then the last that took `slowMs` or longer.
   */
  bad(service: string, since: number, slowMs: number): readonly CanaryBadRequest[];
}

export interface HttpAnswer {
  readonly status: number;
  /** At most 64 KiB of the body. */
  readonly body: string;
}

/** Calls webhooks; knows how to reach services of the cluster by their names. */
export interface Http {
  /** Rejects when there is no answer within `timeoutMs`. */
  post(url: string, body: unknown, timeoutMs: number): Promise<HttpAnswer>;
}

export interface WebRequest {
  /** GET when absent. */
  readonly method?: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** Certificates are not checked. */
  readonly insecureSkipVerify?: boolean | undefined;
  /** URL of the HTTP proxy to go by; absent: the one of the environment, if any. */
  readonly proxy?: string | undefined;
}

export interface WebAnswer {
  readonly status: number;
  readonly body: string;
  /** Seconds the server asks to wait before the next try. */
  readonly retryAfter: number | undefined;
}

/** Asks and tells others over HTTP: metrics, alerts. Knows how to reach services of the cluster by their names. */
export interface Web {
  /** Rejects with a `Fault` when there is no answer in time, when it is too large, or when it leads to another host. */
  send(request: WebRequest): Promise<WebAnswer>;
}
