import { Fault, messageOf } from '../base/index.ts';
import {
  formatNumber,
  METRIC_NAME,
  parsePromDuration,
  parseSelector,
  query,
  queryRange,
  type Labels,
  type Matcher,
  type Point,
  type QueryResult,
} from '../promql/index.ts';
import type { SeriesStore } from './series-store.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly contentType: 'application/json' | 'text/plain';
  readonly body: string;
}

/** The version of the API that clients are told, so that they know what to expect of it. */
const VERSION = '3.5.0';
/** Without `start`, lists cover what is kept. */
const EVER = 0;

/** Prometheus' HTTP API over the store: total, whatever is asked. `params` are those of the URL and of the form together. */
export function answer(store: SeriesStore, path: string, params: URLSearchParams, now: number): ApiAnswer {
  if (path === '/-/healthy') return { status: 200, contentType: 'text/plain', body: 'Prometheus Server is Healthy.\n' };
  if (path === '/-/ready') return { status: 200, contentType: 'text/plain', body: 'Prometheus Server is Ready.\n' };
  try {
    const data = dataOf(store, path, params, now);
    if (data === undefined) return json(404, { status: 'error', errorType: 'not_found', error: `${path} is not served` });
    return json(200, { status: 'success', data });
  } catch (error) {
    if (!(error instanceof Fault)) return json(500, { status: 'error', errorType: 'internal', error: messageOf(error) });
    const failed = error.code === 'PromqlFailed';
    return json(failed ? 422 : 400, { status: 'error', errorType: failed ? 'execution' : 'bad_data', error: error.message });
  }
}

function dataOf(store: SeriesStore, path: string, params: URLSearchParams, now: number): unknown {
  const label = /^\/api\/v1\/label\/([^/]+)\/values$/.exec(path)?.[1];
  if (label !== undefined) return [...new Set(found(store, params, now, false).flatMap((l) => l[decodeURIComponent(label)] ?? []))].sort();
  switch (path) {
    case '/api/v1/query':
      return encode(query(store, required(params, 'query'), timeParam(params, 'time', now)));
    case '/api/v1/query_range': {
      const [start, end, step] = [timeParam(params, 'start'), timeParam(params, 'end'), durationParam(params, 'step')];
      if (end < start) throw bad('invalid parameter "end": end timestamp must not be before start time');
      return encode(queryRange(store, required(params, 'query'), start, end, step));
    }
    case '/api/v1/labels':
      return [...new Set(found(store, params, now, false).flatMap(Object.keys))].sort();
    case '/api/v1/series':
      return found(store, params, now, true);
    case '/api/v1/status/buildinfo':
      return { version: VERSION, revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' };
    default:
      return undefined;
  }
}

/** Labels of the series that any `match[]` takes. */
function found(store: SeriesStore, params: URLSearchParams, now: number, mustMatch: boolean): Labels[] {
  const selectors = params.getAll('match[]');
  if (mustMatch && selectors.length === 0) throw bad('no match[] parameter provided');
  const [start, end] = [timeParam(params, 'start', EVER), timeParam(params, 'end', now)];
  const conditions: (readonly Matcher[])[] = selectors.length > 0 ? selectors.map(parseSelector) : [[]];
  const labels = new Set(conditions.flatMap((matchers) => store.labels(matchers, start, end)));
  const limit = Number(params.get('limit') ?? 0);
  return limit > 0 ? [...labels].slice(0, limit) : [...labels];
}

function required(params: URLSearchParams, name: string): string {
  const value = params.get(name);
  if (!value) throw bad(`invalid parameter "${name}": it is missing`);
  return value;
}

/** Unix seconds or RFC 3339, as milliseconds. */
function timeParam(params: URLSearchParams, name: string, otherwise?: number): number {
  const text = params.get(name);
  if (text === null && otherwise !== undefined) return otherwise;
  const ms = text !== null && /^-?\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : Date.parse(text ?? '');
  if (Number.isNaN(ms)) throw bad(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid timestamp`);
  return ms;
}

function durationParam(params: URLSearchParams, name: string): number {
  const text = required(params, name);
  const ms = parsePromDuration(text);
  if (ms === undefined || ms <= 0) throw bad(`invalid parameter "${name}": ${JSON.stringify(text)} is not a duration above zero`);
  return ms;
}

function bad(message: string): Fault {
  return new Fault('BadRequest', message);
}

function encode(result: QueryResult): unknown {
  switch (result.type) {
    case 'scalar':
      return { resultType: 'scalar', result: pair(result.point) };
    case 'string':
      return { resultType: 'string', result: [result.time / 1000, result.value] };
    case 'vector':
      return { resultType: 'vector', result: result.samples.map((s) => ({ metric: metric(s.labels), value: pair(s) })) };
    case 'matrix':
      return { resultType: 'matrix', result: result.series.map((s) => ({ metric: metric(s.labels), values: s.points.map(pair) })) };
  }
}

/** The name first, as people read it. */
function metric(labels: Labels): Labels {
  return METRIC_NAME in labels ? { [METRIC_NAME]: labels[METRIC_NAME], ...labels } : labels;
}

function pair(point: Point): [number, string] {
  return [point.time / 1000, formatNumber(point.value)];
}

function json(status: number, body: unknown): ApiAnswer {
  return { status, contentType: 'application/json', body: JSON.stringify(body) };
}
