import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ConfigMaps,
  Deployments,
  HorizontalPodAutoscalers,
  MutatingWebhookConfigurations,
  Namespaces,
  Pods,
  ValidatingWebhookConfigurations,
  type AnyObject,
  type ApiError,
  type Resource,
} from '../../api/index.ts';
import { configMap, deployment, NS, refused, specOf, world } from '../testing.ts';

interface Asked {
  readonly url: string;
  readonly timeout: number;
  readonly request: Record<string, any>;
}
/** What a webhook of a test answers; a thrown error is one that cannot be reached. */
type Answer = (asked: Asked) => object | Promise<object>;

const ALLOW = { allowed: true };
const patch = (...operations: object[]): object => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const label = (key: string, value = 'yes'): object =>
  patch({ op: 'add', path: '/metadata/labels', value: {} }, { op: 'add', path: `/metadata/labels/${key}`, value });

const hook = (name: string, more: object = {}): object => ({
  name: `${name}.example.com`,
  rules: [
    { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['configmaps', 'deployments', 'deployments/scale', 'pods'] },
  ],
  clientConfig: { service: { namespace: 'hooks', name, path: `/${name}` } },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
});

/** A registry whose webhooks answer as told, by name; and all they were asked. */
async function start(answers: Record<string, Answer>) {
  const asked: Asked[] = [];
  const w = await world([], async ({ url }, body, timeout) => {
    const review = JSON.parse(body.toString()) as { apiVersion: string; kind: string; request: Record<string, any> };
    const one = { url, timeout, request: review.request };
    asked.push(one);
    const response = await answers[/^https:\/\/(\w+)/.exec(url)![1]!]!(one);
    return Buffer.from(JSON.stringify({ ...review, request: undefined, response: { uid: review.request['uid'], ...response } }));
  });
  const configure = (resource: Resource, name: string, ...webhooks: object[]): Promise<unknown> =>
    w.client.create(resource, { metadata: { name }, webhooks } as AnyObject);
  return {
    ...w,
    asked,
    mutating: (name: string, ...hooks: object[]) => configure(MutatingWebhookConfigurations, name, ...hooks),
    validating: (name: string, ...hooks: object[]) => configure(ValidatingWebhookConfigurations, name, ...hooks),
  };
}

const names = (asked: readonly Asked[]): string[] => asked.map(({ url }) => /^https:\/\/(\w+)/.exec(url)![1]!);

