/** `kubectl rollout` against ReplicaSets that were put there by hand. */
import { after, before, test } from 'node:test';
import { Deployments, ReplicaSets } from '../../src/api/index.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { runSteps } from '../support/steps.ts';

let api: TestApi;
before(async () => (api = await startTestApi()));
after(() => api.close());

const template = (image: string, hash?: string) => ({
  metadata: { labels: { app: 'web', ...(hash ? { 'pod-template-hash': hash } : {}) } },
  spec: { containers: [{ name: 'app', image }] },
});

test('status waits for what is rolled out, history and undo read the ReplicaSets', async () => {
  const namespace = 'default';
  const deployment = await api.client.create(Deployments, {
    metadata: { name: 'web', namespace, annotations: { 'deployment.kubernetes.io/revision': '2' } },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: template('img:2') },
  });
  for (const [revision, image] of [
    ['1', 'img:1'],
    ['2', 'img:2'],
  ] as const) {
    await api.client.create(ReplicaSets, {
      metadata: {
        name: `web-${revision}`,
        namespace,
        labels: { app: 'web' },
        annotations: { 'deployment.kubernetes.io/revision': revision },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: deployment.metadata!.uid!, controller: true }],
      },
      spec: {
        replicas: revision === '2' ? 1 : 0,
        selector: { matchLabels: { app: 'web', 'pod-template-hash': revision } },
        template: template(image, revision),
      },
    });
  }
  const status = (ready: number): object => ({
    status: {
      observedGeneration: deployment.metadata!.generation,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: ready,
      availableReplicas: ready,
    },
  });
  const report = (ready: number) =>
    api.client.patch(Deployments, { namespace, name: 'web' }, { type: 'merge', body: status(ready) }, { subresource: 'status' });
  await report(0);
  setTimeout(() => void report(1), 500);
  await runSteps(api.kubectl, [
    {
      run: 'rollout status deploy/web --timeout=10s',
      out: [/Waiting for deployment "web" rollout to finish: 0 of 1/, /successfully rolled out/],
    },
    { run: 'rollout history deploy/web', out: /REVISION\s+CHANGE-CAUSE\n1\s+<none>\n2\s+<none>/ },
    { run: 'rollout undo deploy/web', out: 'deployment.apps/web rolled back' },
    { run: 'get deploy web -o jsonpath={.spec.template.spec.containers[0].image}', out: 'img:1' },
    { run: 'rollout restart deploy/web', out: 'deployment.apps/web restarted' },
    { run: ['get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.metadata.annotations}'], out: /restartedAt/ },
    { run: 'rollout pause deploy/web', out: 'deployment.apps/web paused' },
    { run: 'wait deploy/web --for=jsonpath={.spec.paused}=true --timeout=5s', out: /condition met/ },
  ]);
});
