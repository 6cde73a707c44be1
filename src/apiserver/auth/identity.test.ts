import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused } from '../testing.ts';
import type { Authorizer } from './authorizer.ts';
import { accountOf, ADMIN, isPublic, tokenAuthenticator } from './identity.ts';
import { impersonated } from './impersonation.ts';

test('tokens are known or not', () => {
  const { authenticate } = tokenAuthenticator({ abc: ADMIN });
  assert.equal(authenticate('abc'), ADMIN);
  assert.equal(authenticate('ab'), undefined);
  assert.equal(authenticate('__proto__'), undefined);
});

test('anybody sees health and version', () => {
  for (const path of ['/version', '/healthz', '/readyz', '/livez/ping']) assert.ok(isPublic(path), path);
  for (const path of ['/api', '/versionx', '/metrics', '/', '/readyzx']) assert.ok(!isPublic(path), path);
});

test('accounts are known by their user names', () => {
  assert.deepEqual(accountOf('system:serviceaccount:a:b'), { namespace: 'a', name: 'b' });
  for (const name of ['jane', 'system:serviceaccount:a', 'system:serviceaccount:a:', 'system:serviceaccount:a:b:c']) {
    assert.equal(accountOf(name), undefined, name);
  }
});

/** Allows what the pattern finds in `verb resource/subresource namespace name`. */
const allowing = (pattern: RegExp): Authorizer => ({
  authorize: (_user, a) => ({
    allowed: a.type === 'resource' && pattern.test(`${a.verb} ${a.resource}/${a.subresource} ${a.namespace} ${a.name}`),
    reason: '',
  }),
  rulesOf: () => ({ rules: [], problems: [] }),
});

test('who may, is taken for somebody else, with the groups that belong to them', () => {
  const all = allowing(/^impersonate /);
  for (const [headers, user] of [
    [{ 'impersonate-user': ['jane'] }, { name: 'jane', groups: ['system:authenticated'] }],
    [
      { 'impersonate-user': ['jane'], 'impersonate-group': ['a', 'b'] },
      { name: 'jane', groups: ['a', 'b', 'system:authenticated'] },
    ],
    [{ 'impersonate-user': ['system:anonymous'] }, { name: 'system:anonymous', groups: ['system:unauthenticated'] }],
    [
      { 'impersonate-user': ['jane'], 'impersonate-group': ['system:unauthenticated'] },
      { name: 'jane', groups: ['system:unauthenticated'] },
    ],
    [
      { 'impersonate-user': ['system:serviceaccount:ns:robot'] },
      { name: 'system:serviceaccount:ns:robot', groups: ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'] },
    ],
    [
      { 'impersonate-user': ['jane'], 'impersonate-uid': ['7'], 'impersonate-extra-acme.com%2fscope': ['x', 'y'] },
      { name: 'jane', groups: ['system:authenticated'], uid: '7', extra: { 'acme.com/scope': ['x', 'y'] } },
    ],
  ] as const) {
    assert.deepEqual(impersonated(all, ADMIN, headers), user);
  }
});

test('each part of it has to be allowed', () => {
  const headers = {
    'impersonate-user': ['jane'],
    'impersonate-group': ['boss'],
    'impersonate-extra-scope': ['x'],
    'impersonate-uid': ['7'],
  };
  for (const [allowed, message] of [
    [
      /nothing/,
      /^users "jane" is forbidden: User "sluice-admin" cannot impersonate resource "users" in API group "" at the cluster scope$/,
    ],
    [/users/, /^groups "boss" is forbidden: /],
    [
      /users|groups/,
      /^userextras.authentication.k8s.io "x" is forbidden: .* resource "userextras\/scope" in API group "authentication.k8s.io"/,
    ],
    [/users|groups|userextras\/scope/, /^uids.authentication.k8s.io "7" is forbidden: /],
  ] as const) {
    assert.throws(() => impersonated(allowing(allowed), ADMIN, headers), refused('Forbidden', message));
  }
  const account = { 'impersonate-user': ['system:serviceaccount:ns:robot'] };
  assert.ok(impersonated(allowing(/^impersonate serviceaccounts\/ ns robot$/), ADMIN, account));
  assert.throws(() => impersonated(allowing(/users/), ADMIN, account), refused('Forbidden', /^serviceaccounts "robot" is forbidden/));
  assert.throws(() => impersonated(allowing(/./), ADMIN, { 'impersonate-group': ['boss'] }), refused('BadRequest'));
});
