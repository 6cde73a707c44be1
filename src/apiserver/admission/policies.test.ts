import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConfigMaps,
  Deployments,
  HorizontalPodAutoscalers,
  Namespaces,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
  type AnyObject,
  type ApiError,
} from '../../api/index.ts';
import { configMap, deployment, NS, refused, world } from '../testing.ts';

const RULE = { operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] };

/** A registry with one policy and one binding, and a Deployment that can be tried in it. */
async function start(policy: object, binding: object = {}) {
  const w = await world();
  await w.client.create(ValidatingAdmissionPolicies, {
    metadata: { name: 'p' },
    spec: { matchConstraints: { resourceRules: [RULE] }, ...policy },
  });
  await w.client.create(ValidatingAdmissionPolicyBindings, {
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
  });
  const create = (replicas: number, name = 'd') => {
    const object = deployment(name) as AnyObject & { spec: { replicas?: number } };
    object.spec.replicas = replicas;
    return w.registry.create(w.at(Deployments), { value: object }, {});
  };
  return { ...w, create };
}

const few = { validations: [{ expression: 'object.spec.replicas <= 5' }] };
const denied = (message: string) => (error: ApiError) => {
  const full = `ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ${message}`;
  assert.deepEqual([error.code, error.reason, error.message], [422, 'Invalid', `deployments.apps "d" is forbidden: ${full}`]);
  assert.deepEqual(error.details?.causes, [{ message: full }]);
  return true;
};

test('what does not hold is denied, with the expression for a message', async () => {
  const { create } = await start(few);
  await create(5, 'ok');
  await assert.rejects(create(6), denied('failed expression: object.spec.replicas <= 5'));
});

for (const [validation, code, message] of [
  [{ expression: 'false', message: ' too many ' }, 422, 'too many'],
  [{ expression: 'false', messageExpression: '"not " + string(object.spec.replicas)', message: 'x' }, 422, 'not 6'],
  [{ expression: 'false', messageExpression: 'object.nothing', message: 'x' }, 422, 'x'],
  [{ expression: 'false', reason: 'Forbidden' }, 403, 'failed expression: false'],
  [{ expression: 'object.spec.nothing > 1' }, 422, "expression 'object.spec.nothing > 1' resulted in error: no such key: nothing"],
] as const) {
  test(`a refusal by ${JSON.stringify(validation)}`, async () => {
    const { create } = await start({ validations: [validation] });
    await assert.rejects(create(6), (error: ApiError) => {
      assert.equal(error.code, code);
      assert.ok(error.message.endsWith(`denied request: ${message}`), error.message);
      return true;
    });
  });
}

test('one expression may cost no more than a call may, and all together no more than their budget', async () => {
  const rounds = (n: number): object => {
    const list = `[${Array(n).fill(0).join()}]`;
    return { expression: `${list}.all(a, ${list}.all(b, ${list}.all(c, true)))` };
  };
  const one = await start({ validations: [rounds(100)] });
  await assert.rejects(one.create(1), refused('Invalid', /resulted in error: operation cancelled: actual cost limit exceeded$/));
  const many = await start({ validations: Array(16).fill(rounds(60)) });
  await assert.rejects(
    many.create(1),
    denied('validation failed due to running out of cost budget, no further validation rules will be run'),
  );
});

test('an expression that fails is passed over when failures are', async () => {
  const { create } = await start({ failurePolicy: 'Ignore', validations: [{ expression: 'object.spec.nothing' }] });
  await create(6);
});

test('what is only to be warned of is not denied; what is only for the audit is silent', async () => {
  const { create } = await start(few, { validationActions: ['Warn', 'Audit'] });
  const warning = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: object.spec.replicas <= 5";
  assert.deepEqual((await create(6)).warnings, [warning]);
});

