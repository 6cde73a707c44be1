import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationPolicy, AuthorizationPolicySpec, HTTPMatchRequest } from '../api/index.ts';
import { authorizationFilters } from './authorization.ts';
import { decide, type Asker } from './evaluate-rbac.ts';
import { routeHolds, type SeenRequest } from './evaluate.ts';
import { routeMatch } from './match.ts';

const request: SeenRequest = {
  method: 'GET',
  scheme: 'http',
  authority: 'reviews:9080',
  path: '/api/v1?page=2',
  headers: { 'end-user': 'jason', 'x-empty': '' },
};

test('what a match says of a request, and which part of it decides', () => {
  const cases: [HTTPMatchRequest | undefined, boolean, RegExp][] = [
    [undefined, true, /takes every request/],
    [{ uri: { prefix: '/api' } }, true, /uri prefix "\/api"/],
    [{ uri: { prefix: '/API' } }, false, /uri prefix "\/API": the path is "\/api\/v1"/],
    [{ uri: { prefix: '/API' }, ignoreUriCase: true }, true, /uri/],
    [{ uri: { exact: '/api/v1' } }, true, /uri exact/],
    [{ uri: { regex: '/api/v\\d' } }, true, /uri regex/],
    [{ uri: { regex: '/api' } }, false, /uri regex/],
    [{ headers: { 'end-user': { exact: 'jason' } } }, true, /headers\[end-user\] exact "jason"/],
    [{ headers: { 'End-User': { exact: 'bob' } } }, false, /headers\[end-user\] exact "bob": the request has "jason"/],
    [{ headers: { 'x-none': {} } }, false, /x-none\] present: the request has none/],
    [{ headers: { 'x-none': { prefix: 'a' } } }, false, /x-none\] prefix "a": the request has none/],
    [{ headers: { 'x-empty': {} } }, true, /x-empty/],
    [{ withoutHeaders: { 'end-user': { exact: 'jason' } } }, false, /withoutHeaders\[end-user\]/],
    [{ withoutHeaders: { 'end-user': { exact: 'bob' } } }, true, /withoutHeaders/],
    [{ withoutHeaders: { 'x-none': {} } }, true, /withoutHeaders\[x-none\] absent/],
    [{ method: { exact: 'POST' } }, false, /method exact "POST": the request has "GET"/],
    [{ authority: { prefix: 'reviews' } }, true, /authority prefix/],
    [{ queryParams: { page: { exact: '2' } } }, true, /queryParams\[page\]/],
    [{ queryParams: { page: { exact: '3' } } }, false, /queryParams\[page\] exact "3": the request has "2"/],
    [{ queryParams: { size: { regex: '\\d+' } } }, false, /queryParams\[size\]: the request has none/],
  ];
  for (const [match, holds, why] of cases) {
    const verdict = routeHolds(routeMatch(match), request);
    assert.equal(verdict.holds, holds, JSON.stringify(match));
    assert.match(verdict.why, why);
  }
});

test('what policies say of a request, and which rule decides', () => {
  const asker: Asker = {
    request,
    principal: 'spiffe://cluster.local/ns/shop/sa/web',
    sourceIp: '10.244.0.7',
    destinationIp: '10.244.0.9',
    destinationPort: 9080,
    claims: { iss: 'https://issuer', sub: 'carol', groups: ['blue'] },
  };
  const policy = (spec: AuthorizationPolicySpec, annotations = {}): AuthorizationPolicy => ({
    metadata: { name: 'p', namespace: 'shop', annotations },
    spec,
  });
  const rule = (r: NonNullable<AuthorizationPolicySpec['rules']>[number], action?: 'DENY'): AuthorizationPolicy =>
    policy({ ...(action ? { action } : {}), rules: [r] });
  const cases: [AuthorizationPolicy[], boolean, RegExp, Partial<Asker>?][] = [
    [[], true, /no policy refuses it/],
    [[policy({})], false, /no rule of them lets it in/],
    [[rule({})], true, /AuthorizationPolicy shop\/p spec\.rules\[0\] lets it in/],
    [[rule({}, 'DENY')], false, /shop\/p spec\.rules\[0\] refuses it/],
    [[policy({ action: 'DENY', rules: [{}] }, { 'istio.io/dry-run': 'true' })], true, /no policy/],
    [[rule({ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }] })], true, /lets it in/],
    [[rule({ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }] })], false, /no rule/, { principal: undefined }],
    [[rule({ from: [{ source: { namespaces: ['other'] } }] })], false, /no rule/],
    [[rule({ from: [{ source: { notNamespaces: ['other'] } }] })], true, /lets/],
    [[rule({ from: [{ source: { ipBlocks: ['10.244.0.0/16'] } }] })], true, /lets/],
    [[rule({ from: [{ source: { ipBlocks: ['10.245.0.0/16'] } }] })], false, /no rule/],
    [[rule({ to: [{ operation: { methods: ['GET'], paths: ['/api/*'] } }] })], true, /lets/],
    [[rule({ to: [{ operation: { methods: ['POST'] } }] })], false, /no rule/],
    [[rule({ to: [{ operation: { paths: ['/{*}/v1'] } }] })], true, /lets/],
    [[rule({ to: [{ operation: { ports: ['80'] } }] })], false, /no rule/],
    [[rule({ when: [{ key: 'request.headers[end-user]', values: ['jas*'] }] })], true, /lets/],
    [[rule({ from: [{ source: { requestPrincipals: ['https://issuer/carol'] } }] })], true, /lets/],
    [[rule({ from: [{ source: { requestPrincipals: ['*'] } }] })], false, /no rule/, { claims: undefined }],
    [[rule({ when: [{ key: 'request.auth.claims[groups]', values: ['blue'] }] })], true, /lets/],
  ];
  for (const [policies, allowed, why, other] of cases) {
    const decision = decide(authorizationFilters({ policies, requests: [], jwtRules: [], text: '' }, 'http'), { ...asker, ...other });
    assert.equal(decision.allowed, allowed, JSON.stringify(policies.map((p) => p.spec)));
    assert.match(decision.why, why);
  }
});
