/** Webhooks that run as pods of the instance: what they change and refuse, and what happens when they are gone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { selfSigned } from '../support/certificate.ts';
import { eventually, kill9, kubectl, newInstance, pidOf, type Instance } from '../support/instance.ts';
import { runSteps } from '../support/steps.ts';

let it: Instance;
let ca: string;

/** Says yes, and adds a label to pods and a warning; says no to what is called `bad`, and to exec. */
const SCRIPT = `
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
const tls = { cert: readFileSync('/etc/tls/tls.crt'), key: readFileSync('/etc/tls/tls.key') };
createServer(tls, async (req, res) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  const { request, ...review } = JSON.parse(text);
  const response = { uid: request.uid, allowed: true };
  if (req.url.startsWith('/mutate')) {
    const labels = { ...request.object.metadata.labels, 'seen-by': 'hook', asked: request.userInfo.username };
    response.patchType = 'JSONPatch';
    response.patch = Buffer.from(JSON.stringify([{ op: 'add', path: '/metadata/labels', value: labels }])).toString('base64');
  } else if (request.operation === 'CONNECT') {
    Object.assign(response, { allowed: false, status: { message: 'nobody enters ' + request.name, reason: 'Forbidden', code: 403 } });
  } else if (request.name === 'bad') {
    Object.assign(response, { allowed: false, status: { message: 'bad is no name' } });
  } else response.warnings = ['the hook has seen ' + request.name];
  res.end(JSON.stringify({ ...review, response }));
}).listen(8443);
`;

const workload = (cert: string, key: string): unknown => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'hooks' } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hook', namespace: 'hooks' },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': cert, 'tls.key': key },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'hook', namespace: 'hooks' }, data: { 'hook.mjs': SCRIPT } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'hook', namespace: 'hooks' },
      spec: { selector: { app: 'hook' }, ports: [{ port: 443, targetPort: 8443 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'hook', namespace: 'hooks' },
      spec: {
        selector: { matchLabels: { app: 'hook' } },
        template: {
          metadata: { labels: { app: 'hook' } },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name: 'hook',
                image: 'curlimages/curl:8.16.0',
                command: ['node', '/etc/hook/hook.mjs'],
                readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
                volumeMounts: [
                  { name: 'tls', mountPath: '/etc/tls' },
                  { name: 'script', mountPath: '/etc/hook' },
                ],
              },
            ],
            volumes: [
              { name: 'tls', secret: { secretName: 'hook' } },
              { name: 'script', configMap: { name: 'hook' } },
            ],
          },
        },
      },
    },
  ],
});

const configuration = (kind: string, name: string, path: string, resources: string[], more: object = {}): unknown => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind,
  metadata: { name },
  webhooks: [
    {
      name: `${name}.example.com`,
      rules: [{ operations: ['CREATE', 'CONNECT'], apiGroups: [''], apiVersions: ['v1'], resources }],
      clientConfig: { service: { namespace: 'hooks', name: 'hook', path }, caBundle: Buffer.from(ca).toString('base64') },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      timeoutSeconds: 5,
      ...more,
    },
  ],
});

const apply = (object: unknown): Promise<string> => kubectl(it, 'apply -f -', JSON.stringify(object));

before(async () => {
  it = await newInstance('hooks');
  await it.up();
  const { cert, key } = await selfSigned('hook.hooks.svc');
  ca = cert;
  await apply(workload(cert, key));
  await kubectl(it, '-n hooks rollout status deployment/hook --timeout=30s');
  await apply(configuration('MutatingWebhookConfiguration', 'mark', '/mutate', ['pods']));
  await apply(configuration('ValidatingWebhookConfiguration', 'deny', '/validate', ['configmaps', 'pods/exec']));
});
after(() => it.close());

test('what it changes is stored, what it refuses is not, what it says is shown', async () => {
  await runSteps(it.kubectl, [
    { run: 'run web --image=ghcr.io/stefanprodan/podinfo:6.14.1', out: 'pod/web created' },
    { run: ['get', 'pod', 'web', '-o', 'jsonpath={.metadata.labels.seen-by} {.metadata.labels.asked}'], out: 'hook sluice-admin' },
    { run: 'wait --for=condition=Ready pod/web --timeout=20s' },
    { run: 'create configmap good', out: 'configmap/good created', err: /Warning: the hook has seen good/ },
    {
      run: 'create configmap bad',
      code: 1,
      err: /error: failed to create configmap: admission webhook "deny\.example\.com" denied the request: bad is no name/,
    },
    { run: 'create configmap bad --dry-run=server', code: 1, err: /denied the request: bad is no name/ },
    {
      run: 'exec web -- true',
      code: 1,
      err: /Error from server \(Forbidden\): admission webhook "deny\.example\.com" denied the request: nobody enters web/,
    },
    { run: '-n hooks create configmap bad', out: 'configmap/bad created' },
    { run: 'get validatingwebhookconfigurations', out: /NAME\s+WEBHOOKS\s+AGE\ndeny\s+1/ },
  ]);
});

test('a webhook whose process is killed is called again as soon as it is back', async () => {
  await kubectl(it, '-n hooks delete pod -l app=hook --grace-period=0 --force');
  await eventually('it answers', 20, async () => (await it.kubectl.run(['create', 'configmap', 'later'])).code === 0);
});

test('one that is gone fails requests or lets them pass, as it is told; the instance itself goes on', async () => {
  await kubectl(it, '-n hooks scale deployment/hook --replicas=0');
  await kubectl(it, '-n hooks wait --for=delete pod -l app=hook --timeout=20s');
  const failure =
    /failed calling webhook "deny\.example\.com": failed to call webhook: Post "https:\/\/hook\.hooks\.svc:443\/validate\?timeout=5s": no endpoints available for service "hook"/;
  await eventually('the service is empty', 10, async () => failure.test((await it.kubectl.run(['create', 'configmap', 'fail'])).stderr));
  await apply(configuration('ValidatingWebhookConfiguration', 'deny', '/validate', ['configmaps'], { failurePolicy: 'Ignore' }));
  await kubectl(it, 'create configmap pass');

  // One that is asked about everything, and is not there, must not keep its own instance from coming up, nor itself from removal.
  await apply(
    configuration('ValidatingWebhookConfiguration', 'all', '/validate', ['*/*'], {
      namespaceSelector: {},
      rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }],
    }),
  );
  kill9(await pidOf(it, 'control plane'));
  await it.up();
  assert.equal((await it.kubectl.run(['create', 'configmap', 'no'])).code, 1);
  await kubectl(it, 'delete validatingwebhookconfiguration all');
  await kubectl(it, 'create configmap yes');
});
