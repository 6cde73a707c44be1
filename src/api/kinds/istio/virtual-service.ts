import { VirtualServices } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';
import {
  checkDuration,
  checkExportTo,
  checkGatewayName,
  checkHost,
  checkPercent,
  checkPortNumber,
  checkRegex,
  checkStringMatch,
} from './checks.ts';
import { istioObject } from './schema.ts';
import { networking } from './shared.ts';
import { virtualServiceSpec } from './traffic-schema.ts';
import type { Destination, HTTPMatchRequest, HTTPRoute, VirtualService } from './types.ts';

export const virtualServices = define<VirtualService>({
  ...networking,
  resource: VirtualServices,
  shortNames: ['vs'],
  schema: () => istioObject(virtualServiceSpec),
  check,
  columns: [
    nameColumn,
    column('Gateways', (o) => (o.spec?.gateways ? JSON.stringify(o.spec.gateways) : null)),
    column('Hosts', (o) => (o.spec?.hosts ? JSON.stringify(o.spec.hosts) : null)),
    ageColumn,
  ],
});

function check(causes: Causes, o: VirtualService): void {
  const spec = o.spec ?? {};
  const { hosts = [], gateways = [], http = [], tls = [], tcp = [] } = spec;
  const delegate = hosts.length === 0 && gateways.length === 0 && http.length > 0;
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

const REDIRECTS = [301, 302, 303, 307, 308];

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
  }
  if (fault) checkFault(causes, `${at}.fault`, fault);
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
      if (!name) causes.invalid(`${at}.${field}`, name, 'header name cannot be empty');
      checkStringMatch(causes, `${at}.${field}[${name}]`, value);
    }
  }
  checkPortNumber(causes, `${at}.port`, match.port);
}

function checkFault(causes: Causes, at: string, { delay, abort }: NonNullable<HTTPRoute['fault']>): void {
  if (!delay && !abort) causes.required(at, 'HTTP fault injection must have an abort and/or a delay');
  if (delay) {
    if (!delay.fixedDelay) causes.required(`${at}.delay.fixedDelay`);
    checkDuration(causes, `${at}.delay.fixedDelay`, delay.fixedDelay);
    checkPercent(causes, `${at}.delay.percentage.value`, delay.percentage);
    checkPercent(causes, `${at}.delay.percent`, delay.percent);
  }
  if (abort) {
    if (abort.httpStatus === undefined && abort.grpcStatus === undefined) causes.required(`${at}.abort.httpStatus`);
    if (abort.httpStatus !== undefined && !(abort.httpStatus >= 200 && abort.httpStatus <= 599)) {
      causes.invalid(`${at}.abort.httpStatus`, abort.httpStatus, 'HTTP status is not in range 200-599');
    }
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
