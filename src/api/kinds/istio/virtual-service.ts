import { VirtualServices } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { AGE, defineCustom, shows } from '../custom.ts';
import {
  checkDuration,
  checkExportTo,
  checkGatewayName,
  checkHeaderName,
  checkHost,
  checkPercent,
  checkPortNumber,
  checkRegex,
  checkStringMatch,
} from './checks.ts';
import { GRPC_STATUSES } from './grpc-status.ts';
import { networking } from './shared.ts';
import type { Destination, HTTPMatchRequest, HTTPRoute, VirtualService } from './types.ts';

export const virtualServices = defineCustom<VirtualService>({
  ...networking,
  resource: VirtualServices,
  shortNames: ['vs'],
  check,
  columns: [shows('Gateways', '.spec.gateways'), shows('Hosts', '.spec.hosts'), AGE],
});

function check(causes: Causes, o: VirtualService): void {
  const spec = o.spec ?? {};
  const { hosts = [], gateways = [], http = [], tls = [], tcp = [] } = spec;
  const delegate = hosts.length === 0 && gateways.length === 0 && http.length > 0;
  if (delegate && (tls.length || tcp.length)) causes.forbidden('spec', 'delegate virtual service can only have http routes');
  if (hosts.length === 0 && !delegate) causes.required('spec.hosts', 'virtual service must have at least one host');
  if (!http.length && !tls.length && !tcp.length) causes.required('spec', 'http, tcp or tls must be provided in virtual service');
  const forMesh = gateways.length === 0 || gateways.includes('mesh');
  const seen = new Set<string>();
  hosts.forEach((host, i) => {
    checkHost(causes, `spec.hosts[${i}]`, host);
    if (host === '*' && forMesh) {
      causes.invalid(`spec.hosts[${i}]`, host, 'wildcard host * is not allowed for virtual services bound to the mesh gateway');
    }
    if (seen.has(host)) causes.duplicate(`spec.hosts[${i}]`, host);
    seen.add(host);
  });
  gateways.forEach((gateway, i) => checkGatewayName(causes, `spec.gateways[${i}]`, gateway));
  http.forEach((route, i) => checkHttpRoute(causes, `spec.http[${i}]`, route));
  tls.forEach((route, i) => {
    const at = `spec.tls[${i}]`;
    if (!route.match?.length) causes.required(`${at}.match`, 'TLS route must have at least one match condition');
    route.match?.forEach((match, j) => {
      if (!match.sniHosts?.length) causes.required(`${at}.match[${j}].sniHosts`, 'TLS match must have at least one SNI host');
      match.sniHosts?.forEach((sni, k) => {
        const field = `${at}.match[${j}].sniHosts[${k}]`;
        checkHost(causes, field, sni);
        if (!hosts.some((host) => isWithin(sni, host)))
          causes.invalid(field, sni, `SNI host is not a compatible subset of any of the virtual service hosts: [${hosts.join(' ')}]`);
      });
      checkPortNumber(causes, `${at}.match[${j}].port`, match.port);
    });
    checkDestinations(causes, at, route.route, 'TLS route is required');
  });
  tcp.forEach((route, i) => {
    route.match?.forEach((match, j) => checkPortNumber(causes, `spec.tcp[${i}].match[${j}].port`, match.port));
    checkDestinations(causes, `spec.tcp[${i}]`, route.route, 'TCP route is required');
  });
  checkExportTo(causes, spec.exportTo);
}

/** True when every name that `inner` stands for is one that `outer` stands for; short names may stand for anything. */
function isWithin(inner: string, outer: string): boolean {
  if (outer === '*' || inner === outer || !outer.includes('.')) return true;
  return outer.startsWith('*') && inner.endsWith(outer.slice(1));
}

const REDIRECTS = [301, 302, 303, 307, 308];

const BODY_BYTES = 1024 * 1024;
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*']);
const RETRY_ON: ReadonlySet<string> = new Set(
  (
    '5xx gateway-error reset reset-before-request connect-failure envoy-ratelimited retriable-4xx refused-stream retriable-status-codes ' +
    'retriable-headers http3-post-connect-failure cancelled deadline-exceeded internal resource-exhausted unavailable'
  ).split(' '),
);

