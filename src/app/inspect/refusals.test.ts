import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog, type KubeObject } from '../../api/index.ts';
import { refusalsOf } from './refusals.ts';

const catalog = createCatalog();
const refusals = (group: string, version: string, kind: string, spec: unknown): string[] => {
  const object = { apiVersion: `${group}/${version}`, kind, metadata: { namespace: 'default', name: 'a' }, spec } as KubeObject;
  return refusalsOf(catalog.findKind(group, version, kind)?.def, object).map((p) => `${p.code} ${p.path}: ${p.message}`);
};
const route = { destination: { host: 'b' } };

test('what the schema or the definition refuses is said, and nothing of what they take', () => {
  assert.deepEqual(refusals('gateway.networking.k8s.io', 'v1', 'Gateway', { gatewayClassName: 'istio' }), [
    'IST0106 spec.listeners: Required value.',
  ]);
  const rules = (http: unknown): unknown => ({ hosts: ['a'], http: [http] });
  const ofIstio = (http: unknown): string[] => refusals('networking.istio.io', 'v1', 'VirtualService', rules(http));
  assert.deepEqual(ofIstio({ route: [route], timeout: 3 }), [
    'IST0106 spec.http[0].timeout: Invalid value: "integer": spec.http[0].timeout in body must be of type string: "integer".',
  ]);
  assert.deepEqual(ofIstio({ route: [route], fault: { delay: { exponentialDelay: '1s' } } }), [
    'IST0106 spec.http[0].fault.delay.exponentialDelay: Forbidden: exponentialDelay not supported yet.',
  ]);
  assert.deepEqual(ofIstio({ route: [route], timeout: '3s' }), []);
  assert.deepEqual(refusals('', 'v1', 'Service', { ports: 'none' }), []);
});
