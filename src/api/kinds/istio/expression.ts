/** Expressions about requests that Envoy evaluates: which of them are logged, what labels of metrics say. */
import { CelCompileError, compile, DYN } from '../../../cel/index.ts';

/** What Envoy knows of a request or a connection. */
const ATTRIBUTES = Object.fromEntries(
  [
    'request',
    'response',
    'source',
    'destination',
    'connection',
    'upstream',
    'metadata',
    'filter_state',
    'upstream_filter_state',
    'xds',
    'node',
    // Istio's own proxies have these besides; where Envoy does not, they have no value.
    'downstream_peer',
    'upstream_peer',
    'listener_metadata',
    'listener_direction',
    'cluster_name',
    'cluster_metadata',
    'route_name',
    'route_metadata',
    'plugin_name',
    'plugin_root_id',
    'plugin_vm_id',
  ].map((name) => [name, DYN] as const),
);

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Of CEL's functions those that Envoy is built with: no loops, and no library but the standard one. */
const FUNCTIONS = wordsOf(`
  has size contains startsWith endsWith matches int uint double duration timestamp dyn type getFullYear getMonth getDate
  getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds getMilliseconds
`);
const OPERATOR = /^(_?[^a-z]+_?|@in)$/;
/** The first mistake, without the text that it is shown in. */
const firstOf = (message: string): string => message.split('\n')[0]!.replace(/^ERROR: <input>:/, '');
/** Longest that is taken, in characters. */
const LONGEST = 4096;

/** Why Envoy would not compile the expression; undefined when it would. */
export function expressionProblem(expression: string): string | undefined {
  if (expression.length > LONGEST) return `it is longer than ${LONGEST} characters`;
  if (/\.\?|\[\?/.test(expression.replaceAll(/"[^"]*"|'[^']*'/g, ''))) return 'proxies know no optional fields';
  try {
    const { calls } = compile(expression, { variables: ATTRIBUTES });
    const unknown = [...calls].find((name) => !FUNCTIONS.has(name) && !OPERATOR.test(name));
    if (unknown) return `proxies have no function ${unknown}`;
  } catch (error) {
    if (error instanceof CelCompileError) return firstOf(error.message);
    throw error;
  }
  return undefined;
}
