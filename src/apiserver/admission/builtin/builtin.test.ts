import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Pods, Services, type AnyObject, type Resource } from '../../../api/index.ts';
import { configMap, NS, refused, service, world } from '../../testing.ts';

const Classes: Resource = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  namespaced: false,
};
const StorageClasses: Resource = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
};
const Claims: Resource = { group: '', version: 'v1', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims', namespaced: true };
const Limits: Resource = { group: '', version: 'v1', kind: 'LimitRange', plural: 'limitranges', namespaced: true };
const Quotas: Resource = { group: '', version: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true };

const resources = (requests?: object, limits?: object): object => ({
  resources: { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) },
});
const pod = (name: string, container: object = {}, spec: object = {}): AnyObject => ({
  metadata: { name, namespace: NS },
  spec: { containers: [{ name: 'app', image: 'i', ...container }], ...spec },
});
const specOf = (object: unknown): Record<string, any> => (object as { spec: Record<string, any> }).spec;

describe('priority', () => {
  const low = { metadata: { name: 'low' }, value: -5, preemptionPolicy: 'Never' };
  const usual = { metadata: { name: 'usual' }, value: 7, globalDefault: true };

  test('a pod has that of its class, else of the default, else none in particular', async () => {
    const { client } = await world();
    const made = async (name: string, spec: object = {}): Promise<unknown> => {
      const { priorityClassName, priority, preemptionPolicy } = specOf(await client.create(Pods, pod(name, {}, spec) as never));
      return [priorityClassName, priority, preemptionPolicy];
    };
    assert.deepEqual(await made('a'), [undefined, 0, 'PreemptLowerPriority']);
    assert.deepEqual(await made('b', { priorityClassName: 'system-node-critical' }), [
      'system-node-critical',
      2_000_001_000,
      'PreemptLowerPriority',
    ]);
    await client.create(Classes, low);
    await client.create(Classes, usual);
    assert.deepEqual(await made('c', { priorityClassName: 'low' }), ['low', -5, 'Never']);
    assert.deepEqual(await made('d'), ['usual', 7, 'PreemptLowerPriority']);
    assert.deepEqual(await made('e', { priorityClassName: 'low', priority: -5 }), ['low', -5, 'Never']);
    const spec = { containers: [{ name: 'app', image: 'other' }], priorityClassName: 'low' };
    const updated = await client.update(Pods, { metadata: { name: 'c', namespace: NS }, spec });
    assert.equal(specOf(updated)['priority'], -5, 'an update that leaves it out keeps it');
  });

  test('one that is not so is refused, and so is a second default', async () => {
    const { client } = await world();
    await client.create(Classes, usual);
    await assert.rejects(
      client.create(Pods, pod('a', {}, { priorityClassName: 'none' }) as never),
      refused('Forbidden', /^pods "a" is forbidden: no PriorityClass with name none was found$/),
    );
    await assert.rejects(
      client.create(Pods, pod('a', {}, { priority: 3 }) as never),
      refused('Forbidden', /the integer value of priority \(3\) must not be provided in pod spec; .* computed 7 from/),
    );
    await assert.rejects(
      client.create(Classes, { ...usual, metadata: { name: 'other' } }),
      refused('Forbidden', /PriorityClass usual is already marked as default/),
    );
    await client.patch(Classes, { name: 'usual' }, { type: 'merge', body: { description: 'still the only one' } });
  });
});

