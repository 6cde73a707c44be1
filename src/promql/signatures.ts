import type { ValueType } from './ast.ts';

/** What a function takes and gives. `?` after a type: may be left out. `...`: any number of the type before. */
export interface Signature {
  readonly args: readonly ValueType[];
  /** How many of `args` may be left out at the end. */
  readonly optional: number;
  /** The last of `args` may come any number of times. */
  readonly variadic: boolean;
  readonly result: ValueType;
}

const of = (result: ValueType, args: readonly ValueType[], optional = 0, variadic = false): Signature => ({
  args,
  optional,
  variadic,
  result,
});
const each = (names: string, signature: Signature): [string, Signature][] => names.split(' ').map((name) => [name, signature]);

export const signatures: ReadonlyMap<string, Signature> = new Map([
  ...each('rate increase irate delta idelta resets changes deriv', of('vector', ['matrix'])),
  ...each('avg_over_time sum_over_time min_over_time max_over_time count_over_time', of('vector', ['matrix'])),
  ...each('stddev_over_time stdvar_over_time last_over_time present_over_time absent_over_time', of('vector', ['matrix'])),
  ...each('quantile_over_time', of('vector', ['scalar', 'matrix'])),
  ...each('predict_linear', of('vector', ['matrix', 'scalar'])),
  ...each(
    'abs ceil floor exp ln log2 log10 sqrt sgn deg rad sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh',
    of('vector', ['vector']),
  ),
  ...each('sort sort_desc absent timestamp', of('vector', ['vector'])),
  ...each('round', of('vector', ['vector', 'scalar'], 1)),
  ...each('clamp', of('vector', ['vector', 'scalar', 'scalar'])),
  ...each('clamp_min clamp_max', of('vector', ['vector', 'scalar'])),
  ...each('histogram_quantile', of('vector', ['scalar', 'vector'])),
  ...each('label_replace', of('vector', ['vector', 'string', 'string', 'string', 'string'])),
  ...each('label_join', of('vector', ['vector', 'string', 'string', 'string'], 1, true)),
  ...each('scalar', of('scalar', ['vector'])),
  ...each('vector', of('vector', ['scalar'])),
  ...each('time pi', of('scalar', [])),
  ...each('minute hour day_of_week day_of_month day_of_year days_in_month month year', of('vector', ['vector'], 1)),
]);

export const AGGREGATIONS: ReadonlyMap<string, ValueType | undefined> = new Map([
  ...'sum avg min max count group stddev stdvar'.split(' ').map((op): [string, undefined] => [op, undefined]),
  ['topk', 'scalar'],
  ['bottomk', 'scalar'],
  ['quantile', 'scalar'],
  ['count_values', 'string'],
]);