describe('what a webhook is asked', () => {
  test('who does what to which object, in the version that was asked for', async () => {
    const { asked, validating, registry, client, at } = await start({ a: () => ALLOW });
    await validating('v', hook('a', { timeoutSeconds: 3 }));
    await registry.create(at(ConfigMaps), { value: configMap('c', { data: { k: '1' } }) }, { fieldManager: 'me', dryRun: true });
    const { url, timeout, request } = asked[0]!;
    assert.deepEqual([url, timeout], ['https://a.hooks.svc:443/a', 3]);
    const { uid, object, ...rest } = request;
    assert.match(uid, /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      [object.kind, object.data, object.metadata.name, typeof object.metadata.uid],
      ['ConfigMap', { k: '1' }, 'c', 'string'],
    );
    const kind = { group: '', version: 'v1', kind: 'ConfigMap' };
    const resource = { group: '', version: 'v1', resource: 'configmaps' };
    assert.deepEqual(rest, {
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: 'c',
      namespace: NS,
      operation: 'CREATE',
      userInfo: { username: 'tester', groups: [] },
      oldObject: null,
      dryRun: true,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me', dryRun: ['All'] },
    });
    await client.create(ConfigMaps, configMap('c', { data: { k: '1' } }));
    await client.update(ConfigMaps, configMap('c', { data: { k: '2' } }));
    await client.delete(ConfigMaps, { namespace: NS, name: 'c' });
    const states = asked
      .slice(1)
      .map(({ request: r }) => [r['operation'], r['oldObject']?.data?.k, r['object']?.data?.k, r['options'].kind]);
    assert.deepEqual(states, [
      ['CREATE', undefined, '1', 'CreateOptions'],
      ['UPDATE', '1', '2', 'UpdateOptions'],
      ['DELETE', '2', undefined, 'DeleteOptions'],
    ]);
  });

  test('a version that its rules name instead of the one that was used', async () => {
    const { asked, validating, registry, at } = await start({ a: () => ALLOW });
    const rules = [{ operations: ['CREATE'], apiGroups: ['autoscaling'], apiVersions: ['v2'], resources: ['horizontalpodautoscalers'] }];
    await validating('v', hook('a', { rules }));
    const target = at({ ...HorizontalPodAutoscalers, version: 'v1' });
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
    await registry.create(
      target,
      { value: { metadata: { name: 'h' }, spec: { scaleTargetRef, maxReplicas: 2, targetCPUUtilizationPercentage: 50 } } },
      {},
    );
    const { kind, requestKind, object } = asked[0]!.request;
    assert.deepEqual([kind.version, requestKind.version, object.apiVersion, object.spec.metrics.length], ['v2', 'v1', 'autoscaling/v2', 1]);
  });

  test('a Scale for the subresource, and what is streamed for a connection', async () => {
    const { asked, validating, registry, client, at } = await start({ a: () => ALLOW });
    await client.create(Deployments, deployment('d'));
    await client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await validating(
      'v',
      hook('a', { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/scale', 'pods/exec'] }] }),
    );
    await registry.patch(at(Deployments, 'd', 'scale'), 'merge', { value: { spec: { replicas: 4 } } }, {});
    await registry.connect(at(Pods, 'p', 'exec'), { kind: 'PodExecOptions', apiVersion: 'v1', command: ['ls'] });
    const [scale, exec] = asked.map(({ request }) => request);
    assert.deepEqual(
      [scale!['kind'].kind, scale!['subResource'], scale!['object'].spec.replicas, scale!['oldObject'].spec.replicas],
      ['Scale', 'scale', 4, 1],
    );
    assert.deepEqual(
      [exec!['operation'], exec!['kind'].kind, exec!['name'], exec!['object'].command, exec!['oldObject'], exec!['options']],
      ['CONNECT', 'PodExecOptions', 'p', ['ls'], null, null],
    );
  });

  test('an eviction, before the pod is deleted', async () => {
    const { asked, mutating, client, registry, at } = await start({ a: () => ({ allowed: false, status: { message: 'stay' } }) });
    await client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await mutating(
      'm',
      hook('a', { rules: [{ operations: ['CREATE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['pods/eviction'] }] }),
    );
    const value = { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'p', namespace: NS } };
    await assert.rejects(registry.create(at(Pods, 'p', 'eviction'), { value }, {}), refused('', /denied the request: stay/));
    assert.deepEqual([asked[0]!.request['kind'].kind, asked[0]!.request['object']], ['Eviction', value]);
    assert.ok(await client.get(Pods, { namespace: NS, name: 'p' }));
  });

  test('nobody is asked about other kinds, the configurations themselves, and other namespaces', async () => {
    const { asked, validating, mutating, client } = await start({ a: () => ALLOW });
    const everything = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }];
    await validating('v', hook('a', { rules: everything, namespaceSelector: { matchLabels: { watched: 'yes' } } }));
    await mutating('m');
    await client.delete(MutatingWebhookConfigurations, { name: 'm' });
    await client.create(ConfigMaps, configMap('c'));
    assert.equal(asked.length, 0);
    await client.patch(Namespaces, { name: NS }, { type: 'merge', body: { metadata: { labels: { watched: 'yes' } } } });
    await client.create(ConfigMaps, configMap('d'));
    assert.deepEqual(
      asked.map(({ request }) => [request['resource'].resource, request['namespace']]),
      [
        ['namespaces', NS],
        ['configmaps', NS],
      ],
    );
    await client.delete(ValidatingWebhookConfigurations, { name: 'v' });
    await client.create(ConfigMaps, configMap('e'));
    assert.equal(asked.length, 2, 'a configuration that is gone asks nothing more');
  });
});

describe('conditions', () => {
  const only = (...expressions: string[]): object => ({
    matchConditions: expressions.map((expression, i) => ({ name: `c${i}`, expression })),
  });

  test('one that is false lets a request pass unasked, whatever becomes of the others', async () => {
    const { asked, validating, client } = await start({ a: () => ALLOW });
    await validating('v', hook('a', only('object.data.nothing == 1', 'object.metadata.name != "c"')));
    await client.create(ConfigMaps, configMap('c'));
    assert.equal(asked.length, 0);
    await assert.rejects(
      client.create(ConfigMaps, configMap('d')),
      refused('Forbidden', /^configmaps "d" is forbidden: expression 'object\.data\.nothing == 1' resulted in error: no such key: data$/),
    );
  });

  test('all that are true have it asked; one that fails is passed over with the webhook where failures are', async () => {
    const { asked, validating, client } = await start({ a: () => ALLOW, b: () => ALLOW });
    await validating('v', hook('a', only('request.operation == "CREATE"', '"tester" == request.userInfo.username')));
    await validating('w', hook('b', { ...only('object.nothing'), failurePolicy: 'Ignore' }));
    await client.create(ConfigMaps, configMap('c'));
    await client.delete(ConfigMaps, { namespace: NS, name: 'c' });
    assert.deepEqual(names(asked), ['a']);
  });
});

describe('what a webhook says', () => {
  test('a patch changes the object; defaults are filled in again, and its identity stays', async () => {
    const container = { name: 'side', image: 'busybox' };
    const { mutating, client } = await start({
      a: () =>
        patch(
          { op: 'add', path: '/spec/template/spec/containers/-', value: container },
          { op: 'replace', path: '/metadata/uid', value: 'forged' },
          { op: 'add', path: '/status', value: { replicas: 9 } },
        ),
    });
    await mutating('m', hook('a'));
    const made = await client.create(Deployments, deployment('d'));
    const [, side] = made.spec!.template.spec!.containers;
    assert.deepEqual([side!.name, side!.imagePullPolicy, side!.terminationMessagePath], ['side', 'Always', '/dev/termination-log']);
    assert.notEqual(made.metadata!.uid, 'forged');
    assert.equal(made.status?.replicas, undefined);
  });

  test('what a patch makes is checked as if the user had sent it', async () => {
    const { mutating, client } = await start({
      a: ({ request }) =>
        patch(
          request['name'] === 'type' ? { op: 'add', path: '/data', value: 'text' } : { op: 'add', path: '/data', value: { 'a b': '' } },
        ),
    });
    await mutating('m', hook('a'));
    await assert.rejects(
      client.create(ConfigMaps, configMap('key')),
      refused('Invalid', /data\[a b\]: Invalid value: "a b": a valid config key/),
    );
    await assert.rejects(
      client.create(ConfigMaps, configMap('type')),
      refused('InternalError', /Internal error occurred: ConfigMap in version/),
    );
  });

  test('a patch that does not apply is an internal error, one of a Scale scales', async () => {
    const { mutating, client, registry, at } = await start({
      a: ({ request }) =>
        request['subResource'] === 'scale'
          ? patch({ op: 'replace', path: '/spec/replicas', value: 2 })
          : patch({ op: 'remove', path: '/nothing' }),
    });
    await client.create(Deployments, deployment('d'));
    await mutating('m', hook('a'));
    const { object } = await registry.patch(at(Deployments, 'd', 'scale'), 'merge', { value: { spec: { replicas: 7 } } }, {});
    assert.equal(specOf(object)['replicas'], 2);
    await assert.rejects(client.create(ConfigMaps, configMap('c')), refused('InternalError', /remove operation does not apply/));
  });

  for (const [status, reason, code, message] of [
    [undefined, '', 400, 'denied the request without explanation'],
    [{ message: 'no' }, '', 400, 'denied the request: no'],
    [{ reason: 'Forbidden', code: 403 }, 'Forbidden', 403, 'denied the request: Forbidden'],
    [{ message: 'too big', reason: 'Invalid', code: 422 }, 'Invalid', 422, 'denied the request: too big'],
    [{ message: 'fine?', code: 200 }, '', 400, 'denied the request: fine?'],
  ] as const) {
    test(`a refusal with ${JSON.stringify(status)}`, async () => {
      const { validating, mutating, client } = await start({ a: () => ({ allowed: false, status }) });
      const check = (error: ApiError): boolean => {
        assert.deepEqual([error.reason, error.code, error.message], [reason, code, `admission webhook "a.example.com" ${message}`]);
        return true;
      };
      await mutating('m', hook('a'));
      await assert.rejects(client.create(ConfigMaps, configMap('c')), check);
      await client.delete(MutatingWebhookConfigurations, { name: 'm' });
      await validating('v', hook('a'));
      await assert.rejects(client.create(ConfigMaps, configMap('c')), check);
    });
  }

  test('warnings reach the user of every verb', async () => {
    const { validating, registry, at } = await start({
      a: ({ request }) => ({ allowed: true, warnings: [`mind the ${request['operation']}`] }),
    });
    await validating('v', hook('a'));
    const one = at(ConfigMaps, 'c');
    assert.deepEqual((await registry.create(at(ConfigMaps), { value: configMap('c') }, {})).warnings, ['mind the CREATE']);
    assert.deepEqual((await registry.patch(one, 'merge', { value: { data: { a: 'b' } } }, {})).warnings, ['mind the UPDATE']);
    assert.deepEqual((await registry.delete(one, {})).warnings, ['mind the DELETE']);
  });

  test('one that may have effects is not asked in a dry run', async () => {
    const { store, asked, validating, registry, at } = await start({ a: () => ALLOW });
    await validating('v', hook('a'));
    // From before such a thing was refused.
    const key = `admissionregistration.k8s.io/validatingwebhookconfigurations//v`;
    const stored = store.get(key)!;
    const old = structuredClone(stored.object) as AnyObject & { webhooks: { sideEffects: string }[] };
    old.webhooks[0]!.sideEffects = 'Some';
    await store.update(key, old, stored.revision);
    const create = (dryRun: boolean): Promise<unknown> => registry.create(at(ConfigMaps), { value: configMap('c') }, { dryRun });
    await assert.rejects(create(true), refused('BadRequest', /^admission webhook "a.example.com" does not support dry run$/));
    assert.equal(asked.length, 0);
    await create(false);
  });
});

describe('order', () => {
  test('mutating ones one after another by name, each with what those before it made; then validating ones', async () => {
    const add: Answer = ({ request }) => {
      const labels = { ...request['object'].metadata.labels, [`n${Object.keys(request['object'].metadata.labels ?? {}).length}`]: 'x' };
      return patch({ op: 'add', path: '/metadata/labels', value: labels });
    };
    const { asked, mutating, validating, client } = await start({ a: add, b: add, c: add, v: () => ALLOW, w: () => ALLOW });
    await validating('a-first', hook('w'), hook('v'));
    await mutating('z', hook('c'));
    await mutating('m', hook('b'), hook('a'));
    const { metadata } = await client.create(ConfigMaps, configMap('c'));
    assert.deepEqual(names(asked), ['b', 'a', 'c', 'w', 'v']);
    assert.deepEqual(Object.keys(metadata!.labels!), ['n0', 'n1', 'n2']);
    assert.equal(Object.keys(asked[3]!.request['object'].metadata.labels).length, 3);
  });

  test('one that wants it is asked again when one behind it has changed something, once', async () => {
    const { asked, mutating, client } = await start({ a: () => ALLOW, b: () => label('b'), c: () => ALLOW });
    await mutating('m', hook('a', { reinvocationPolicy: 'IfNeeded' }), hook('b', { reinvocationPolicy: 'IfNeeded' }), hook('c'));
    await client.create(ConfigMaps, configMap('c'));
    assert.deepEqual(names(asked), ['a', 'b', 'c', 'a']);
    asked.length = 0;
    await client.update(ConfigMaps, configMap('c', { data: { k: 'v' } }));
    assert.deepEqual(names(asked), ['a', 'b', 'c', 'a']);
  });

  test('what else mutates is run again after a change', async () => {
    const seen: number[] = [];
    const member = {
      mutate: ({ object }: { object: AnyObject }) => void seen.push(Object.keys(object.metadata?.labels ?? {}).length),
    };
    const w = await world([member], async (_endpoint, body) => {
      const { request, ...review } = JSON.parse(body.toString()) as { request: { uid: string } };
      return Buffer.from(JSON.stringify({ ...review, response: { uid: request.uid, ...label('new') } }));
    });
    seen.length = 0;
    await w.client.create(MutatingWebhookConfigurations, { metadata: { name: 'm' }, webhooks: [hook('a')] } as never);
    seen.length = 0;
    await w.client.create(ConfigMaps, configMap('c'));
    assert.deepEqual(seen, [0, 1]);
  });
});

describe('failure', () => {
  const down: Answer = () => {
    throw new Error('Post "https://a.hooks.svc:443/a?timeout=10s": context deadline exceeded');
  };

  test('of one that is needed fails the request', async () => {
    const { validating, client } = await start({ a: down });
    await validating('v', hook('a'));
    await assert.rejects(client.create(ConfigMaps, configMap('c')), (error: ApiError) => {
      const message =
        'failed calling webhook "a.example.com": failed to call webhook: Post "https://a.hooks.svc:443/a?timeout=10s": context deadline exceeded';
      assert.deepEqual([error.code, error.reason, error.message], [500, 'InternalError', `Internal error occurred: ${message}`]);
      assert.deepEqual(error.details?.causes, [{ message }]);
      return true;
    });
  });

  test('is counted and timed, like all calls', async () => {
    const { validating, client, registry } = await start({ a: down, b: () => ALLOW });
    await validating('v', hook('b'), hook('a', { failurePolicy: 'Ignore' }));
    await client.create(ConfigMaps, configMap('c'));
    const told = Buffer.concat([...registry.metrics.text()]).toString();
    for (const name of ['a', 'b']) {
      const labels = `{name="${name}.example.com",type="validating",operation="CREATE",rejected="false"}`;
      assert.ok(told.includes(`apiserver_admission_webhook_request_total${labels} 1`));
      assert.ok(told.includes(`apiserver_admission_webhook_admission_duration_seconds_count${labels} 1`));
    }
  });

  test('of one that may be missing is passed over', async () => {
    const { mutating, validating, client } = await start({ a: down, b: () => label('b') });
    await mutating('m', hook('a', { failurePolicy: 'Ignore' }), hook('b'));
    await validating('v', hook('a', { failurePolicy: 'Ignore' }));
    assert.deepEqual((await client.create(ConfigMaps, configMap('c'))).metadata!.labels, { b: 'yes' });
  });

  for (const [what, response, message] of [
    ['another uid', { uid: 'x', allowed: true }, /expected response\.uid="[0-9a-f-]+", got "x"/],
    ['a patch without a type', { allowed: true, patch: 'W10=' }, /returned response\.patch but not response\.patchType/],
    ['a type without a patch', { allowed: true, patchType: 'JSONPatch' }, /returned response\.patchType but not response\.patch/],
    ['a patch that cannot be read', { allowed: true, patchType: 'JSONPatch', patch: 'eyI=' }, /received undecodable patch/],
  ] as const) {
    test(`an answer with ${what}`, async () => {
      const { mutating, client } = await start({ a: () => response });
      await mutating('m', hook('a'));
      await assert.rejects(client.create(ConfigMaps, configMap('c')), refused('InternalError', message));
    });
  }

  test('a webhook that validates may not patch, and none may patch what is deleted', async () => {
    const { mutating, validating, client } = await start({ a: () => label('x') });
    await client.create(ConfigMaps, configMap('c'));
    await validating('v', hook('a'));
    await assert.rejects(
      client.create(ConfigMaps, configMap('d')),
      refused('InternalError', /validating webhook may not return response\.patch/),
    );
    await client.delete(ValidatingWebhookConfigurations, { name: 'v' });
    await mutating('m', hook('a'));
    await assert.rejects(
      client.delete(ConfigMaps, { namespace: NS, name: 'c' }),
      refused('InternalError', /attempted to modify the object, which is not supported for this operation/),
    );
  });

  test('an older review is spoken with those that know no other, a newer is not', async () => {
    const seen: unknown[] = [];
    const w = await world([], async (_endpoint, body) => {
      const { request, ...review } = JSON.parse(body.toString()) as { apiVersion: string; request: { uid: string } };
      seen.push(review.apiVersion);
      return Buffer.from(JSON.stringify({ response: { allowed: true, patch: Buffer.from('[]').toString('base64') }, was: request.uid }));
    });
    const webhooks = [hook('a', { admissionReviewVersions: ['v9', 'v1beta1', 'v1'] })];
    await w.client.create(MutatingWebhookConfigurations, { metadata: { name: 'm' }, webhooks } as never);
    await w.client.create(ConfigMaps, configMap('c'));
    assert.deepEqual(seen, ['admission.k8s.io/v1beta1']);
  });
});
