/**
 * Requests that failed on routes that split go to the control plane one by one, so that a decision on a canary can name some of them.
 * What all other requests pay is a comparison of their status.
 */
import { any, extension, type Json } from './json.ts';
import { METADATA, SPLIT } from './metrics.ts';

/** The cluster of the bootstrap that leads to the control plane. */
export const CONTROL_PLANE = 'xds-grpc';

/** Of gRPC: the server's fault, as the judge counts it. */
const GRPC_FAULTS = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'];

function status(op: 'GE' | 'EQ', value: number): Json {
  return { status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: 'mesh.unused' } } } };
}

/** `grpc`: all requests are; of others a status in the trailers is not looked for. */
export function failedRequests(grpc: boolean): Json {
  // Without any status the client gave up.
  const failed = [status('GE', 500), status('EQ', 0), ...(grpc ? [{ grpc_status_filter: { statuses: GRPC_FAULTS } }] : [])];
  const split = extension('split', 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', {
    expression: `'${METADATA}' in xds.route_metadata.filter_metadata && '${SPLIT}' in xds.route_metadata.filter_metadata['${METADATA}']`,
  });
  return {
    name: 'envoy.access_loggers.http_grpc',
    filter: { and_filter: { filters: [{ or_filter: { filters: failed } }, { extension_filter: split }] } },
    typed_config: any('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
      common_config: {
        log_name: 'failed',
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: CONTROL_PLANE } },
        // Sooner than the judge can have heard of them.
        buffer_flush_interval: '0.2s',
      },
    }),
  };
}
