/**
 * Requests that failed or were slow on routes that split go to the control plane one by one, so that a decision on a canary can name some
 * of them. What all other requests pay is a comparison of their status and of their time.
 */
import { GRPC_FAULTS } from '../api/index.ts';
import { any, extension, type Json } from './json.ts';
import { METADATA, SPLIT } from './metrics.ts';

/** The cluster of the bootstrap that leads to the control plane. */
export const CONTROL_PLANE = 'xds-grpc';

/** What Flagger's guides allow requests to take; a service of which most take longer is told of request by request. */
const SLOW_MS = 500;

function compared(filter: 'status_code_filter' | 'duration_filter', op: 'GE' | 'EQ', value: number): Json {
  return { [filter]: { comparison: { op, value: { default_value: value, runtime_key: 'mesh.unused' } } } };
}

/** Where gRPC says how a request went, in headers or in trailers. */
const GRPC_STATUS = ['grpc-status'];

export function badRequests(): Json {
  const bad = [
    compared('status_code_filter', 'GE', 500),
    // Without any status the client gave up.
    compared('status_code_filter', 'EQ', 0),
    compared('duration_filter', 'GE', SLOW_MS),
    // Of what is not gRPC this filter makes a status up.
    {
      and_filter: {
        filters: [
          { header_filter: { header: { name: 'content-type', string_match: { prefix: 'application/grpc' } } } },
          { grpc_status_filter: { statuses: GRPC_FAULTS } },
        ],
      },
    },
  ];
  const split = extension('split', 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', {
    expression: `'${METADATA}' in xds.route_metadata.filter_metadata && '${SPLIT}' in xds.route_metadata.filter_metadata['${METADATA}']`,
  });
  return {
    name: 'envoy.access_loggers.http_grpc',
    filter: { and_filter: { filters: [{ or_filter: { filters: bad } }, { extension_filter: split }] } },
    typed_config: any('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
      common_config: {
        log_name: 'bad',
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: CONTROL_PLANE } },
        // Sooner than the judge can have heard of them.
        buffer_flush_interval: '0.2s',
      },
      additional_response_headers_to_log: GRPC_STATUS,
      additional_response_trailers_to_log: GRPC_STATUS,
    }),
  };
}
