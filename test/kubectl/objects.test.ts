/** What people do to objects with kubectl, done with the real one. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { runSteps, said, type Step } from '../support/steps.ts';

let api: TestApi;
before(async () => (api = await startTestApi()));
after(() => api.close());

const deployment = (name: string, image: string, more = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: { app: ${name} }
spec:
  replicas: 2
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: app
          image: ${image}
          ports: [{ containerPort: 8080 }]
${more}`;

const CASES: Record<string, readonly Step[]> = {
  'apply creates, changes, and sees when there is nothing to do': [
    { run: 'apply -f -', input: deployment('web', 'img:1'), out: 'deployment.apps/web created' },
    { run: 'apply -f -', input: deployment('web', 'img:1'), out: 'deployment.apps/web unchanged' },
    { run: 'diff -f -', input: deployment('web', 'img:2'), code: 1, out: [/-\s+- image: img:1/, /\+\s+- image: img:2/] },
    { run: 'apply -f -', input: deployment('web', 'img:2'), out: 'deployment.apps/web configured' },
    { run: 'get deploy web -o jsonpath={.spec.template.spec.containers[0].image}', out: 'img:2' },
    { run: 'apply -f - --dry-run=server', input: deployment('other', 'img:1'), out: 'deployment.apps/other created (server dry run)' },
    { run: 'get deploy other', code: 1, err: /deployments.apps "other" not found/ },
    {
      run: 'apply -f -',
      input: deployment('bad', 'img:1', '          imagePullPolicie: Never\n'),
      code: 1,
      err: /unknown field "spec.template.spec.containers\[0\].imagePullPolicie"/,
    },
  ],
  'get prints tables, YAML, JSON, names and paths': [
    { run: 'get deployments', out: [/^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\n/, /\nweb\s+0\/2\s/] },
    { run: 'get deploy web -o wide', out: [/CONTAINERS\s+IMAGES\s+SELECTOR/, /app\s+img:2\s+app=web/] },
    {
      run: 'get deploy web -o yaml',
      out: [/^apiVersion: apps\/v1\nkind: Deployment\n/, /terminationGracePeriodSeconds: 30/, /maxSurge: 25%/],
    },
    { run: 'get deploy -o json', out: [/"kind": "List"/, /"resourceVersion": ""/, /"name": "web"/] },
    { run: 'get deploy -o name', out: 'deployment.apps/web' },
    { run: 'get deploy -l app=web -o name', out: 'deployment.apps/web' },
    { run: 'get deploy -l app!=web -o name', out: '' },
    { run: 'get deploy --field-selector metadata.name=nope -o name', out: '' },
    { run: 'get deploy -A --sort-by=.metadata.name --no-headers', out: /^default\s+web\s/ },
    { run: 'get deploy -o custom-columns=N:.metadata.name,I:.spec.template.spec.containers[*].image', out: /web\s+img:2/ },
    { run: 'get nothings', code: 1, err: /the server doesn't have a resource type "nothings"/ },
    { run: 'get all', out: /deployment.apps\/web/ },
  ],
  'describe, events': [
    { run: 'describe deploy web', out: [/^Name:\s+web/, /Image:\s+img:2/, /Replicas:\s+2 desired/] },
    { run: 'events', err: /No events found/ },
  ],
  'the three kinds of patch': [
    {
      run: [
        'patch',
        'deploy',
        'web',
        '-p',
        '{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"A","value":"1"}]}]}}}}',
      ],
      out: /patched/,
    },
    { run: ['patch', 'deploy', 'web', '--type=merge', '-p', '{"metadata":{"annotations":{"a":"b"}}}'], out: /patched/ },
    { run: ['patch', 'deploy', 'web', '--type=json', '-p', '[{"op":"replace","path":"/spec/replicas","value":5}]'], out: /patched/ },
    {
      run: [
        'get',
        'deploy',
        'web',
        '-o',
        'jsonpath={.spec.replicas} {.metadata.annotations.a} {.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].value}',
      ],
      out: '5 b img:2 1',
    },
    { run: ['patch', 'deploy', 'web', '--type=json', '-p', '[{"op":"test","path":"/spec/replicas","value":9}]'], code: 1 },
  ],
  'label, annotate, scale, set image': [
    { run: 'label deploy web tier=front', out: 'deployment.apps/web labeled' },
    { run: 'label deploy web tier=back', code: 1, err: /already has a value/ },
    { run: 'label deploy web tier-', out: 'deployment.apps/web unlabeled' },
    { run: 'annotate deploy web note=hello', out: 'deployment.apps/web annotated' },
    { run: 'scale deploy web --replicas=3', out: 'deployment.apps/web scaled' },
    { run: 'scale deploy web --current-replicas=9 --replicas=3', code: 1, err: /Expected replicas to be 9, was 3/ },
    { run: 'set image deploy/web app=img:3', out: 'deployment.apps/web image updated' },
    {
      run: 'get deploy web -o jsonpath={.spec.replicas}-{.metadata.annotations.note}-{.spec.template.spec.containers[0].image}',
      out: '3-hello-img:3',
    },
  ],
  'create by the generators, which send protobuf': [
    { run: 'create deployment gen --image=img:1 --replicas=0 --port=80', out: 'deployment.apps/gen created' },
    {
      run: 'get deploy gen -o jsonpath={.spec.replicas}-{.spec.template.spec.containers[0].ports[0].containerPort}-{.spec.revisionHistoryLimit}',
      out: '0-80-10',
    },
    { run: 'create configmap conf --from-literal=a=b', out: 'configmap/conf created' },
    { run: 'create secret generic cred --from-literal=user=me', out: 'secret/cred created' },
    { run: 'get secret cred -o jsonpath={.data.user}', out: Buffer.from('me').toString('base64') },
    { run: 'create serviceaccount robot', out: 'serviceaccount/robot created' },
    { run: 'create namespace more', out: 'namespace/more created' },
    { run: 'create configmap conf --from-literal=a=b', code: 1, err: /configmaps "conf" already exists/ },
    { run: 'expose deploy web --port=80 --target-port=8080', out: 'service/web exposed' },
    { run: 'get svc web -o jsonpath={.spec.type}:{.spec.ports[0].targetPort}', out: 'ClusterIP:8080' },
    { run: 'autoscale deploy web --min=1 --max=3 --cpu=50%', out: /autoscaled/ },
  ],
  'apply on the server: fields have owners': [
    {
      run: 'apply --server-side -f -',
      input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ssa }\ndata: { a: "1", b: "1" }',
      out: 'configmap/ssa serverside-applied',
    },
    {
      run: 'apply --server-side --field-manager=other -f -',
      input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ssa }\ndata: { a: "2" }',
      code: 1,
      err: /conflict with "kubectl": \.data\.a/,
    },
    {
      run: 'apply --server-side --field-manager=other --force-conflicts -f -',
      input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ssa }\ndata: { a: "2" }',
      out: /applied/,
    },
    { run: 'get cm ssa -o jsonpath={.data.a}{.data.b}', out: '21' },
    { run: 'get cm ssa -o yaml --show-managed-fields', out: [/manager: other/, /operation: Apply/, /f:b: \{\}/] },
  ],
  'custom kinds: Istio and Flagger': [
    {
      run: 'apply -f -',
      input:
        'apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: { name: web }\nspec: { hosts: [web], http: [{ route: [{ destination: { host: web } }] }] }',
      out: /virtualservice.networking.istio.io\/web created/,
    },
    { run: 'get vs', out: /^NAME\s+GATEWAYS\s+HOSTS\s+AGE\nweb\s+\["web"\]/ },
    { run: ['patch', 'vs', 'web', '--type=merge', '-p', '{"spec":{"hosts":["web","shop"]}}'], out: /patched/ },
    { run: 'get virtualservices.networking.istio.io web -o jsonpath={.spec.hosts}', out: '["web","shop"]' },
  ],
  'what the server is and knows': [
    { run: 'version', out: /Server Version: v1\.35\.2/ },
    {
      run: 'api-resources',
      out: [/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/, /canaries\s.*flagger\.app\/v1beta1\s+true\s+Canary/],
    },
    { run: 'api-versions', out: /apps\/v1\n/ },
    { run: 'explain deployment.spec.replicas', out: [/KIND:\s+Deployment/, /FIELD: replicas <integer>/] },
    { run: 'auth can-i create pods', out: 'yes' },
    { run: 'auth can-i --list', out: /\*\.\*\s+\[\]\s+\[\]\s+\[\*\]/ },
    { run: 'auth whoami -o jsonpath={.status.userInfo.username}', out: 'sluice-admin' },
    { run: 'get --raw /readyz', out: 'ok' },
  ],
  'replace and delete': [
    {
      run: 'replace -f -',
      input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: conf }\ndata: { c: d }',
      out: 'configmap/conf replaced',
    },
    { run: 'get cm conf -o jsonpath={.data}', out: '{"c":"d"}' },
    { run: 'delete cm conf ssa', out: /configmap "conf" deleted.*\nconfigmap "ssa" deleted/ },
    { run: 'delete deploy -l app=web', out: /deployment.apps "web" deleted/ },
    { run: 'delete deploy web', code: 1, err: /NotFound/ },
    { run: 'delete deploy web --ignore-not-found', out: '' },
    { run: 'delete svc --all', out: /"web" deleted/ },
  ],
};

for (const [what, steps] of Object.entries(CASES)) test(what, () => runSteps(api.kubectl, steps));

test('edit saves what an editor changed', async () => {
  const editor = join(api.dir, 'editor.sh');
  writeFileSync(editor, '#!/bin/sh\nsed -i "s/before/after/" "$1"\n');
  chmodSync(editor, 0o755);
  await runSteps(api.kubectl, [
    { run: 'create configmap edited --from-literal=k=before' },
    { run: 'edit cm edited', env: { KUBE_EDITOR: editor }, out: 'configmap/edited edited' },
    { run: 'get cm edited -o jsonpath={.data.k}', out: 'after' },
  ]);
});

test('get -w shows changes as they come', async () => {
  await runSteps(api.kubectl, [{ run: 'create configmap seen --from-literal=a=1' }]);
  const watching = api.kubectl.start(['get', 'cm', '-w', '--field-selector', 'metadata.name=seen']);
  try {
    await said(watching.stdout!, /^NAME\s+DATA\s+AGE\nseen\s+1\s.*\n/);
    const changed = said(watching.stdout!, /^seen\s+2\s.*\n/);
    await runSteps(api.kubectl, [{ run: ['patch', 'cm', 'seen', '-p', '{"data":{"b":"2"}}'] }]);
    await changed;
  } finally {
    watching.kill();
  }
});
