import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles, Secrets, ServiceAccounts } from '../../../api/index.ts';
import { silentLog } from '../../../base/index.ts';
import type { User } from '../../registry.ts';
import { refused } from '../../testing.ts';
import type { Action } from '../authorizer.ts';
import { startAuthControllers } from '../controllers.ts';
import { ADMIN, AUTHENTICATED } from '../identity.ts';
import { authWorld, type AuthWorld } from '../testing.ts';
import { followGrants } from './follow.ts';

const user = (name: string, ...groups: string[]): User => ({ name, groups: [...groups, AUTHENTICATED] });
const JANE = user('jane', 'team');
const ROBOT = user('system:serviceaccount:default:robot', 'system:serviceaccounts', 'system:serviceaccounts:default');

const to = (verb: string, path: string, namespace = 'default', name = ''): Action => {
  const [group = '', resource = '', subresource = ''] = path.split('/');
  return { type: 'resource', verb, group, resource, subresource, namespace, name };
};
const may = ({ auth }: AuthWorld, who: User, action: Action): boolean => auth.authorizer.authorize(who, action).allowed;

const pods = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];
const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });

/** The world with all that is there from the start. */
async function started(): Promise<AuthWorld & { end(): Promise<void> }> {
  const world = await authWorld();
  const stop = new AbortController();
  const { client, clock } = world;
  const { done } = await startAuthControllers({ ...world, client, clock, log: silentLog, signal: stop.signal, rootCertificate: 'PEM' });
  await clock.advance(1000);
  return {
    ...world,
    async end() {
      stop.abort();
      await clock.advance(0);
      await done;
    },
  };
}

test('roles are given to users, groups and accounts, in a namespace or everywhere, and taken away', async () => {
  const world = await authWorld();
  const { client } = world;
  await client.create(Roles, { metadata: { name: 'reader', namespace: 'default' }, rules: pods });
  await client.create(ClusterRoles, { metadata: { name: 'reader' }, rules: pods });
  const get = to('get', '/pods');
  const everywhere = to('get', '/pods', '');
  assert.equal(may(world, JANE, get), false);
  const here = { name: 'here', namespace: 'default' };
  await client.create(RoleBindings, { metadata: here, roleRef: roleRef('Role', 'reader'), subjects: [{ kind: 'User', name: 'jane' }] });
  assert.deepEqual(
    [may(world, JANE, get), may(world, JANE, to('get', '/pods', 'other')), may(world, JANE, everywhere)],
    [true, false, false],
  );
  assert.equal(
    world.auth.authorizer.authorize(JANE, get).reason,
    'RBAC: allowed by RoleBinding "here/default" of Role "reader" to User "jane"',
  );
  await client.create(RoleBindings, {
    metadata: { name: 'robots', namespace: 'default' },
    roleRef: roleRef('ClusterRole', 'reader'),
    subjects: [{ kind: 'ServiceAccount', name: 'robot' }],
  });
  assert.deepEqual([may(world, ROBOT, get), may(world, ROBOT, everywhere)], [true, false]);
  await client.create(ClusterRoleBindings, {
    metadata: { name: 'team' },
    roleRef: roleRef('ClusterRole', 'reader'),
    subjects: [{ kind: 'Group', name: 'team' }],
  });
  assert.deepEqual([may(world, user('joe', 'team'), everywhere), may(world, user('joe'), everywhere)], [true, false]);

  await client.delete(RoleBindings, here);
  assert.equal(may(world, JANE, get), true, 'by the group');
  await client.delete(ClusterRoles, { name: 'reader' });
  assert.deepEqual(world.auth.authorizer.authorize(JANE, get), {
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "reader" not found',
  });
  await client.create(ClusterRoles, { metadata: { name: 'reader' }, rules: [] });
  assert.equal(may(world, JANE, get), false);
});

test('who asks is looked for among their own bindings, however many others there are', async () => {
  const world = await authWorld();
  const { client } = world;
  await client.create(ClusterRoles, { metadata: { name: 'reader' }, rules: pods });
  const bind = (name: string, who: string) =>
    client.create(RoleBindings, {
      metadata: { name, namespace: 'default' },
      roleRef: roleRef('ClusterRole', 'reader'),
      subjects: [{ kind: 'User', name: who }],
    });
  await bind('hers', 'jane');
  await Promise.all(Array.from({ length: 3000 }, (_, i) => bind(`other-${i}`, `user-${i}`)));
  const grants = followGrants(world.store, silentLog);
  assert.equal([...grants.of(JANE, 'default')].length, 1);
  assert.equal([...grants.of(user('nobody'), 'default')].length, 0);
  assert.equal([...grants.of(user('user-7'), '')].length, 0);
});