function checkHttpRoute(causes: Causes, at: string, route: HTTPRoute): void {
  const ends = (['route', 'redirect', 'directResponse', 'delegate'] as const).filter((k) =>
    k === 'route' ? route.route?.length : route[k],
  );
  if (!ends.length) causes.required(at, 'HTTP route, redirect or direct_response is required');
  if (ends.length > 1) causes.invalid(at, route.name ?? '', `HTTP route cannot contain both ${ends[0]} and ${ends[1]}`);
  if (route.route?.length) checkDestinations(causes, at, route.route, '');
  route.match?.forEach((match, i) => checkMatch(causes, `${at}.match[${i}]`, match));

  checkDuration(causes, `${at}.timeout`, route.timeout, true);
  const { retries, fault, redirect, directResponse, rewrite, corsPolicy } = route;
  if (retries) {
    if (retries.attempts !== undefined && retries.attempts < 0)
      causes.invalid(`${at}.retries.attempts`, retries.attempts, 'attempts cannot be negative');
    if (retries.attempts === 0 && (retries.perTryTimeout || retries.retryOn)) {
      causes.invalid(`${at}.retries.attempts`, 0, 'http retry policy configured when attempts are set to 0 (disabled)');
    }
    checkDuration(causes, `${at}.retries.perTryTimeout`, retries.perTryTimeout, true);
    checkDuration(causes, `${at}.retries.backoff`, retries.backoff);
    for (const policy of retries.retryOn?.split(',') ?? []) {
      if (!RETRY_ON.has(policy.trim()) && !/^[1-5]\d\d$/.test(policy.trim()))
        causes.invalid(`${at}.retries.retryOn`, policy, `${JSON.stringify(policy)} is not a valid retryOn policy`);
    }
  }
  if (fault) checkFault(causes, `${at}.fault`, fault);
  if (redirect && !Object.values(redirect).some((value) => value !== undefined && value !== ''))
    causes.required(`${at}.redirect`, 'redirect must specify URI, authority, scheme, port or redirect code');
  if (route.delegate && !route.delegate.name) causes.required(`${at}.delegate.name`, 'delegate must name a virtual service');
  if (redirect?.redirectCode && !REDIRECTS.includes(redirect.redirectCode)) {
    causes.unsupported(`${at}.redirect.redirectCode`, redirect.redirectCode, REDIRECTS.map(String));
  }
  if (directResponse && !(directResponse.status >= 200 && directResponse.status <= 599)) {
    causes.invalid(`${at}.directResponse.status`, directResponse.status, 'HTTP status is not in range 200-599');
  }
  if (rewrite?.uriRegexRewrite) {
    if (rewrite.uri) causes.invalid(`${at}.rewrite`, rewrite, 'rewrite may only contain one of Uri or UriRegexRewrite');
    checkRegex(causes, `${at}.rewrite.uriRegexRewrite.match`, rewrite.uriRegexRewrite.match ?? '');
  }
  if (rewrite && route.redirect) causes.invalid(`${at}.rewrite`, rewrite, 'HTTP route rule cannot contain both rewrite and redirect');
  const body = directResponse?.body;
  const bytes = Buffer.byteLength(body?.string ?? '') || Buffer.byteLength(body?.bytes ?? '', 'base64');
  if (bytes > BODY_BYTES) causes.invalid(`${at}.directResponse.body`, bytes, 'response body is larger than 1048576 bytes');
  for (const way of ['request', 'response'] as const) {
    for (const what of ['set', 'add'] as const)
      for (const name of Object.keys(route.headers?.[way]?.[what] ?? {}))
        checkHeaderName(causes, `${at}.headers.${way}.${what}[${name}]`, name);
  }
  corsPolicy?.allowMethods?.forEach((method, i) => {
    if (!METHODS.has(method))
      causes.invalid(`${at}.corsPolicy.allowMethods[${i}]`, method, `${JSON.stringify(method)} is not a supported HTTP method`);
  });
  corsPolicy?.allowOrigins?.forEach((origin, i) => checkStringMatch(causes, `${at}.corsPolicy.allowOrigins[${i}]`, origin));
  checkDuration(causes, `${at}.corsPolicy.maxAge`, corsPolicy?.maxAge, true);

  if (route.mirror && route.mirrors?.length)
    causes.invalid(`${at}.mirror`, route.mirror, 'HTTP route cannot contain both mirror and mirrors');
  if (route.mirror) checkDestination(causes, `${at}.mirror`, route.mirror);
  route.mirrors?.forEach((mirror, i) => {
    checkDestination(causes, `${at}.mirrors[${i}].destination`, mirror.destination);
    checkPercent(causes, `${at}.mirrors[${i}].percentage.value`, mirror.percentage);
  });
  checkPercent(causes, `${at}.mirrorPercentage.value`, route.mirrorPercentage);
  checkPercent(causes, `${at}.mirrorPercent`, route.mirrorPercent ?? route.mirror_percent);
}

