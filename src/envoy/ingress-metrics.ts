/**
 * What NGINX' ingress controller counts of the Ingress objects that it serves, counted by the gateway under the same names and labels.
 * Durations are in microseconds, since Envoy's histograms know no fractions; telemetry makes seconds of them.
 */
import type { Destination } from '../api/index.ts';
import type { Rule } from '../mesh/index.ts';
import type { Json } from './json.ts';
import { METADATA, statsLogger, when, whenEmptyUncounted } from './metrics.ts';

const INGRESS = 'ingress';
const PREFIX = 'nginx_ingress_controller';
/** Seconds: the controller's own, which are Prometheus' defaults. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE'];

/** For the bootstrap. */
export const ingressHistogramBuckets: Json = {
  match: { prefix: `${PREFIX}.` },
  buckets: BUCKETS.map((seconds) => Math.round(seconds * 1e6)),
};

/** As `METADATA` of a route: what its requests are counted under; `clusterOf` names where a destination is sent to. */
export function ingressMetadata({ owner, ingress }: Rule, clusterOf: (to: Destination) => string): Json {
  if (!ingress || !owner) return {};
  const { host, path, service = '', canary } = ingress;
  const named = canary ? { canary: canary.upstream, canary_cluster: clusterOf(canary) } : {};
  return { [INGRESS]: { namespace: owner.namespace, name: owner.name, host, path, service, ...named } };
}

const said = (field: string): string => `%METADATA(ROUTE:${METADATA}:${INGRESS}:${field})%`;
const inRoute = `xds.route_metadata.filter_metadata['${METADATA}']['${INGRESS}']`;

/** `nginx_ingress_controller_requests`, and how long these and the answers of their backends took. */
export function ingressMetrics(): Json[] {
  const tags = [
    { name: 'ingress', value_format: said('name'), rules: whenEmptyUncounted },
    ...['namespace', 'service', 'host', 'path'].map((name) => ({ name, value_format: said(name) })),
    // Empty for all that the canary did not get, as the controller has it.
    { name: 'canary', value_format: `%CEL(xds.cluster_name == ${inRoute}['canary_cluster'] ? ${inRoute}['canary'] : '')%` },
    // Clients may call a method anything: each name would be a series for ever.
    { name: 'method', value_format: '%REQ(:METHOD)%', rules: when({ not: METHODS }, 'OTHER') },
    // Of a client that gave up, NGINX says so.
    { name: 'status', value_format: '%RESPONSE_CODE%', rules: when({ is: '0' }, '499') },
  ];
  const took = (name: string, from: string, to: string): Json => ({
    stat: { name: `${name}_duration_microseconds`, tags },
    unit: 'Microseconds',
    value_format: `%COMMON_DURATION(${from}:${to}:us)%`,
  });
  return statsLogger({
    prefix: PREFIX,
    counters: [{ stat: { name: 'requests', tags }, value_fixed: '1' }],
    histograms: [took('request', 'DS_RX_BEG', 'DS_TX_END'), took('response', 'US_TX_BEG', 'US_RX_END')],
  });
}