test('a pod gets the overhead and the nodes of its runtime class, which has to be there', async () => {
  const { client } = await world();
  const RuntimeClasses: Resource = {
    group: 'node.k8s.io',
    version: 'v1',
    kind: 'RuntimeClass',
    plural: 'runtimeclasses',
    namespaced: false,
  };
  const scheduling = { nodeSelector: { sandbox: 'yes' }, tolerations: [{ key: 'sandbox', operator: 'Exists' }] };
  await client.create(RuntimeClasses, {
    metadata: { name: 'b' },
    handler: 'b',
    overhead: { podFixed: { cpu: '10m' } },
    scheduling,
  } as never);
  const make = async (spec: object): Promise<Record<string, any>> => specOf(await client.create(Pods, pod('a', {}, spec) as never));
  for (const [spec, why] of [
    [{ runtimeClassName: 'c' }, /pod rejected: RuntimeClass "c" not found/],
    [{ overhead: { cpu: '1' } }, /pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead/],
    [{ runtimeClassName: 'b', overhead: { cpu: '1' } }, /pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead/],
    [{ runtimeClassName: 'b', nodeSelector: { sandbox: 'no' } }, /conflict: runtimeClass.scheduling.nodeSelector\[sandbox\] = yes/],
  ] as const)
    await assert.rejects(make(spec), refused('Forbidden', why));
  const { overhead, nodeSelector, tolerations } = await make({ runtimeClassName: 'b' });
  assert.deepEqual([overhead, nodeSelector], [{ cpu: '10m' }, { sandbox: 'yes' }]);
  assert.ok((tolerations as { key: string }[]).some(({ key }) => key === 'sandbox'));
});

