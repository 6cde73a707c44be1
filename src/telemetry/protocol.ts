import type { LogFields, LogLevel } from '../base/index.ts';
import type { QueryResult } from '../promql/index.ts';
import type { Target } from './scrape.ts';

/** What the worker is started with. */
export interface WorkerData {
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly intervalMs: number;
}

/** To the worker. */
export type Request =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  | { readonly kind: 'query'; readonly id: number; readonly expr: string; readonly at: number }
  | { readonly kind: 'close' };

/** From the worker. */
export type Reply =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'result'; readonly id: number; readonly result: QueryResult }
  | { readonly kind: 'fault'; readonly id: number; readonly code: string; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly msg: string; readonly fields: LogFields };
