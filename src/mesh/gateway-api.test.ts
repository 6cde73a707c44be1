import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { gatewayApi } from '../api/index.ts';
import { mayRefer } from './reference-grant.ts';
import { bySpecificMatch, rankOf } from './route-order.ts';

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
