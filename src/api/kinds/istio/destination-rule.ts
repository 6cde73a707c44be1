import { DestinationRules } from '../../resources.ts';
import { type Causes, checkLabels } from '../check.ts';
import { AGE, defineCustom, shows } from '../custom.ts';
import { checkDuration, checkExportTo, checkHeaderName, checkHost, checkName, checkPercent, checkPortNumber } from './checks.ts';
import { networking } from './shared.ts';
import type { ClientTls, DestinationRule, LoadBalancer, LocalitySetting, PortTrafficPolicy, TrafficPolicy } from './types.ts';

export const destinationRules = defineCustom<DestinationRule>({
  ...networking,
  resource: DestinationRules,
  shortNames: ['dr'],
  check,
  columns: [shows('Host', '.spec.host'), AGE],
});

function check(causes: Causes, o: DestinationRule): void {
  const spec = o.spec;
  if (!spec) return causes.required('spec');
  checkHost(causes, 'spec.host', spec.host);
  checkTrafficPolicy(causes, 'spec.trafficPolicy', spec.trafficPolicy);
  const names = new Set<string>();
  spec.subsets?.forEach((subset, i) => {
    const at = `spec.subsets[${i}]`;
    checkName(causes, `${at}.name`, subset.name);
    if (names.has(subset.name)) causes.duplicate(`${at}.name`, subset.name);
    names.add(subset.name);
    checkLabels(causes, `${at}.labels`, subset.labels);
    checkTrafficPolicy(causes, `${at}.trafficPolicy`, subset.trafficPolicy);
  });
  checkExportTo(causes, spec.exportTo);
}

/** Checks a traffic policy; Flagger's Canary holds one too. */
export function checkTrafficPolicy(causes: Causes, at: string, policy: TrafficPolicy | undefined): void {
  if (!policy) return;
  if (Object.keys(policy).length === 0) causes.required(at, 'traffic policy must have at least one field');
  checkPolicy(causes, at, policy);
  policy.portLevelSettings?.forEach((settings, i) => {
    const here = `${at}.portLevelSettings[${i}]`;
    if (settings.port?.number === undefined) causes.required(`${here}.port.number`);
    checkPortNumber(causes, `${here}.port.number`, settings.port?.number);
    checkPolicy(causes, here, settings);
  });
}

function checkPolicy(causes: Causes, at: string, { loadBalancer, connectionPool, outlierDetection, tls }: PortTrafficPolicy): void {
  if (loadBalancer) checkLoadBalancer(causes, `${at}.loadBalancer`, loadBalancer);
  const { tcp, http } = connectionPool ?? {};
  if (connectionPool && !tcp && !http) causes.required(`${at}.connectionPool`, 'connection pool must have at least one of tcp and http');
  if (http?.useClientProtocol && http.h2UpgradePolicy === 'UPGRADE') {
    causes.invalid(
      `${at}.connectionPool.http.useClientProtocol`,
      true,
      'use client protocol must not be true when H2UpgradePolicy is UPGRADE',
    );
  }
  causes.nonNegative(`${at}.connectionPool.tcp.maxConnections`, tcp?.maxConnections);
  checkDuration(causes, `${at}.connectionPool.tcp.connectTimeout`, tcp?.connectTimeout);
  checkDuration(causes, `${at}.connectionPool.tcp.idleTimeout`, tcp?.idleTimeout, true);
  checkDuration(causes, `${at}.connectionPool.tcp.maxConnectionDuration`, tcp?.maxConnectionDuration);
  checkDuration(causes, `${at}.connectionPool.http.idleTimeout`, http?.idleTimeout, true);
  for (const field of ['http1MaxPendingRequests', 'http2MaxRequests', 'maxRequestsPerConnection', 'maxRetries'] as const) {
    causes.nonNegative(`${at}.connectionPool.http.${field}`, http?.[field]);
  }
  if (outlierDetection) {
    const here = `${at}.outlierDetection`;
    checkDuration(causes, `${here}.interval`, outlierDetection.interval);
    checkDuration(causes, `${here}.baseEjectionTime`, outlierDetection.baseEjectionTime);
    checkPercent(causes, `${here}.maxEjectionPercent`, outlierDetection.maxEjectionPercent);
    checkPercent(causes, `${here}.minHealthPercent`, outlierDetection.minHealthPercent);
  }
  if (tls) checkTls(causes, `${at}.tls`, tls);
}

