/** Policies, quotas and limits as people set them up with kubectl, and what they are told. */
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { runSteps } from '../support/steps.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.close());

const POLICY = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: few }
spec:
  matchConstraints:
    resourceRules:
      - { apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments, deployments/scale] }
  paramKind: { apiVersion: v1, kind: ConfigMap }
  variables:
    - { name: most, expression: 'params == null ? 3 : int(params.data.most)' }
  validations:
    - expression: object.spec.replicas <= variables.most
      messageExpression: "'at most ' + string(variables.most) + ' replicas'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: everywhere }
spec: { policyName: few, validationActions: [Deny] }
`;

test('a policy with its binding', async () => {
  await runSteps(api.kubectl, [
    { run: 'apply -f -', input: POLICY, out: /few created\n.*everywhere created/ },
    { run: 'get vap', code: 1, err: /the server doesn't have a resource type "vap"/ },
    { run: 'get validatingadmissionpolicies', out: /NAME\s+VALIDATIONS\s+PARAMKIND\s+AGE\nfew\s+1\s+v1\/ConfigMap/ },
    { run: 'get validatingadmissionpolicybindings', out: /NAME\s+POLICYNAME\s+PARAMREF\s+AGE\neverywhere\s+few\s+<unset>/ },
    { run: 'create deployment web --image=i --replicas=3', out: 'deployment.apps/web created' },
    {
      run: 'create deployment big --image=i --replicas=4',
      code: 1,
      err: /deployments\.apps "big" is forbidden: ValidatingAdmissionPolicy 'few' with binding 'everywhere' denied request: at most 3 replicas/,
    },
    { run: 'scale deployment web --replicas=9', code: 1, err: /denied request: at most 3 replicas/ },
    { run: 'create configmap limits --from-literal=most=10' },
    {
      run: [
        'patch',
        'validatingadmissionpolicybinding',
        'everywhere',
        '--type=merge',
        '-p',
        '{"spec":{"paramRef":{"name":"limits","parameterNotFoundAction":"Deny"}}}',
      ],
      code: 0,
    },
    { run: 'scale deployment web --replicas=9', out: /web scaled/ },
    {
      run: ['patch', 'validatingadmissionpolicybinding', 'everywhere', '--type=merge', '-p', '{"spec":{"validationActions":["Warn"]}}'],
      code: 0,
    },
    {
      run: 'scale deployment web --replicas=11',
      out: /web scaled/,
      err: /Warning: Validation failed for ValidatingAdmissionPolicy 'few' with binding 'everywhere': at most 10 replicas/,
    },
    {
      run: 'apply -f -',
      input: POLICY.replace('object.spec.replicas', 'objekt.replicas'),
      code: 1,
      err: /compilation failed: ERROR: <input>:1:1: undeclared reference to 'objekt'/,
    },
    { run: 'delete validatingadmissionpolicy few', out: /deleted/ },
    {
      run: 'explain validatingwebhookconfiguration.webhooks.clientConfig.service',
      out: [/namespace\s+<string> -required-/, /port\s+<integer>/],
    },
  ]);
});

test('a quota, a limit range and a priority', async () => {
  const limits = JSON.stringify({
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'usual', namespace: 'small' },
    spec: { limits: [{ type: 'Container', default: { memory: '64Mi' }, defaultRequest: { memory: '32Mi' }, max: { memory: '1Gi' } }] },
  });
  await runSteps(api.kubectl, [
    { run: 'create namespace small' },
    { run: '-n small create quota all --hard=pods=2,requests.memory=80Mi,count/deployments.apps=1', out: 'resourcequota/all created' },
    {
      run: '-n small run mute --image=i',
      code: 1,
      err: /pods "mute" is forbidden: failed quota: all: must specify requests\.memory for: mute/,
    },
    { run: 'apply -f -', input: limits },
    { run: '-n small run one --image=i', out: 'pod/one created' },
    {
      run: ['-n', 'small', 'get', 'pod', 'one', '-o', 'jsonpath={.spec.containers[0].resources} {.spec.priority}'],
      out: '{"limits":{"memory":"64Mi"},"requests":{"memory":"32Mi"}} 0',
    },
    { run: '-n small run two --image=i', out: 'pod/two created' },
    {
      run: '-n small run three --image=i',
      code: 1,
      err: /pods "three" is forbidden: exceeded quota: all, requested: pods=1,requests\.memory=32Mi, used: pods=2,requests\.memory=64Mi, limited: pods=2,requests\.memory=80Mi/,
    },
    { run: '-n small create deployment d --image=i --replicas=0' },
    {
      run: '-n small create deployment e --image=i --replicas=0',
      code: 1,
      err: /exceeded quota: all, requested: count\/deployments\.apps=1, used: count\/deployments\.apps=1, limited: count\/deployments\.apps=1/,
    },
    { run: '-n small get quota all', out: /count\/deployments\.apps: 1\/1, pods: 2\/2, requests\.memory: 64Mi\/80Mi/ },
    { run: '-n small describe quota all', out: [/pods\s+2\s+2/, /requests\.memory\s+64Mi\s+80Mi/] },
    { run: '-n small delete pod two --now' },
    { run: '-n small run three --image=i', out: 'pod/three created' },
    { run: 'create priorityclass high --value=1000', out: /high created/ },
    {
      run: ['-n', 'small', 'run', 'none', '--image=i', '--overrides={"spec":{"priorityClassName":"nothing"}}'],
      code: 1,
      err: /no PriorityClass with name nothing was found/,
    },
    {
      run: 'get --raw /metrics',
      out: [
        /^apiserver_request_total\{verb="POST",group="",version="v1",resource="pods".*code="403"\} 3$/m,
        /^apiserver_storage_objects\{resource="pods"\} 2$/m,
      ],
    },
  ]);
});