test('without a binding, or when it is for other objects, nothing is asked', async () => {
  const { client, create } = await start(few, { matchResources: { namespaceSelector: { matchLabels: { strict: 'yes' } } } });
  await create(6, 'free');
  await client.patch(Namespaces, { name: NS }, { type: 'merge', body: { metadata: { labels: { strict: 'yes' } } } });
  await assert.rejects(create(6), denied('failed expression: object.spec.replicas <= 5'));
  await client.delete(ValidatingAdmissionPolicyBindings, { name: 'b' });
  await create(6);
});

test('conditions come first; rules exclude', async () => {
  const { create } = await start({
    ...few,
    matchConditions: [{ name: 'others', expression: 'request.userInfo.username != "tester" || object.metadata.name.startsWith("d")' }],
    matchConstraints: { resourceRules: [RULE], excludeResourceRules: [{ ...RULE, resourceNames: ['dx'] }] },
  });
  await create(6, 'free');
  await create(6, 'dx');
  await assert.rejects(create(6), denied('failed expression: object.spec.replicas <= 5'));
});

test('variables are made from each other, and from what was there before', async () => {
  const { client, create } = await start({
    variables: [
      { name: 'before', expression: 'oldObject == null ? 0 : oldObject.spec.replicas' },
      { name: 'step', expression: 'object.spec.replicas - variables.before' },
    ],
    validations: [{ expression: 'variables.step <= 3', messageExpression: '"a step of " + string(variables.step)' }],
  });
  await assert.rejects(create(4), denied('a step of 4'));
  await create(3);
  const scale = (replicas: number): Promise<unknown> =>
    client.patch(Deployments, { namespace: NS, name: 'd' }, { type: 'merge', body: { spec: { replicas } } });
  await assert.rejects(scale(7), denied('a step of 4'));
  await scale(6);
});

test('parameters are objects of a kind, by name or by their labels', async () => {
  const policy = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    validations: [{ expression: 'object.spec.replicas <= int(params.data.most)' }],
  };
  const named = await start(policy, { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } });
  await assert.rejects(
    named.create(1),
    denied('failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction'),
  );
  await named.client.create(ConfigMaps, configMap('limits', { data: { most: '2' } }));
  await named.create(2, 'ok');
  await assert.rejects(named.create(3), denied('failed expression: object.spec.replicas <= int(params.data.most)'));

  const chosen = await start(policy, { paramRef: { selector: { matchLabels: { limits: '' } }, parameterNotFoundAction: 'Allow' } });
  await chosen.create(9, 'free');
  for (const most of ['8', '4']) {
    await chosen.client.create(ConfigMaps, { metadata: { name: `l${most}`, namespace: NS, labels: { limits: '' } }, data: { most } });
  }
  await assert.rejects(chosen.create(5), refused('Invalid'));
  await chosen.create(4);
});

test('an object is seen in the version that the rules name, beside its namespace', async () => {
  const rule = { operations: ['CREATE'], apiGroups: ['autoscaling'], apiVersions: ['v2'], resources: ['horizontalpodautoscalers'] };
  const { registry, at } = await start({
    matchConstraints: { resourceRules: [rule] },
    validations: [
      {
        expression: 'object.spec.metrics.size() == 0 || namespaceObject.metadata.name != "default" || request.requestKind.version == "v2"',
      },
    ],
  });
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const value = { metadata: { name: 'h' }, spec: { scaleTargetRef, maxReplicas: 2, targetCPUUtilizationPercentage: 50 } };
  await assert.rejects(
    registry.create(at({ ...HorizontalPodAutoscalers, version: 'v1' }), { value }, {}),
    refused('Invalid', /failed expression/),
  );
});

test('the policies themselves are not subject to policies', async () => {
  const { client } = await start({
    matchConstraints: { resourceRules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }] },
    validations: [{ expression: 'false' }],
  });
  await assert.rejects(client.create(ConfigMaps, configMap('c')), refused('Invalid'));
  await client.delete(ValidatingAdmissionPolicies, { name: 'p' });
  await client.create(ConfigMaps, configMap('c'));
});