test('the roles that clients expect are there, gathered by label, and what users added stays', async () => {
  const { end, ...world } = await started();
  const { client, clock } = world;
  const rulesOf = async (name: string): Promise<string> => JSON.stringify((await client.get(ClusterRoles, { name }))?.rules);
  assert.ok((await client.list(ClusterRoles)).items.length >= 60);
  assert.match(await rulesOf('view'), /"configmaps"/);
  assert.doesNotMatch(await rulesOf('view'), /"secrets"/);
  assert.match(await rulesOf('edit'), /"secrets"/);
  assert.match(await rulesOf('admin'), /"rolebindings"/);

  await client.create(ClusterRoles, {
    metadata: { name: 'canaries-view', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
    rules: [{ apiGroups: ['flagger.app'], resources: ['canaries'], verbs: ['get'] }],
  });
  await clock.advance(1000);
  for (const name of ['view', 'edit', 'admin']) assert.match(await rulesOf(name), /flagger.app/, name);
  await client.delete(ClusterRoles, { name: 'canaries-view' });
  await clock.advance(1000);
  for (const name of ['view', 'edit', 'admin']) assert.doesNotMatch(await rulesOf(name), /flagger.app/, name);

  const discovery = (await client.get(ClusterRoles, { name: 'system:discovery' }))!;
  await client.update(ClusterRoles, { ...discovery, rules: [{ nonResourceURLs: ['/mine'], verbs: ['get'] }] });
  await client.delete(ClusterRoleBindings, { name: 'system:basic-user' });
  await end();
  const again = new AbortController();
  await startAuthControllers({ ...world, log: silentLog, signal: again.signal, rootCertificate: 'PEM' });
  again.abort();
  const rules = await rulesOf('system:discovery');
  assert.match(rules, /\/mine/);
  assert.match(rules, /\/openapi/);
  assert.ok(await client.get(ClusterRoleBindings, { name: 'system:basic-user' }));
  const before = world.store.revision;
  await startAuthControllers({ ...world, log: silentLog, signal: again.signal, rootCertificate: 'PEM' });
  assert.equal(world.store.revision, before, 'there is nothing left to do');
});

test('users may discover, review themselves, and nothing else', async () => {
  const { end, ...world } = await started();
  const path = (at: string): Action => ({ type: 'path', verb: 'get', path: at });
  for (const [action, expected] of [
    [path('/api'), true],
    [path('/apis/apps/v1'), true],
    [path('/openapi/v3/api/v1'), true],
    [path('/metrics'), false],
    [to('create', 'authorization.k8s.io/selfsubjectaccessreviews', ''), true],
    [to('create', 'authentication.k8s.io/tokenreviews', ''), false],
    [to('list', '/pods'), false],
  ] as const) {
    assert.equal(may(world, JANE, action), expected, JSON.stringify(action));
    assert.equal(may(world, ADMIN, action), true);
    assert.equal(may(world, { name: 'system:anonymous', groups: ['system:unauthenticated'] }, action), false);
  }
  assert.equal(may(world, ROBOT, path('/openid/v1/jwks')), true);
  await end();
});

test('nobody gives more than they have', async () => {
  const world = await authWorld();
  const { client, post } = world;
  await client.create(ClusterRoles, { metadata: { name: 'reader' }, rules: pods });
  await client.create(ClusterRoles, {
    metadata: { name: 'secrets' },
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
  });
  const give = (name: string, role: string) =>
    client.create(ClusterRoleBindings, {
      metadata: { name },
      roleRef: roleRef('ClusterRole', role),
      subjects: [{ kind: 'User', name: 'jane' }],
    });
  await give('jane', 'reader');
  await client.create(ClusterRoles, {
    metadata: { name: 'writer' },
    rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['create'] }],
  });
  await give('writer', 'writer');
  const make = (rules: object[], more: object = {}) => post(JANE, ClusterRoles, {}, { metadata: { generateName: 'r-' }, rules, ...more });
  const bind = (role: string) =>
    post(
      JANE,
      RoleBindings,
      { namespace: 'default' },
      { metadata: { generateName: 'b-' }, roleRef: roleRef('ClusterRole', role), subjects: [] },
    );
  await make(pods);
  await bind('reader');
  const lacking = [
    'clusterroles.rbac.authorization.k8s.io "r-\\w+" is forbidden: user "jane" \\(groups=\\["team" "system:authenticated"\\]\\) is attempting to grant RBAC permissions not currently held:',
    '\\{APIGroups:\\[""\\], Resources:\\["pods"\\], Verbs:\\["delete" "update"\\]\\}',
    '\\{APIGroups:\\["apps"\\], Resources:\\["deployments"\\], Verbs:\\["get"\\]\\}$',
  ].join('\n');
  const wanted = [
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'delete', 'update'] },
  ];
  await assert.rejects(make(wanted), refused('Forbidden', new RegExp(lacking)));
  await assert.rejects(
    bind('secrets'),
    refused('Forbidden', /rolebindings.rbac.authorization.k8s.io "b-\w+" is forbidden: user "jane" .*\n.*"secrets"/),
  );
  await assert.rejects(bind('gone'), refused('NotFound', /rolebindings.rbac.authorization.k8s.io "gone" not found/));
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
  await assert.rejects(
    make([], { aggregationRule }),
    refused('Forbidden', /must have cluster-admin privileges to use the aggregationRule/),
  );

  await client.create(ClusterRoles, {
    metadata: { name: 'trusted' },
    rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['escalate', 'bind'] }],
  });
  await give('trusted', 'trusted');
  await make(wanted);
  await bind('secrets');
});

