export { formatNumber } from './aggregate.ts';
export { labelKey, METRIC_NAME, type Labels } from './labels.ts';
export { matchesAll, type Matcher } from './matcher.ts';
export { parsePromDuration, parseSelector } from './parse.ts';
export { query, queryRange, type Point, type QueryResult } from './query.ts';
export type { Queryable, Samples } from './queryable.ts';
