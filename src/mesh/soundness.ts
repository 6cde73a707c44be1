import { RE2JS } from 're2js';
import { GRPC_STATUSES, type Destination, type HeaderOperations, type StringMatch } from '../api/index.ts';
import { parseDuration } from '../base/index.ts';
import { memo } from './memo.ts';
import type { Rule, RuleMatch } from './rule.ts';

/** Something Envoy would refuse, and the whole route table of a port with it. */
export interface Unsound {
  /** Under the route, as in `match[0].uri.regex`. */
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

/** As much as Istio allows. */
const MAX_REGEX = 1024;
const HEADER_NAME = /^:?[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
// oxlint-disable-next-line no-control-regex -- that is what must not be in a header
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** What of a route Envoy would refuse; such a route is left out so that the others stand. */
export const unsoundParts = memo((route: Rule): readonly Unsound[] => {
  const found: Unsound[] = [];
  const add = (path: string, message: string, fix: string): unknown => found.push({ path, message, fix });
  route.match?.forEach((m, i) => checkMatch(m, `match[${i}]`, add));
  checkActions(route, add);
  for (const [side, ops] of Object.entries(route.headers ?? {})) checkHeaders(ops as HeaderOperations, `headers.${side}`, add);
  route.route?.forEach((r, i) => {
    for (const [side, ops] of Object.entries(r.headers ?? {})) checkHeaders(ops as HeaderOperations, `route[${i}].headers.${side}`, add);
    if (r.weight !== undefined && !(Number.isInteger(r.weight) && r.weight >= 0 && r.weight <= 1_000_000)) {
      add(`route[${i}].weight`, `${r.weight} is no weight.`, 'Use a whole number from 0.');
    }
    checkDestination(r.destination, `route[${i}].destination`, add);
  });
  if ((route.route?.length ?? 0) > 1 && route.route?.every((r) => !r.weight)) {
    add('route', 'all weights are 0, so no destination can be chosen.', 'Give at least one destination a weight.');
  }
  return found;
});

type Add = (path: string, message: string, fix: string) => unknown;

function checkMatch(m: RuleMatch, path: string, add: Add): void {
  for (const key of ['uri', 'scheme', 'method', 'authority'] as const) if (m[key]) checkString(m[key], `${path}.${key}`, add);
  if (m.uri?.segments !== undefined && /[?#]/.test(m.uri.segments))
    add(`${path}.uri`, `"${m.uri.segments}" is no path: it has a "?" or "#" in it.`, 'Leave out what begins there.');
  for (const key of ['headers', 'withoutHeaders', 'queryParams'] as const) {
    for (const [name, s] of Object.entries(m[key] ?? {})) {
      if (key !== 'queryParams' && !HEADER_NAME.test(name) && !name.startsWith('@request.auth.claims'))
        add(`${path}.${key}`, `"${name}" is no header name.`, 'Use letters, digits and dashes.');
      checkString(s ?? {}, `${path}.${key}.${name}`, add);
    }
  }
}

function checkString(s: StringMatch, path: string, add: Add): void {
  if (s.regex && s.regex !== '*') checkRegex(s.regex, `${path}.regex`, add);
}

function checkRegex(regex: string, path: string, add: Add): number | undefined {
  const fix = 'Write it in RE2 syntax (no look-around, no back-references).';
  if (regex.length > MAX_REGEX) {
    add(path, `the regex is longer than ${MAX_REGEX} characters.`, 'Shorten it, or use several matches.');
    return undefined;
  }
  try {
    return RE2JS.compile(regex).groupCount();
  } catch (error) {
    add(path, `"${regex}" is no regex: ${error instanceof Error ? error.message : String(error)}.`, fix);
    return undefined;
  }
}

function checkActions(route: Rule, add: Add): void {
  const { redirect, directResponse, rewrite, fault, retries } = route;
  const status = (value: number | undefined, path: string): void => {
    if (value !== undefined && !(Number.isInteger(value) && value >= 200 && value <= 599))
      add(path, `${value} is no HTTP status.`, 'Use a number from 200 to 599.');
  };
  if (redirect?.redirectCode && ![301, 302, 303, 307, 308].includes(redirect.redirectCode)) {
    add('redirect.redirectCode', `${redirect.redirectCode} is no redirect.`, 'Use 301, 302, 303, 307 or 308.');
  }
  for (const [path, value] of Object.entries({
    'redirect.uri': redirect?.uri,
    'redirect.authority': redirect?.authority,
    'rewrite.uri': rewrite?.uri,
    'rewrite.authority': rewrite?.authority,
  })) {
    if (value !== undefined && CONTROL.test(value)) add(path, 'control characters cannot be sent.', 'Remove them.');
  }
  if (directResponse) status(directResponse.status ?? 0, 'directResponse.status');
  status(fault?.abort?.httpStatus, 'fault.abort.httpStatus');
  const { grpcStatus } = fault?.abort ?? {};
  if (grpcStatus !== undefined && !GRPC_STATUSES.includes(grpcStatus))
    add('fault.abort.grpcStatus', `${grpcStatus} is no status of gRPC.`, 'Write its name, as UNAVAILABLE.');
  const regex = rewrite?.uriRegexRewrite;
  if (regex?.match) {
    const groups = checkRegex(regex.match, 'rewrite.uriRegexRewrite.match', add);
    const text = (regex.rewrite ?? '').replaceAll('\\\\', '');
    const used = [...text.matchAll(/\\(.?)/g)].map((x) => x[1]!);
    if (groups !== undefined && used.some((u) => !/^\d$/.test(u) || Number(u) > groups)) {
      add(
        'rewrite.uriRegexRewrite.rewrite',
        'it names a group that the regex does not have.',
        `Use \\1 to \\${groups}, and \\\\ for a backslash.`,
      );
    }
  }
  for (const [path, text] of Object.entries({
    timeout: route.timeout,
    'retries.perTryTimeout': retries?.perTryTimeout,
    'fault.delay.fixedDelay': fault?.delay?.fixedDelay,
  })) {
    const ms = text === undefined ? 0 : parseDuration(text);
    if (ms === undefined || ms < 0) add(path, `"${text}" is no duration.`, 'Write it as in 500ms, 10s or 1m30s.');
  }
}

function checkHeaders(ops: HeaderOperations, path: string, add: Add): void {
  const names = [...Object.keys(ops.set ?? {}), ...Object.keys(ops.add ?? {}), ...(ops.remove ?? [])];
  for (const name of names) if (!HEADER_NAME.test(name)) add(path, `"${name}" is no header name.`, 'Use letters, digits and dashes.');
  for (const value of [...Object.values(ops.set ?? {}), ...Object.values(ops.add ?? {})]) {
    if (CONTROL.test(value)) add(path, 'control characters cannot be sent.', 'Remove them.');
    else if (oddPercent(value)) add(path, `"${value}" has a % that begins no Envoy expression.`, 'Write %% for a percent sign.');
  }
}

/** Envoy reads `%...%` in header values; a lone `%` makes it refuse the route. */
function oddPercent(value: string): boolean {
  return value
    .replaceAll('%%', '')
    .replaceAll(/%[A-Z][A-Z0-9_]*(\([^)]*\))?(:\d+)?%/g, '')
    .includes('%');
}

function checkDestination(d: Destination | undefined, path: string, add: Add): void {
  if (!d?.host) add(`${path}.host`, 'the destination has no host.', 'Name a service.');
}
