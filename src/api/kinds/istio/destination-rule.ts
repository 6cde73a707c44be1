import { DestinationRules } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';
import { checkDuration, checkExportTo, checkHost, checkName, checkPercent, checkPortNumber } from './checks.ts';
import { istioObject } from './schema.ts';
import { networking } from './shared.ts';
import { destinationRuleSpec } from './traffic-schema.ts';
import type { ClientTls, DestinationRule, LoadBalancer, PortTrafficPolicy, TrafficPolicy } from './types.ts';

export const destinationRules = define<DestinationRule>({
  ...networking,
  resource: DestinationRules,
  shortNames: ['dr'],
  schema: () => istioObject(destinationRuleSpec),
  check,
  columns: [nameColumn, column('Host', (o) => o.spec?.host ?? null), ageColumn],
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
    checkTrafficPolicy(causes, `${at}.trafficPolicy`, subset.trafficPolicy);
  });
  checkExportTo(causes, spec.exportTo);
}

/** Checks a traffic policy; Flagger's Canary holds one too. */
export function checkTrafficPolicy(causes: Causes, at: string, policy: TrafficPolicy | undefined): void {
  if (!policy) return;
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

function checkLoadBalancer(causes: Causes, at: string, { simple, consistentHash, warmup, warmupDurationSecs }: LoadBalancer): void {
  if (simple && consistentHash) causes.invalid(at, simple, 'only one of simple and consistentHash may be set');
  checkDuration(causes, `${at}.warmupDurationSecs`, warmupDurationSecs);
  checkDuration(causes, `${at}.warmup.duration`, warmup?.duration);
  if (!consistentHash) return;
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
}

function checkTls(causes: Causes, at: string, tls: ClientTls): void {
  if (tls.mode !== 'MUTUAL' || tls.credentialName) return;
  if (!tls.clientCertificate) causes.required(`${at}.clientCertificate`, 'client certificate required for mutual tls');
  if (!tls.privateKey) causes.required(`${at}.privateKey`, 'private key required for mutual tls');
}
