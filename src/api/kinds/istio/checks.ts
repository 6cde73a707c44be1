/** What can never work in Istio objects, whatever else the mesh holds. */
import { RE2JS } from 're2js';
import { parseDuration } from '../../../base/index.ts';
import { type Causes, dnsLabel, follow } from '../check.ts';
import type { Percent, StringMatch } from './types.ts';

const REGEX_BYTES = 1024;

/** An RE2 expression, as Envoy takes it. */
export function checkRegex(causes: Causes, field: string, regex: string): void {
  if (!regex) return causes.invalid(field, regex, 'regex must not be empty');
  if (Buffer.byteLength(regex) > REGEX_BYTES)
    return causes.invalid(field, regex, `regex is too large, max length allowed is ${REGEX_BYTES}`);
  try {
    RE2JS.compile(regex);
  } catch (error) {
    causes.invalid(field, regex, `not a valid RE2 expression: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function checkStringMatch(causes: Causes, field: string, match: StringMatch | undefined): void {
  if (!match) return;
  const given = (['exact', 'prefix', 'regex'] as const).filter((k) => match[k] !== undefined);
  if (given.length > 1) causes.invalid(field, match, 'only one of exact, prefix and regex may be set');
  if (match.regex !== undefined) checkRegex(causes, `${field}.regex`, match.regex);
  if (match.prefix === '') causes.invalid(`${field}.prefix`, '', 'prefix must not be empty');
}

const HEADER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z:]+$/;

/** The name of an HTTP header. */
export function checkHeaderName(causes: Causes, field: string, name: string): void {
  if (!name) causes.invalid(field, name, 'header name cannot be empty');
  else if (!HEADER.test(name)) causes.invalid(field, name, `header name ${name} is not a valid header name`);
}

/** What Go counts in nanoseconds. */
const MAX_DURATION_MS = 2 ** 63 / 1e6;

/** A duration of at least a millisecond, unless `zero` allows none at all. */
export function checkDuration(causes: Causes, field: string, text: string | undefined, zero = false): void {
  if (text === undefined) return;
  const ms = parseDuration(text);
  if (ms === undefined) causes.invalid(field, text, 'not a duration; write a number and a unit, such as 250ms, 10s or 1m30s');
  else if (ms > MAX_DURATION_MS) causes.invalid(field, text, 'duration out of range; it is less than 292 years');
  else if (ms < 1 && !(zero && ms === 0)) causes.invalid(field, text, 'duration must be greater than 1ms');
}

export function checkPercent(causes: Causes, field: string, percent: Percent | number | null | undefined): void {
  const value = typeof percent === 'object' ? percent?.value : percent;
  if (value !== undefined && !(value >= 0 && value <= 100)) causes.invalid(field, value, 'percentage must be between 0 and 100');
}

/** A port, where one is given. */
export function checkPortNumber(causes: Causes, field: string, port: number | undefined): void {
  if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65535)) {
    causes.invalid(field, port, `port number ${port} must be in the range 1..65535`);
  }
}

/** Names of subsets and ports, and DNS labels in general. */
export function checkName(causes: Causes, field: string, name: string | undefined): void {
  if (!name) return causes.required(field);
  follow(causes, field, name, (v) => dnsLabel(v.toLowerCase()));
}

const HOST_LABEL = /^[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?$/;
const IP = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$/;

export const isIp = (text: string): boolean => IP.test(text);

/** An address, or a range of them. */
export function checkCidr(causes: Causes, field: string, text: string): void {
  const [address = '', bits, ...rest] = text.split('/');
  const most = address.includes(':') ? 128 : 32;
  const octets = address.includes(':') || address.split('.').every((part) => Number(part) <= 255);
  const range = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  if (!IP.test(address) || !octets || !range || rest.length)
    causes.invalid(field, text, `${JSON.stringify(text)} is not a valid IP address or CIDR`);
}

/** A DNS name, an address, or a name with `*` as its first label. */
export function checkHost(causes: Causes, field: string, host: string | undefined, wildcard = true): void {
  if (!host) return causes.required(field, 'a host must not be empty');
  if (host.length > 255) return causes.invalid(field, host, 'must be no more than 255 characters');
  if (IP.test(host) || (wildcard && host === '*')) return;
  const name = wildcard ? host.replace(/^\*[-.]?/, '') : host;
  const wrong = name
    .replace(/\.$/, '')
    .split('.')
    .find((label) => label.length > 63 || !HOST_LABEL.test(label));
  if (wrong === undefined) return;
  causes.invalid(
    field,
    host,
    wrong.includes('*')
      ? "a wildcard '*' may only be the first label of a host"
      : `domain name "${host}" invalid (label "${wrong}" invalid)`,
  );
}

/** `name` or `namespace/name` of a Gateway, or `mesh`. */
export function checkGatewayName(causes: Causes, field: string, gateway: string): void {
  const parts = gateway.split('/');
  if (parts.length > 2 || parts.some((p) => !p)) causes.invalid(field, gateway, 'must be a name or namespace/name');
}

/** `.`, `*`, `~` or names of namespaces. */
export function checkExportTo(causes: Causes, exportTo: readonly string[] | undefined): void {
  exportTo?.forEach((namespace, i) => {
    if (['.', '*', '~'].includes(namespace)) return;
    follow(causes, `spec.exportTo[${i}]`, namespace, dnsLabel);
  });
  if (exportTo && exportTo.length > 1 && exportTo.some((n) => n === '*' || n === '~')) {
    causes.invalid('spec.exportTo', exportTo, "'*' and '~' must stand alone");
  }
}
