import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, toBinary, type JsonValue } from '@bufbuild/protobuf';
import { envoyTypes } from '../envoy/descriptors.edge.ts';
import { decodeLogged, type LoggedRequest } from './request-log.ts';

/** As Envoy writes them. */
function message(...entries: JsonValue[]): Uint8Array {
  const registry = envoyTypes();
  const type = registry.getMessage('envoy.service.accesslog.v3.StreamAccessLogsMessage')!;
  const json = { identifier: { logName: 'failed', node: { id: 'sidecar~10.0.0.1~web.test' } }, httpLogs: { logEntry: entries } };
  return toBinary(type, fromJson(type, json, { registry }));
}

const ENTRY = {
  commonProperties: {
    downstreamRemoteAddress: { socketAddress: { address: '10.0.0.1', portValue: 80 } },
    startTime: '2026-01-01T00:00:01.250Z',
    upstreamCluster: 'outbound|80||web.test.svc.cluster.local',
    duration: '1.640s',
    responseFlags: { noHealthyUpstream: true },
  },
  protocolVersion: 'HTTP11',
  request: { requestMethod: 'POST', authority: 'web', path: '/buy?card=1234', userAgent: 'curl', requestId: '4f2c' },
  response: { responseCode: 503, responseBodyBytes: '19', responseCodeDetails: 'no_healthy_upstream' },
};
const READ: LoggedRequest = {
  cluster: 'outbound|80||web.test.svc.cluster.local',
  id: '4f2c',
  time: Date.parse('2026-01-01T00:00:01.250Z'),
  method: 'POST',
  path: '/buy',
  status: 503,
  grpcStatus: undefined,
  detail: 'no_healthy_upstream',
  durationMs: 1640,
};
const NOTHING: LoggedRequest = {
  cluster: '',
  id: '',
  time: 0,
  method: '',
  path: '',
  status: 0,
  grpcStatus: undefined,
  detail: '',
  durationMs: 0,
};

test('requests are read as Envoy logs them, without their queries', () => {
  assert.deepEqual(decodeLogged(message(ENTRY, ENTRY)), [READ, READ]);
  assert.deepEqual(decodeLogged(message({})), [NOTHING]);
  assert.deepEqual(decodeLogged(message()), []);
  for (const [where, status] of [
    ['responseHeaders', 13],
    ['responseTrailers', 0],
  ] as const) {
    const response = { responseCode: 200, [where]: { 'grpc-status': `${status}` } };
    assert.deepEqual(decodeLogged(message({ response })), [{ ...NOTHING, status: 200, grpcStatus: status }]);
  }
  const bytes = message(ENTRY);
  assert.throws(() => decodeLogged(bytes.subarray(0, bytes.length - 3)));
});
