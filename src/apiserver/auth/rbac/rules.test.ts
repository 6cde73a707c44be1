import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from 'kubernetes-types/rbac/v1.js';
import type { Action } from '../authorizer.ts';
import { CompiledRole } from './role.ts';
import { allows, describe, missing } from './rules.ts';

const rule = (verbs: string, groups: string, resources: string, names = ''): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: groups.split(' '),
  resources: resources.split(' '),
  ...(names ? { resourceNames: names.split(' ') } : {}),
});
const urls = (verbs: string, nonResourceURLs: string): PolicyRule => ({
  verbs: verbs.split(' '),
  nonResourceURLs: nonResourceURLs.split(' '),
});
const action = (verb: string, group: string, path: string, name = ''): Action => {
  const [resource = '', subresource = ''] = path.split('/');
  return { type: 'resource', verb, group, resource, subresource, namespace: 'a', name };
};
const path = (verb: string, at: string): Action => ({ type: 'path', verb, path: at });

test('what a rule allows, alone and compiled into a role', () => {
  const pods = rule('get list', '', 'pods');
  const cases: readonly (readonly [PolicyRule, Action, boolean])[] = [
    [pods, action('get', '', 'pods'), true],
    [pods, action('watch', '', 'pods'), false],
    [pods, action('get', 'apps', 'pods'), false],
    [pods, action('get', '', 'pods/log'), false],
    [rule('get', '', 'pods/log'), action('get', '', 'pods/log'), true],
    [rule('get', '', 'pods/log'), action('get', '', 'pods'), false],
    [rule('*', '', 'pods'), action('anything', '', 'pods'), true],
    [rule('get', '*', 'pods'), action('get', 'metrics.k8s.io', 'pods'), true],
    [rule('get', '', '*'), action('get', '', 'pods/exec'), true],
    [rule('update', 'apps', '*/scale'), action('update', 'apps', 'deployments/scale'), true],
    [rule('update', 'apps', '*/scale'), action('update', 'apps', 'deployments'), false],
    [rule('update', 'apps', '*/scale'), action('update', 'apps', 'deployments/status'), false],
    [rule('get', '', 'secrets', 'a b'), action('get', '', 'secrets', 'b'), true],
    [rule('get', '', 'secrets', 'a b'), action('get', '', 'secrets', 'c'), false],
    [rule('list', '', 'secrets', 'a'), action('list', '', 'secrets'), false],
    [rule('get', '', 'pods'), action('*', '', 'pods'), false],
    [rule('*', '*', '*'), action('*', '*', '*'), true],
    [rule('*', '*', '*'), path('get', '/healthz'), false],
    [urls('get', '/healthz'), path('get', '/healthz'), true],
    [urls('get', '/healthz'), path('get', '/healthz/ping'), false],
    [urls('get', '/healthz/*'), path('get', '/healthz/ping'), true],
    [urls('get', '/api*'), path('get', '/apis/apps'), true],
    [urls('get', '*'), path('get', '/metrics'), true],
    [urls('get', '*'), path('post', '/metrics'), false],
    [urls('get', '*'), action('get', '', 'pods'), false],
  ];
  for (const [one, asked, expected] of cases) {
    assert.equal(allows(one, asked), expected, `${JSON.stringify(one)} ${JSON.stringify(asked)}`);
    assert.equal(new CompiledRole([rule('get', 'other', 'others'), one]).allows(asked), expected, `compiled ${JSON.stringify(one)}`);
  }
});

test('what some rules lack of others', () => {
  const held = [
    rule('get list', '', 'pods services'),
    rule('*', 'apps', '*'),
    rule('get', '', 'secrets', 'a b'),
    rule('get', '*', '*/status'),
    urls('get', '/metrics*'),
  ];
  for (const [wanted, expected] of [
    [rule('get', '', 'pods'), ''],
    [rule('delete', 'apps', 'deployments/scale'), ''],
    [rule('get', '', 'secrets', 'b'), ''],
    [rule('get', 'batch', 'jobs/status'), ''],
    [urls('get', '/metrics/cadvisor'), ''],
    [rule('get', '', 'secrets'), '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'],
    [rule('get', '', 'secrets', 'b c'), '{APIGroups:[""], Resources:["secrets"], ResourceNames:["c"], Verbs:["get"]}'],
    [
      rule('get delete update', ' batch', 'pods'),
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "update"]}\n{APIGroups:["batch"], Resources:["pods"], Verbs:["get" "delete" "update"]}',
    ],
    [rule('*', '', 'pods'), '{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'],
    [urls('get', '/healthz'), '{NonResourceURLs:["/healthz"], Verbs:["get"]}'],
  ] as const) {
    assert.equal(describe(missing(held, [wanted])), expected);
  }
});

test('a rule with more combinations than can be counted out is lacking as a whole', () => {
  const many = Array.from({ length: 1000 }, (_, i) => `x${i}`).join(' ');
  assert.equal(missing([], [rule(many, many, many)]).length, 1);
  assert.equal(missing([rule('*', '*', '*')], [rule(many, many, many)]).length, 0);
});