test('reviews answer what RBAC says', async () => {
  const { end, ...world } = await started();
  const { client, post } = world;
  await client.create(RoleBindings, {
    metadata: { name: 'view', namespace: 'default' },
    roleRef: roleRef('ClusterRole', 'view'),
    subjects: [{ kind: 'User', name: 'jane' }],
  });
  const ask = async (kind: string, who: User, spec: object, namespace?: string): Promise<any> =>
    (await post(who, { group: 'authorization.k8s.io', plural: `${kind}reviews` }, { namespace }, { spec })).status;
  const list = { verb: 'list', resource: 'pods', namespace: 'default' };
  const yes = { allowed: true, reason: 'RBAC: allowed by RoleBinding "view/default" of ClusterRole "view" to User "jane"' };
  assert.deepEqual(await ask('selfsubjectaccess', JANE, { resourceAttributes: list }), yes);
  assert.deepEqual(await ask('selfsubjectaccess', JANE, { resourceAttributes: { ...list, verb: 'delete' } }), { allowed: false });
  assert.deepEqual(await ask('subjectaccess', ADMIN, { user: 'jane', resourceAttributes: list }), yes);
  assert.deepEqual(await ask('localsubjectaccess', ADMIN, { user: 'jane', resourceAttributes: list }, 'default'), yes);
  assert.deepEqual(await ask('subjectaccess', ADMIN, { groups: ['system:masters'], nonResourceAttributes: { verb: 'get', path: '/x' } }), {
    allowed: true,
  });
  const { resourceRules, nonResourceRules, incomplete } = await ask('selfsubjectrules', JANE, { namespace: 'default' });
  assert.equal(incomplete, false);
  assert.ok(resourceRules.some((r: { resources: string[] }) => r.resources.includes('pods')));
  assert.ok(nonResourceRules.some((r: { nonResourceURLs: string[] }) => r.nonResourceURLs.includes('/openapi/*')));
  for (const [kind, spec, namespace, message] of [
    ['selfsubjectaccess', {}, undefined, /exactly one of nonResourceAttributes or resourceAttributes must be specified/],
    ['subjectaccess', { resourceAttributes: list }, undefined, /at least one of user or group must be specified/],
    ['localsubjectaccess', { user: 'jane', resourceAttributes: list }, 'other', /must match metadata.namespace/],
  ] as const) {
    await assert.rejects(ask(kind, ADMIN, spec, namespace), refused('Invalid', message));
  }
  await end();
});

test('a Secret that asks for a token gets it, and goes with its account', async () => {
  const { end, ...world } = await started();
  const { client, clock, auth } = world;
  const key = { name: 'old', namespace: 'default' };
  await client.create(Secrets, {
    metadata: { ...key, annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    type: 'kubernetes.io/service-account-token',
  });
  // Signing is work of another thread, which virtual time does not wait for.
  let secret = (await client.get(Secrets, key))!;
  for (let i = 0; i < 500 && !secret.data; i++) {
    await pause(5);
    await clock.advance(10);
    secret = (await client.get(Secrets, key))!;
  }
  const data = Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]),
  );
  assert.deepEqual([data['ca.crt'], data['namespace']], ['PEM', 'default']);
  assert.equal((await auth.authenticator.authenticate(data['token']!))?.name, ROBOT.name);
  await client.delete(ServiceAccounts, { name: 'robot', namespace: 'default' });
  await clock.advance(1000);
  assert.equal(await client.get(Secrets, key), undefined);
  await end();
});
