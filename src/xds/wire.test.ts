import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, fromJson, toBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { TypeUrl, type EnvoyResource } from '../envoy/index.ts';
import { encodeSecret } from './secret.ts';
import { decodeRequest, encodeResponse } from './wire.ts';

/** Envoy's own descriptors are the oracle of our hand-written messages. */
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(new URL('../../data/envoy-1.40.0-descriptors.binpb', import.meta.url))),
);
const message = (name: string) => registry.getMessage(name)!;
const bytesOf = (name: string, json: JsonValue): Uint8Array => toBinary(message(name), fromJson(message(name), json, { registry }));
const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';

test('requests are read as Envoy writes them', () => {
  const bytes = bytesOf(REQUEST, {
    node: { id: 'sidecar~10.0.0.1~web.test', cluster: 'web', metadata: { a: 1 }, userAgentName: 'envoy' },
    typeUrl: TypeUrl.endpoint,
    resourceNamesSubscribe: ['a', 'b'],
    resourceNamesUnsubscribe: ['c'],
    initialResourceVersions: { a: '1', b: '2' },
    responseNonce: '7',
    errorDetail: { code: 13, message: 'refused' },
  });
  assert.deepEqual(decodeRequest(bytes), {
    node: { id: 'sidecar~10.0.0.1~web.test', cluster: 'web' },
    typeUrl: TypeUrl.endpoint,
    subscribe: ['a', 'b'],
    unsubscribe: ['c'],
    initialVersions: new Map([
      ['a', '1'],
      ['b', '2'],
    ]),
    nonce: '7',
    error: 'refused',
  });
  assert.equal(decodeRequest(bytesOf(REQUEST, { typeUrl: 'x' })).error, undefined);
  assert.throws(() => decodeRequest(bytes.subarray(0, bytes.length - 3)));
});

test('responses are written as Envoy reads them', () => {
  const resource: EnvoyResource = {
    typeUrl: TypeUrl.cluster,
    name: 'outbound|80||web',
    version: 'v1',
    bytes: bytesOf('envoy.config.cluster.v3.Cluster', { name: 'outbound|80||web', connectTimeout: '1s' }),
  };
  const encoded = encodeResponse({ typeUrl: TypeUrl.cluster, nonce: '3', resources: [resource, resource], removed: ['old'] });
  const schema = message('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  const entry = { name: resource.name, version: 'v1', resource: { '@type': TypeUrl.cluster, name: resource.name, connectTimeout: '1s' } };
  assert.deepEqual(toJson(schema, fromBinary(schema, encoded), { registry }), {
    resources: [entry, entry],
    typeUrl: TypeUrl.cluster,
    removedResources: ['old'],
    nonce: '3',
  });
});

test('secrets are written as Envoy reads them, and their version follows their content', () => {
  const schema = message('envoy.extensions.transport_sockets.tls.v3.Secret');
  const read = (r: EnvoyResource): unknown => toJson(schema, fromBinary(schema, r.bytes));
  const inline = (text: string): object => ({ inlineBytes: Buffer.from(text).toString('base64') });
  const identity = encodeSecret('default', { kind: 'identity', certChainPem: 'cert', keyPem: 'key' });
  assert.deepEqual(read(identity), { name: 'default', tlsCertificate: { certificateChain: inline('cert'), privateKey: inline('key') } });
  const trust = encodeSecret('ROOTCA', { kind: 'trust', caPem: 'ca' });
  assert.deepEqual(read(trust), { name: 'ROOTCA', validationContext: { trustedCa: inline('ca') } });
  const revoking = encodeSecret('clients-cacert', { kind: 'trust', caPem: 'ca', crlPem: 'crl' });
  assert.deepEqual(read(revoking), { name: 'clients-cacert', validationContext: { trustedCa: inline('ca'), crl: inline('crl') } });
  assert.equal(encodeSecret('ROOTCA', { kind: 'trust', caPem: 'ca' }).version, trust.version);
  assert.notEqual(encodeSecret('ROOTCA', { kind: 'trust', caPem: 'cb' }).version, trust.version);
});
