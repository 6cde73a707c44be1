import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { gatewayApi } from '../api/index.ts';
import { createModeler } from './model.ts';
import { mayRefer } from './reference-grant.ts';
import { bySpecificMatch, rankOf } from './route-order.ts';
import { snapshotOf } from './snapshot.ts';

describe('the most specific match first', () => {
  const path = (value: string, type: 'Exact' | 'PathPrefix' | 'RegularExpression' = 'PathPrefix') => ({ path: { type, value } });
  const header = { name: 'a', value: 'b' };
  const cases: Record<string, readonly [first: gatewayApi.HTTPMatch, then: gatewayApi.HTTPMatch]> = {
    'exact before a longer prefix': [path('/a', 'Exact'), path('/a/b')],
    'a regex before a prefix': [path('/.*', 'RegularExpression'), path('/a/b')],
    'the longer prefix': [path('/a/b'), path('/a')],
    'a slash at the end counts for nothing': [{ ...path('/a'), method: 'GET' }, path('/a/')],
    'a method before headers': [{ method: 'GET' }, { headers: [header, header] }],
    'more headers': [{ headers: [header, header] }, { headers: [header] }],
    'headers before query parameters': [{ headers: [header] }, { queryParams: [header, header] }],
    'more query parameters': [{ queryParams: [header] }, {}],
  };
  for (const [title, [first, then]] of Object.entries(cases)) {
    test(title, () => {
      assert.ok(bySpecificMatch(rankOf(first, []), rankOf(then, [])) < 0);
      assert.ok(bySpecificMatch(rankOf(then, []), rankOf(first, [])) > 0);
    });
  }
});

test('a grant names who, from where, and to what', () => {
  const group = 'gateway.networking.k8s.io';
  const grant = (kind: string, namespace: string, name?: string): gatewayApi.ReferenceGrant => ({
    metadata: { namespace: 'b', name: 'g' },
    spec: { from: [{ group, kind, namespace }], to: [{ group: '', kind: 'Service', ...(name ? { name } : {}) }] },
  });
  const may = (...grants: gatewayApi.ReferenceGrant[]): boolean =>
    mayRefer({ kind: 'HTTPRoute', namespace: 'a' }, { kind: 'Service', namespace: 'b', name: 's' }, grants);
  assert.equal(may(), false);
  assert.equal(may(grant('HTTPRoute', 'a')), true);
  assert.equal(may(grant('HTTPRoute', 'a', 's')), true);
  assert.equal(may(grant('HTTPRoute', 'a', 't')), false);
  assert.equal(may(grant('GRPCRoute', 'a')), false);
  assert.equal(may(grant('HTTPRoute', 'c')), false);
  assert.equal(mayRefer({ kind: 'HTTPRoute', namespace: 'b' }, { kind: 'Secret', namespace: 'b', name: 's' }, []), true);
});

describe('BackendTLSPolicy: what it is told', () => {
  const target = (name: string, sectionName?: string) => ({ group: '', kind: 'Service', name, ...(sectionName ? { sectionName } : {}) });
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's', namespace: 'a' },
    spec: { ports: [{ name: 'tls', port: 443 }] },
  };
  const map = (name: string, data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'a' }, data });
  const policy = (name: string, targetRefs: object[], validation: object) => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata: { name, namespace: 'a' },
    spec: { targetRefs, validation: { hostname: 'x', ...validation } },
  });
  const system = { wellKnownCACertificates: 'System' };
  const from = (name: string, kind = 'ConfigMap') => ({ caCertificateRefs: [{ group: '', kind, name }] });
  const cases: Record<string, readonly [targets: object[], validation: object, said: string]> = {
    'in force': [[target('s')], system, 'Accepted True Accepted, ResolvedRefs True ResolvedRefs'],
    'no such Service': [[target('t')], system, 'Accepted False TargetNotFound, ResolvedRefs True ResolvedRefs'],
    'no such port': [[target('s', 'http')], system, 'Accepted False TargetNotFound, ResolvedRefs True ResolvedRefs'],
    'no ConfigMap': [[target('s')], from('absent'), 'Accepted False NoValidCACertificate, ResolvedRefs False InvalidCACertificateRef'],
    'nothing in it': [[target('s')], from('empty'), 'Accepted False NoValidCACertificate, ResolvedRefs False InvalidCACertificateRef'],
    'no certificate in it': [[target('s')], from('bad'), 'Accepted False NoValidCACertificate, ResolvedRefs False InvalidCACertificateRef'],
    'not a ConfigMap': [[target('s')], from('x', 'Thing'), 'Accepted False NoValidCACertificate, ResolvedRefs False InvalidKind'],
  };
  const told = (...policies: object[]): string[] => {
    const objects = [service, map('empty', {}), map('bad', { 'ca.crt': 'nonsense' }), ...policies];
    return createModeler()(snapshotOf(objects)).statuses.map(({ ancestors = [] }) =>
      (ancestors[0]?.conditions ?? []).map((c) => `${c.type} ${c.status} ${c.reason}`).join(', '),
    );
  };
  for (const [title, [targets, validation, said]] of Object.entries(cases))
    test(title, () => assert.deepEqual(told(policy('p', targets, validation)), [said]));

  test('the older has the Service; another may have one of its ports', () => {
    const [, ofAll, ofPort] = told(
      policy('a', [target('s')], system),
      policy('b', [target('s')], system),
      policy('c', [target('s', 'tls')], system),
    );
    assert.match(ofAll!, /Accepted False Conflicted/);
    assert.match(ofPort!, /Accepted True/);
  });
});