test('who writes a NetworkPolicy is told that nothing heeds it', async () => {
  const { registry, at } = await world();
  const policies = at({ group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy', plural: 'networkpolicies', namespaced: true });
  const made = await registry.create(policies, { value: { metadata: { name: 'a' }, spec: { podSelector: {} } } }, {});
  assert.match(made.warnings.join(), /^a NetworkPolicy is kept but not enforced here/);
});

test('a claim without a class gets the newest default', async () => {
  const { client, clock } = await world();
  const claim = (name: string, spec: object = {}): AnyObject => ({
    metadata: { name, namespace: NS },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
  const classOf = async (name: string, spec?: object): Promise<unknown> =>
    specOf(await client.create(Claims, claim(name, spec)))['storageClassName'];
  assert.equal(await classOf('a'), undefined);
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  for (const name of ['one', 'two']) {
    await client.create(StorageClasses, { metadata: { name, annotations }, provisioner: 'example.com/p' } as AnyObject);
    await clock.advance(1000);
  }
  await client.create(StorageClasses, { metadata: { name: 'other' }, provisioner: 'example.com/p' } as AnyObject);
  assert.deepEqual(
    [await classOf('b'), await classOf('c', { storageClassName: '' }), await classOf('d', { storageClassName: 'x' })],
    ['two', '', 'x'],
  );
});

describe('limits of a namespace', () => {
  const range = (...limits: object[]): AnyObject => ({ metadata: { name: 'l', namespace: NS }, spec: { limits } });

  test('containers get what they do not say, and a note tells of it', async () => {
    const { client } = await world();
    await client.create(Limits, range({ type: 'Container', default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '100m' } }));
    const made = await client.create(
      Pods,
      pod('a', resources({ memory: '5Mi' }, { memory: '10Mi' }), { initContainers: [{ name: 'first', image: 'i' }] }) as never,
    );
    const { containers, initContainers } = specOf(made);
    assert.deepEqual(containers[0].resources, { requests: { memory: '5Mi', cpu: '100m' }, limits: { memory: '10Mi', cpu: '1' } });
    assert.deepEqual(initContainers[0].resources.limits, { cpu: '1', memory: '1Gi' });
    assert.match(
      made.metadata!.annotations!['kubernetes.io/limit-ranger']!,
      /^LimitRanger plugin set: cpu(, memory)? request for container app; cpu limit for container app; .*for init container first/,
    );
  });

  for (const [limit, container, message] of [
    [
      { type: 'Container', max: { cpu: '2' } },
      resources({ cpu: '1' }, { cpu: '3' }),
      'maximum cpu usage per Container is 2, but limit is 3',
    ],
    [
      { type: 'Container', min: { memory: '10Mi' } },
      resources({ memory: '1Mi' }),
      'minimum memory usage per Container is 10Mi, but request is 1Mi',
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources({ cpu: '1' }, { cpu: '3' }),
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
    [{ type: 'Pod', max: { cpu: '500m' } }, resources({ cpu: '1' }, { cpu: '1' }), 'maximum cpu usage per Pod is 500m, but limit is 1'],
    [{ type: 'Pod', max: { cpu: '500m' } }, {}, 'maximum cpu usage per Pod is 500m.  No limit is specified'],
    [{ type: 'Container', max: { cpu: '2' } }, resources({ cpu: '1' }, { cpu: '2000m' }), undefined],
  ] as const) {
    test(`${JSON.stringify(limit)}: ${message ?? 'allowed'}`, async () => {
      const { client } = await world();
      await client.create(Limits, range(limit));
      const create = client.create(Pods, pod('a', container) as never);
      if (message === undefined) return void (await create);
      await assert.rejects(create, (error: Error) => {
        assert.equal(error.message, `pods "a" is forbidden: ${message}`);
        return true;
      });
    });
  }
});

describe('quotas', () => {
  const quota = (hard: object, more: object = {}): AnyObject => ({ metadata: { name: 'q', namespace: NS }, spec: { hard, ...more } });

  test('writes are held to them, and their status follows', async () => {
    const { client, clock } = await world();
    const status = async (): Promise<unknown> => {
      await clock.advance(100);
      return ((await client.get(Quotas, { namespace: NS, name: 'q' })) as AnyObject)['status'];
    };
    await client.create(Pods, pod('before', resources({ cpu: '100m', memory: '1Gi' })) as never);
    const hard = {
      pods: '2',
      'requests.cpu': '1',
      'requests.memory': '2Gi',
      'count/configmaps': '1',
      services: '5',
      'services.nodeports': '1',
    };
    await client.create(Quotas, quota(hard));
    const used = {
      pods: '1',
      'requests.cpu': '100m',
      'requests.memory': '1Gi',
      'count/configmaps': '0',
      services: '0',
      'services.nodeports': '0',
    };
    assert.deepEqual(await status(), { hard, used });

    const create = (name: string, requests: object): Promise<unknown> => client.create(Pods, pod(name, resources(requests)) as never);
    await assert.rejects(create('much', { cpu: '2', memory: '1Mi' }), (error: Error) => {
      assert.equal(
        error.message,
        'pods "much" is forbidden: exceeded quota: q, requested: requests.cpu=2, used: requests.cpu=100m, limited: requests.cpu=1',
      );
      return true;
    });
    await assert.rejects(create('mute', { cpu: '1m' }), refused('Forbidden', /failed quota: q: must specify requests\.memory for: app$/));
    await create('fits', { cpu: '200m', memory: '512Mi' });
    await assert.rejects(
      create('third', { cpu: '1m', memory: '1Mi' }),
      refused('Forbidden', /exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2$/),
    );
    await client.create(Services, service('s', { type: 'NodePort' }));
    assert.deepEqual(await status(), {
      hard,
      used: { ...used, pods: '2', 'requests.cpu': '300m', 'requests.memory': '1536Mi', services: '1', 'services.nodeports': '1' },
    });
    await client.delete(Pods, { namespace: NS, name: 'before' });
    await create('third', { cpu: '1m', memory: '1Mi' });
    await client.patch(
      Pods,
      { namespace: NS, name: 'third' },
      { type: 'merge', body: { status: { phase: 'Succeeded' } } },
      { subresource: 'status' },
    );
    await create('fourth', { cpu: '1m', memory: '1Mi' });
    assert.equal(((await status()) as { used: { pods: string } }).used.pods, '2');
  });

  test('of many that come at once no more get through than there is room for', async () => {
    const { client, registry, at } = await world();
    await client.create(Quotas, quota({ configmaps: '3' }));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        registry.create(at({ ...Limits, kind: 'ConfigMap', plural: 'configmaps' }), { value: configMap(`c${i}`) }, {}),
      ),
    );
    assert.equal(outcomes.filter((o) => o.status === 'fulfilled').length, 3);
  });

  test('scopes say which pods count', async () => {
    const { client } = await world();
    await client.create(Quotas, quota({ pods: '0' }, { scopes: ['BestEffort'] }));
    await assert.rejects(client.create(Pods, pod('a') as never), refused('Forbidden', /exceeded quota/));
    await client.create(Pods, pod('b', resources({ cpu: '1' })) as never);
  });
});
