/** Claims of storage: a directory for each, which outlives pods and the instance's ups and downs, and goes with its claim. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';

let it: Instance;
before(async () => {
  it = await newInstance('volumes');
  await it.up();
});
after(() => it.close());

const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
const set = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db' },
  spec: {
    serviceName: 'db',
    replicas: 2,
    selector: { matchLabels: { app: 'db' } },
    template: {
      metadata: { labels: { app: 'db' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'app',
            image: 'curlimages/curl:8.16.0',
            command: idle,
            volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'inner' }],
          },
        ],
      },
    },
    volumeClaimTemplates: [
      { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
    ],
  },
};
const sh = (pod: string, script: string): Promise<string> => kubectl(it, ['exec', pod, '--', 'sh', '-c', script]);

test('a StatefulSet has a volume for each of its pods', async () => {
  await kubectl(it, 'apply -f -', JSON.stringify(set));
  await kubectl(it, 'rollout status statefulset/db --timeout=20s');
  for (const pod of ['db-0', 'db-1']) await sh(pod, `echo "of ${pod}" > /data/file`);
  assert.match(await kubectl(it, 'get pvc --no-headers'), /^data-db-0 +Bound +pvc-\S+ +1Gi +RWO +standard .*\ndata-db-1 +Bound/);
  assert.match(await kubectl(it, 'get pv --no-headers'), /1Gi +RWO +Delete +Bound +default\/data-db-[01] +standard/);
  assert.match(await kubectl(it, 'get storageclass'), /standard \(default\)/);
});

test('its data outlives the pod, and a down and up of the instance', async () => {
  await kubectl(it, 'delete pod db-0');
  await kubectl(it, 'wait pod/db-0 --for=condition=Ready --timeout=20s');
  assert.equal(await sh('db-0', 'cat /data/file'), 'of db-0\n');
  assert.equal((await it.sluice(['down'])).code, 0);
  await it.up();
  await kubectl(it, 'wait pod/db-0 pod/db-1 --for=condition=Ready --timeout=30s');
  assert.equal(await sh('db-1', 'cat /data/file'), 'of db-1\n');
});

test('a pod whose claim is not there waits and says so', async () => {
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'absent' } }];
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'waiting' },
    spec: { volumes, containers: [{ name: 'app', image: 'curl', command: idle }] },
  };
  await kubectl(it, 'apply -f -', JSON.stringify(pod));
  await eventually('it says so', 5, async () =>
    (await kubectl(it, 'get events --field-selector=involvedObject.name=waiting -o jsonpath={.items[*].message}')).includes(
      'persistentvolumeclaim "absent" not found',
    ),
  );
  const pvc = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'absent' },
    spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Mi' } } },
  };
  await kubectl(it, 'apply -f -', JSON.stringify(pvc));
  await kubectl(it, 'wait pod/waiting --for=condition=Ready --timeout=20s');
});

test('a claim in use stays until its pod is gone; then its volume and its files go', async () => {
  const volume = await kubectl(it, 'get pvc absent -o jsonpath={.spec.volumeName}');
  const path = await kubectl(it, `get pv ${volume} -o jsonpath={.spec.hostPath.path}`);
  assert.ok(existsSync(path), path);
  await kubectl(it, 'delete pvc absent --wait=false');
  assert.match(await kubectl(it, 'get pvc absent --no-headers'), /Terminating/);
  await kubectl(it, 'delete pod waiting --grace-period=1');
  await kubectl(it, 'wait pvc/absent --for=delete --timeout=10s');
  await eventually('the directory is gone', 5, async () => !existsSync(path));
});
