export { formatNumber } from './aggregate.ts';
export { formatLabels, labelKey, METRIC_NAME, type Labels } from './labels.ts';
export { matcher, matchesAll, type Matcher, type MatchOp } from './matcher.ts';
export { parse, parsePromDuration, parseSelector } from './parse.ts';
export { query, queryRange, type Point, type QueryResult, type Run, type Sample } from './query.ts';
export type { Queryable, Samples } from './queryable.ts';