function checkMatch(causes: Causes, at: string, match: HTTPMatchRequest): void {
  for (const field of ['uri', 'scheme', 'method', 'authority'] as const) checkStringMatch(causes, `${at}.${field}`, match[field]);
  for (const field of ['headers', 'withoutHeaders', 'queryParams'] as const) {
    for (const [name, value] of Object.entries(match[field] ?? {})) {
      if (field !== 'queryParams') checkHeaderName(causes, `${at}.${field}`, name);
      else if (!name) causes.invalid(`${at}.${field}`, name, 'query parameter name cannot be empty');
      checkStringMatch(causes, `${at}.${field}[${name}]`, value);
    }
  }
  checkPortNumber(causes, `${at}.port`, match.port);
}

function checkFault(causes: Causes, at: string, { delay, abort }: NonNullable<HTTPRoute['fault']>): void {
  if (!delay && !abort) causes.required(at, 'HTTP fault injection must have an abort and/or a delay');
  if (delay) {
    if (delay.exponentialDelay !== undefined) causes.forbidden(`${at}.delay.exponentialDelay`, 'exponentialDelay not supported yet');
    else if (!delay.fixedDelay) causes.required(`${at}.delay.fixedDelay`);
    checkDuration(causes, `${at}.delay.fixedDelay`, delay.fixedDelay);
    checkPercent(causes, `${at}.delay.percentage.value`, delay.percentage);
    checkPercent(causes, `${at}.delay.percent`, delay.percent);
  }
  if (abort) {
    if (abort.http2Error !== undefined) causes.forbidden(`${at}.abort.http2Error`, 'HTTP/2 abort fault injection not supported yet');
    else if (abort.httpStatus === undefined && abort.grpcStatus === undefined) causes.required(`${at}.abort.httpStatus`);
    if (abort.httpStatus !== undefined && !(abort.httpStatus >= 200 && abort.httpStatus <= 599)) {
      causes.invalid(`${at}.abort.httpStatus`, abort.httpStatus, 'HTTP status is not in range 200-599');
    }
    if (abort.grpcStatus !== undefined && abort.httpStatus === undefined && !GRPC_STATUSES.includes(abort.grpcStatus))
      causes.unsupported(`${at}.abort.grpcStatus`, abort.grpcStatus, GRPC_STATUSES);
    checkPercent(causes, `${at}.abort.percentage.value`, abort.percentage);
  }
}

function checkDestinations(
  causes: Causes,
  at: string,
  routes: readonly { destination?: Destination; weight?: number }[] | undefined,
  whenNone: string,
): void {
  if (!routes?.length) return causes.required(`${at}.route`, whenNone);
  let total = 0;
  routes.forEach(({ destination, weight = 0 }, i) => {
    checkDestination(causes, `${at}.route[${i}].destination`, destination);
    if (weight < 0) causes.invalid(`${at}.route[${i}].weight`, weight, `weight ${weight} < 0`);
    total += weight;
  });
  if (routes.length > 1 && total === 0) causes.invalid(`${at}.route`, total, 'total destination weight = 0');
}

function checkDestination(causes: Causes, at: string, destination: Destination | undefined): void {
  if (!destination) return causes.required(at, 'destination is required');
  if (destination.host === '*') causes.invalid(`${at}.host`, '*', 'invalid destination host *');
  else checkHost(causes, `${at}.host`, destination.host);
  checkPortNumber(causes, `${at}.port.number`, destination.port?.number);
}
