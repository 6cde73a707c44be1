import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../envoy/index.ts';
import { bootstrapOf, clusterRows, endpointRows, listenerRows, routeRows, secretRows, type DumpRow } from './proxy-dump.ts';

const config = (resource: string, name: string): Json => ({
  filter_metadata: { istio: { config: `/apis/networking.istio.io/v1/namespaces/default/${resource}/${name}` } },
});
const dumped = (type: string, fields: Json): Json => ({ configs: [{ '@type': `type.googleapis.com/envoy.admin.v3.${type}`, ...fields }] });
const cells = (rows: readonly DumpRow[]): string[] => rows.map((r) => Object.values(r.cells).join(' | '));

test('clusters by their names, with the rule that made them and how their endpoints are found', () => {
  const dns = { name: 'envoy.cluster.dns', typed_config: { all_addresses_in_single_endpoint: true } };
  const dump = dumped('ClustersConfigDump', {
    static_clusters: [{ cluster: { name: 'xds-grpc', type: 'STATIC' } }],
    dynamic_active_clusters: [
      { cluster: { name: 'outbound|9080|v1|reviews.default.svc', type: 'EDS', metadata: config('destination-rule', 'reviews') } },
      { cluster: { name: 'outbound|80||reviews.default.svc', type: 'EDS' } },
      { cluster: { name: 'inbound|9080||', type: 'ORIGINAL_DST' } },
      { cluster: { name: 'outbound|443||example.com', cluster_type: dns } },
    ],
  });
  assert.deepEqual(cells(clusterRows(dump)), [
    ' | 9080 | - | inbound | ORIGINAL_DST | ',
    'example.com | 443 | - | outbound | LOGICAL_DNS | ',
    'reviews.default.svc | 80 | - | outbound | EDS | ',
    'reviews.default.svc | 9080 | v1 | outbound | EDS | reviews.default',
    'xds-grpc | - | - | - | STATIC | ',
  ]);
});

test('listeners, a row a filter chain', () => {
  const chain = (filter_chain_match: Json, typed_config: Json): Json => ({ filter_chain_match, filters: [{ name: 'x', typed_config }] });
  const inline = { route_config: { virtual_hosts: [{ routes: [{ match: { prefix: '/' } }, { match: { path: '/a' } }] }] } };
  const listener = {
    name: 'virtualInbound',
    address: { socket_address: { address: '0.0.0.0', port_value: 15006 } },
    filter_chains: [
      chain({ destination_port: 9080, transport_protocol: 'tls', application_protocols: ['istio', 'h2'] }, inline),
      chain({ server_names: ['a.com', 'b.com'] }, { rds: { route_config_name: '80' } }),
      chain(
        {},
        {
          weighted_clusters: {
            clusters: [
              { name: 'a', weight: 1 },
              { name: 'b', weight: 3 },
            ],
          },
        },
      ),
    ],
    default_filter_chain: chain({}, { cluster: 'PassthroughCluster' }),
  };
  assert.deepEqual(cells(listenerRows(dumped('ListenersConfigDump', { dynamic_listeners: [{ name: 'x', active_state: { listener } }] }))), [
    '0.0.0.0 | 15006 | Trans: tls; App: istio,h2; Addr: *:9080 | Inline Route: /*, /a',
    '0.0.0.0 | 15006 | SNI: a.com,b.com | Route: 80',
    '0.0.0.0 | 15006 | ALL | Cluster: a (1), b (3)',
    '0.0.0.0 | 15006 | ALL | Cluster: PassthroughCluster',
  ]);
});

test('routes with their VirtualService, and no more domains than fit', () => {
  const virtual_hosts = [
    {
      name: 'reviews:9080',
      domains: ['a', 'b', 'c', 'd'],
      routes: [
        { match: { safe_regex: { regex: '/v.*' } }, metadata: config('virtual-service', 'reviews') },
        { match: { path_separated_prefix: '/x' } },
      ],
    },
  ];
  const dump = dumped('RoutesConfigDump', { dynamic_route_configs: [{ route_config: { name: '9080', virtual_hosts } }] });
  assert.deepEqual(cells(routeRows(dump)), [
    '9080 | reviews:9080 | a, b + 2 more... | regex /v.* | reviews.default',
    '9080 | reviews:9080 | a, b + 2 more... | /x* | ',
  ]);
});

test('endpoints with their health; secrets with their certificates; an empty dump', () => {
  const clusters = {
    cluster_statuses: [
      {
        name: 'outbound|80||a',
        host_statuses: [
          { address: { socket_address: { address: '10.0.0.1', port_value: 80 } }, health_status: { failed_outlier_check: true } },
          { address: { pipe: { path: '/run/x.sock' } }, health_status: { eds_health_status: 'DRAINING' } },
        ],
      },
    ],
  };
  assert.deepEqual(cells(endpointRows(clusters)), [
    '10.0.0.1:80 | HEALTHY | FAILED | outbound|80||a',
    'unix:///run/x.sock | DRAINING | OK | outbound|80||a',
  ]);
  const odd = { name: 'default', secret: { tls_certificate: { certificate_chain: { inline_string: 'no certificate' } } } };
  assert.deepEqual(cells(secretRows(dumped('SecretsConfigDump', { dynamic_warming_secrets: [odd] }), 0)), [
    'default | Cert Chain | WARMING | false |  |  | ',
  ]);
  for (const rows of [clusterRows({}), listenerRows({}), routeRows({}), endpointRows({}), secretRows({}, 0)]) assert.deepEqual(rows, []);
  assert.deepEqual(bootstrapOf({}), {});
});
