import { ApiError } from '../../api/index.ts';
import { parseDuration } from '../../base/index.ts';
import type { DeleteQuery, FieldValidation, ListQuery, PatchQuery, WatchQuery } from '../registry.ts';

/** Reads the options in a URL's query; what cannot be read is a BadRequest that names the option. */

export function listQuery(q: URLSearchParams): ListQuery {
  return {
    ...select(q),
    resourceVersion: text(q, 'resourceVersion'),
    resourceVersionMatch: text(q, 'resourceVersionMatch'),
    limit: count(q, 'limit'),
    continue: text(q, 'continue'),
  };
}

export function watchQuery(q: URLSearchParams): WatchQuery {
  return {
    ...select(q),
    resourceVersion: text(q, 'resourceVersion'),
    resourceVersionMatch: text(q, 'resourceVersionMatch'),
    sendInitialEvents: flag(q, 'sendInitialEvents'),
    allowWatchBookmarks: flag(q, 'allowWatchBookmarks'),
    timeout: watchTimeout(q),
  };
}

/** The longest a watch is told to last, in milliseconds: a timer cannot count much further. */
const LONGEST_WATCH = 24 * 3_600_000;

/** After how many milliseconds a watch is to end; undefined: never. */
function watchTimeout(q: URLSearchParams): number | undefined {
  const timeout = text(q, 'timeout');
  const ms = (count(q, 'timeoutSeconds') ?? 0) * 1000 || parseDuration(timeout ?? '0');
  if (ms === undefined || ms < 0) throw bad('timeout', timeout, 'a duration such as 90s');
  return ms === 0 ? undefined : Math.min(ms, LONGEST_WATCH);
}

export function isWatch(q: URLSearchParams): boolean {
  return flag(q, 'watch') ?? false;
}

export function writeQuery(q: URLSearchParams, userAgent?: string): PatchQuery {
  return {
    fieldManager: text(q, 'fieldManager'),
    // `kubectl` of `kubectl/v1.35.3 (linux/amd64)`
    userAgent: userAgent?.split('/')[0]!.slice(0, 128) || undefined,
    fieldValidation: fieldValidation(q),
    dryRun: dryRun(q.getAll('dryRun')),
    force: flag(q, 'force'),
  };
}

/** The options of a DELETE: from its body, else from the query. */
export function deleteQuery(q: URLSearchParams, body: unknown): DeleteQuery {
  const b = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const grace = b['gracePeriodSeconds'] ?? count(q, 'gracePeriodSeconds');
  if (grace !== undefined && (!Number.isInteger(grace) || (grace as number) < 0))
    throw bad('gracePeriodSeconds', grace, 'a whole number of seconds');
  const orphan = b['orphanDependents'] ?? flag(q, 'orphanDependents');
  const policy =
    b['propagationPolicy'] ?? text(q, 'propagationPolicy') ?? (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background');
  if (policy !== undefined && typeof policy !== 'string') throw bad('propagationPolicy', policy, 'Background, Foreground or Orphan');
  const pre = (b['preconditions'] ?? {}) as Record<string, unknown>;
  return {
    propagationPolicy: policy,
    gracePeriodSeconds: grace as number | undefined,
    preconditions: { uid: optionalText(pre['uid']), resourceVersion: optionalText(pre['resourceVersion']) },
    dryRun: dryRun(Array.isArray(b['dryRun']) && b['dryRun'].length > 0 ? b['dryRun'] : q.getAll('dryRun')),
  };
}

export function text(q: URLSearchParams, name: string): string | undefined {
  return q.get(name) || undefined;
}

/** A flag is set by `true`, `1`, and by standing there without a value. */
export function flag(q: URLSearchParams, name: string): boolean | undefined {
  const value = q.get(name);
  if (value === null) return undefined;
  if (value === '' || value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw bad(name, value, 'true or false');
}

export function count(q: URLSearchParams, name: string): number | undefined {
  const value = q.get(name);
  if (value === null || value === '') return undefined;
  if (!/^\d{1,15}$/.test(value)) throw bad(name, value, 'a whole number');
  return Number(value);
}

function select(q: URLSearchParams): { labelSelector: string | undefined; fieldSelector: string | undefined } {
  return { labelSelector: text(q, 'labelSelector'), fieldSelector: text(q, 'fieldSelector') };
}

function fieldValidation(q: URLSearchParams): FieldValidation | undefined {
  const value = text(q, 'fieldValidation');
  if (value === undefined || value === 'Strict' || value === 'Warn' || value === 'Ignore') return value;
  throw bad('fieldValidation', value, 'Strict, Warn or Ignore');
}

function dryRun(values: readonly unknown[]): boolean {
  for (const value of values) if (value !== 'All') throw bad('dryRun', value, 'All');
  return values.length > 0;
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function bad(name: string, value: unknown, wanted: string): ApiError {
  return new ApiError('BadRequest', `the option ${name} is ${JSON.stringify(value)}: it must be ${wanted}`);
}