function checkLoadBalancer(causes: Causes, at: string, loadBalancer: LoadBalancer): void {
  const { simple, consistentHash, localityLbSetting, warmup, warmupDurationSecs } = loadBalancer;
  if (simple && consistentHash) causes.invalid(at, simple, 'only one of simple and consistentHash may be set');
  checkDuration(causes, `${at}.warmupDurationSecs`, warmupDurationSecs);
  if (localityLbSetting) checkLocality(causes, `${at}.localityLbSetting`, localityLbSetting);
  if (warmup) {
    if (!warmup.duration) causes.required(`${at}.warmup.duration`, 'duration is required');
    checkDuration(causes, `${at}.warmup.duration`, warmup.duration);
    checkPercent(causes, `${at}.warmup.minimumPercent`, warmup.minimumPercent);
    if (warmup.aggression !== undefined && warmup.aggression < 1)
      causes.invalid(`${at}.warmup.aggression`, warmup.aggression, 'aggression should be greater than or equal to 1');
  }
  if (!consistentHash) return;
  const size = consistentHash.maglev?.tableSize;
  if (size !== undefined && !(size <= MAGLEV_MOST && isPrime(size))) {
    causes.invalid(`${at}.consistentHash.maglev.tableSize`, size, `tableSize must be a prime number of at most ${MAGLEV_MOST}`);
  }
  const keys = (['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'] as const).filter((k) => consistentHash[k]);
  if (keys.length !== 1) {
    causes.invalid(
      `${at}.consistentHash`,
      keys,
      'exactly one of httpHeaderName, httpCookie, useSourceIp and httpQueryParameterName must be set',
    );
  }
  if (consistentHash.httpCookie && !consistentHash.httpCookie.name) causes.required(`${at}.consistentHash.httpCookie.name`);
  checkDuration(causes, `${at}.consistentHash.httpCookie.ttl`, consistentHash.httpCookie?.ttl, true);
  consistentHash.httpCookie?.attributes?.forEach(({ name, value }, i) => {
    const here = `${at}.consistentHash.httpCookie.attributes[${i}]`;
    checkHeaderName(causes, `${here}.name`, name);
    if (/[\0\r\n]/.test(value ?? '')) causes.invalid(`${here}.value`, value, 'must be one line');
  });
  if (consistentHash.httpHeaderName) checkHeaderName(causes, `${at}.consistentHash.httpHeaderName`, consistentHash.httpHeaderName);
}

const MAGLEV_MOST = 5_000_011;

function isPrime(n: number): boolean {
  if (!Number.isInteger(n) || n < 2) return false;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

function checkLocality(causes: Causes, at: string, setting: LocalitySetting): void {
  const { distribute, failover, failoverPriority } = setting;
  if (distribute?.length && (failover?.length || failoverPriority?.length)) {
    causes.forbidden(`${at}.failover`, "can not simultaneously specify 'distribute' and 'failover' or 'failoverPriority'");
  }
  distribute?.forEach(({ from, to = {} }, i) => {
    if (!from) causes.required(`${at}.distribute[${i}].from`);
    const total = Object.values(to).reduce((sum, weight) => sum + weight, 0);
    if (total !== 100) causes.invalid(`${at}.distribute[${i}].to`, total, `total locality weight ${total} != 100`);
  });
  failover?.forEach(({ from = '', to = '' }, i) => {
    const here = `${at}.failover[${i}]`;
    if (from === to) causes.invalid(here, from, 'locality lb failover settings must specify different regions');
    for (const [field, region] of [
      ['from', from],
      ['to', to],
    ] as const) {
      if (/[/*]/.test(region)) causes.invalid(`${here}.${field}`, region, 'locality lb failover only specify region');
    }
  });
}

function checkTls(causes: Causes, at: string, tls: ClientTls): void {
  const files = (['clientCertificate', 'privateKey', 'caCertificates'] as const).filter((field) => tls[field]);
  if (tls.mode === 'ISTIO_MUTUAL') {
    for (const field of files)
      causes.forbidden(`${at}.${field}`, 'must be empty for ISTIO_MUTUAL, whose certificates are those of the mesh');
  }
  if (tls.credentialName) {
    for (const field of files) causes.forbidden(`${at}.${field}`, 'cannot be specified when credentialName is set');
  }
  if (tls.mode !== 'MUTUAL' || tls.credentialName) return;
  if (!tls.clientCertificate) causes.required(`${at}.clientCertificate`, 'client certificate required for mutual tls');
  if (!tls.privateKey) causes.required(`${at}.privateKey`, 'private key required for mutual tls');
}
