/** What people look at with kubectl. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { said, runSteps } from '../support/steps.ts';
import { deployment } from './manifests.ts';
import { kubectlTable } from './table.ts';

const api = kubectlTable(
  {
    'what the server is and knows': [
      { run: 'version', out: /Server Version: v1\.35\.2/ },
      { run: 'version -o yaml', out: [/serverVersion:/, /minor: "35"/, /platform: linux\/amd64/] },
      { run: 'cluster-info', out: /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/ },
      { run: 'api-versions', out: [/^apps\/v1$/m, /^v1$/m, /^flagger\.app\/v1beta1$/m, /^rbac\.authorization\.k8s\.io\/v1$/m] },
      {
        run: 'api-resources',
        out: [/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/, /canaries\s.*flagger\.app\/v1beta1\s+true\s+Canary/],
      },
      { run: 'api-resources --api-group=apps -o name', out: [/^deployments\.apps$/m, /^statefulsets\.apps$/m] },
      { run: 'api-resources --namespaced=false --verbs=list,get --sort-by=name --no-headers', out: [/^namespaces\s+ns\s+v1\s+false/m] },
      {
        run: 'api-resources --categories=all -o wide',
        out: [/\npods\s+po\s+v1\s+true\s+Pod\s+create,delete,deletecollection,get,list,patch,update,watch\s+all/],
      },
      { run: 'get --raw /readyz', out: 'ok' },
      { run: 'get --raw /readyz?verbose', out: /^\[\+\]ping ok\n[\s\S]*readyz check passed/ },
      { run: 'get --raw /version', out: /"gitVersion": ?"v1\.35\.2"/ },
      { run: 'get --raw /api/v1/namespaces/default', out: /"kind":"Namespace"/ },
      { run: 'get --raw /nothing', code: 1, err: /the server could not find the requested resource/ },
    ],
    'explain reads the schema': [
      {
        run: 'explain deployment.spec.replicas',
        out: [/GROUP:\s+apps/, /KIND:\s+Deployment/, /VERSION:\s+v1/, /FIELD: replicas <integer>/],
      },
      { run: 'explain pods.spec.containers', out: [/FIELD: containers <\[\]Container>/, /image\t<string>/] },
      { run: 'explain svc --recursive', out: /FIELDS:[\s\S]*ports\t<\[\]ServicePort>[\s\S]*targetPort/ },
      { run: 'explain hpa --api-version=autoscaling/v2', out: /VERSION:\s+v2/ },
      { run: 'explain canary.spec.analysis', out: [/GROUP:\s+flagger\.app/, /stepWeight/] },
      { run: 'explain deployment.spec.nothing', code: 1, err: /field "nothing" does not exist/ },
      { run: 'explain nothings', code: 1, err: /the server doesn't have a resource type "nothings"/ },
    ],
    'get prints tables, YAML, JSON, names, paths and templates': [
      { run: 'apply -f -', input: deployment('web', 'img:2'), out: 'deployment.apps/web created' },
      { run: 'rollout status deploy/web --timeout=10s', out: /successfully rolled out/ },
      { run: 'get deployments', out: [/^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\n/, /\nweb\s+2\/2\s/] },
      { run: 'get deploy web -o wide', out: [/CONTAINERS\s+IMAGES\s+SELECTOR/, /app\s+img:2\s+app=web/] },
      {
        run: 'get pods -o wide',
        out: [
          /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\s+IP\s+NODE/,
          /(web-\S+\s+1\/1\s+Running\s+0\s+\S+\s+10\.244\.0\.\d+\s+[ab]\s.*\n){2}/,
        ],
      },
      { run: 'get nodes', out: /^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\na\s+Ready\s+<none>/ },
      {
        run: 'get deploy web -o yaml',
        out: [/^apiVersion: apps\/v1\nkind: Deployment\n/, /terminationGracePeriodSeconds: 30/, /maxSurge: 25%/],
      },
      { run: 'get deploy -o json', out: [/"kind": "List"/, /"resourceVersion": ""/, /"name": "web"/] },
      { run: 'get deploy/web svc/kubernetes --ignore-not-found -o name', out: 'deployment.apps/web' },
      { run: 'get deploy web -o jsonpath={.spec.template.spec.containers[0].image}', out: 'img:2' },
      { run: 'get deploy web -o jsonpath={.spec.template.spec.containers[?(@.name=="app")].ports[*].containerPort}', out: '8080' },
      { run: 'get deploy web -o go-template={{.metadata.name}}:{{.spec.replicas}}', out: 'web:2' },
      { run: 'get deploy -o custom-columns=N:.metadata.name,I:.spec.template.spec.containers[*].image', out: /^N\s+I\nweb\s+img:2/ },
      { run: 'get deploy web --show-labels', out: /LABELS\nweb\s.*app=web/ },
      { run: 'get pods -L app --no-headers', out: /^web-\S+\s+1\/1\s+Running\s+0\s+\S+\s+web$/m },
      { run: 'get deploy web --show-kind', out: /deployment\.apps\/web/ },
      {
        run: 'get deploy web -o yaml --show-managed-fields',
        out: [/manager: kubectl-client-side-apply/, /f:replicas: \{\}/, /subresource: status/],
      },
      { run: 'get deploy web --subresource=status -o jsonpath={.status.readyReplicas}', out: '2' },
      { run: 'get deploy web --subresource=scale', out: /NAME\s+DESIRED\s+AVAILABLE\s+AGE\nweb\s+2\s+2\s/ },
      { run: 'get deploy -A --sort-by=.metadata.name --no-headers', out: /^default\s+web\s/ },
      { run: 'get pods --chunk-size=1 --no-headers', out: /^(web-.*\n){2}$/ },
      { run: 'get all', out: [/^pod\/web-/m, /^deployment\.apps\/web/m, /^replicaset\.apps\/web-/m] },
      { run: 'get pods,deploy --no-headers', out: [/^pod\/web-/, /^deployment\.apps\/web/m] },
      { run: 'get -f -', input: deployment('web', 'img:2'), out: /web\s+2\/2/ },
      { run: 'get pods -n none', err: /No resources found in none namespace/ },
      { run: 'get nothings', code: 1, err: /the server doesn't have a resource type "nothings"/ },
      { run: 'get deploy nothing', code: 1, err: /deployments.apps "nothing" not found/ },
      { run: 'get deploy.v1.apps/web -o name', out: 'deployment.apps/web' },
      { run: 'get hpa.v2.autoscaling', err: /No resources found/ },
    ],
    'get by selectors': [
      { run: 'get deploy -l app=web -o name', out: 'deployment.apps/web' },
      { run: ['get', 'deploy', '-l', 'app in (web,shop),!old', '-o', 'name'], out: 'deployment.apps/web' },
      { run: 'get deploy -l app!=web -o name', out: '' },
      { run: 'get deploy --field-selector metadata.name=nope -o name', out: '' },
      { run: 'get pods --field-selector status.phase=Running -o name', out: /^(pod\/web-\S+\n){2}$/ },
      { run: 'get pods --field-selector status.phase!=Running,spec.nodeName=a -o name', out: '' },
      { run: 'get pods --field-selector spec.foo=1', code: 1, err: /field label not supported: spec\.foo/ },
      { run: ['get', 'deploy', '-l', 'a=b=c'], code: 1, err: /unable to parse|found '='|invalid/ },
    ],
    'describe every common kind': [
      {
        run: 'apply -f -',
        input: `
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: conf }, data: { colour: green } }
  - { apiVersion: v1, kind: Secret, metadata: { name: cred }, stringData: { word: sesame } }
  - { apiVersion: v1, kind: Service, metadata: { name: web }, spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] } }
  - { apiVersion: v1, kind: PersistentVolumeClaim, metadata: { name: disk }, spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } } }
  - { apiVersion: v1, kind: ResourceQuota, metadata: { name: bound }, spec: { hard: { pods: "90" } } }
  - { apiVersion: v1, kind: LimitRange, metadata: { name: range }, spec: { limits: [{ type: Container, default: { cpu: 500m } }] } }
  - { apiVersion: batch/v1, kind: Job, metadata: { name: once }, spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: img }] } } } }
  - { apiVersion: batch/v1, kind: CronJob, metadata: { name: nightly }, spec: { schedule: "0 3 * * *", jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: img }] } } } } } }
  - { apiVersion: apps/v1, kind: StatefulSet, metadata: { name: db }, spec: { serviceName: db, selector: { matchLabels: { app: db } }, template: { metadata: { labels: { app: db } }, spec: { containers: [{ name: c, image: img }] } } } }
  - { apiVersion: apps/v1, kind: DaemonSet, metadata: { name: every }, spec: { selector: { matchLabels: { app: every } }, template: { metadata: { labels: { app: every } }, spec: { containers: [{ name: c, image: img }] } } } }
  - { apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: { name: way }, spec: { ingressClassName: nginx, rules: [{ host: web.example, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] } }] } }
  - { apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: wall }, spec: { podSelector: { matchLabels: { app: web } }, ingress: [{ from: [{ podSelector: {} }] }] } }
  - { apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: { name: web }, spec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, maxReplicas: 4, metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }] } }
  - { apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: { name: web }, spec: { minAvailable: 1, selector: { matchLabels: { app: web } } } }
  - { apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: { name: reader }, rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }] }
  - { apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: { name: reader }, roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }, subjects: [{ kind: ServiceAccount, name: default }] }
  - { apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: { name: urgent }, value: 1000 }
  - { apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: { name: fast }, provisioner: example.com/none }
`,
        out: /job.batch\/once created/,
      },
      { run: 'wait job/once --for=condition=complete --timeout=10s', out: 'job.batch/once condition met' },
      {
        run: 'describe deploy web',
        out: [/^Name:\s+web/, /Image:\s+img:2/, /Replicas:\s+2 desired \| 2 updated \| 2 total \| 2 available/, /ScalingReplicaSet/],
      },
      {
        run: 'describe pods -l app=web',
        out: [/Status:\s+Running/, /Ready\s+True/, /QoS Class:\s+BestEffort/, /Successfully assigned default\/web-/],
      },
      { run: 'describe rs', out: /Controlled By:\s+Deployment\/web/ },
      { run: 'describe svc web', out: [/Selector:\s+app=web/, /IP:\s+10\.96\./, /Endpoints:\s+10\.244\.0\.\d+:8080,10\.244\./] },
      { run: 'describe endpointslices', out: /AddressType:\s+IPv4/ },
      { run: 'describe node a', out: [/Roles:\s+<none>/, /Capacity:\n\s+cpu:\s+4/, /Non-terminated Pods:/, /Allocated resources:/] },
      { run: 'describe ns default', out: [/Status:\s+Active/, /Resource Quotas\n\s+Name:\s+bound/, /Resource Limits/] },
      { run: 'describe cm conf', out: /colour:\n----\ngreen/ },
      { run: 'describe secret cred', out: /word:\s+6 bytes/ },
      { run: 'describe sa default', out: /Name:\s+default/ },
      { run: 'describe pvc disk', out: /Status:\s+(Pending|Bound)/ },
      { run: 'describe quota bound', out: /pods\s+\d+\s+90/ },
      { run: 'describe limits range', out: /Container\s+cpu\s+-\s+-\s+500m\s+500m/ },
      { run: 'describe job once', out: [/Pods Statuses:\s+0 Active.*1 Succeeded/, /Completed/] },
      { run: 'describe cronjob nightly', out: /Schedule:\s+0 3 \* \* \*/ },
      { run: 'describe sts db', out: /Pods Status:\s+1 Running/ },
      { run: 'describe ds every', out: /Desired Number of Nodes Scheduled: 2/ },
      { run: 'describe ingress way', out: /web\.example\s+\n\s+\/\s+web:80 \(10\.244/ },
      { run: 'describe netpol wall', out: /PodSelector:\s+app=web/ },
      { run: 'describe hpa web', out: [/Reference:\s+Deployment\/web/, /Max replicas:\s+4/] },
      { run: 'describe pdb web', out: /Min available:\s+1/ },
      { run: 'describe role reader', out: /pods\s+\[\]\s+\[\]\s+\[get\]/ },
      { run: 'describe rolebinding reader', out: /ServiceAccount\s+default/ },
      { run: 'describe priorityclass urgent', out: /Value:\s+1000/ },
      { run: 'describe sc fast', out: /Provisioner:\s+example\.com\/none/ },
      { run: 'describe crd canaries.flagger.app', out: [/Group:\s+flagger\.app/, /Kind:\s+Canary/] },
      { run: 'describe deploy nothing', code: 1, err: /"nothing" not found/ },
    ],
    events: [
      { run: 'events', out: [/^LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE\n/, /Normal\s+ScalingReplicaSet\s+Deployment\/web/] },
      {
        run: 'events --for deployment/web --types=Normal --no-headers',
        out: /^\S+\s+(\(.*\)\s+)?Normal\s+ScalingReplicaSet\s+Deployment\/web/,
      },
      { run: 'events --types=Warning --for deployment/web', err: /No events found/ },
      { run: 'get events --field-selector involvedObject.kind=Deployment,reason=ScalingReplicaSet', out: /deployment\/web/ },
      { run: 'get events.events.k8s.io', out: /ScalingReplicaSet/ },
    ],
    'cluster-info dump': [
      { run: 'cluster-info dump --namespaces default --output-directory=dump', out: /Cluster info dumped to dump/ },
      { run: 'get -f dump/default/deployments.json', out: /web\s+2\/2/ },
    ],
    'config and completion are local': [
      { run: 'config current-context', out: 'sluice' },
      { run: 'config get-contexts -o name', out: 'sluice' },
      { run: 'config get-clusters', out: /^NAME\nsluice/ },
      { run: 'config view --minify -o jsonpath={.contexts[0].name}', out: 'sluice' },
      { run: 'config set-context --current --namespace=kube-system', out: /modified/ },
      { run: 'get deploy', err: /No resources found in kube-system namespace/ },
      { run: 'config set-context --current --namespace=default', out: /modified/ },
      { run: 'completion bash', out: /__start_kubectl/ },
      { run: '__complete get deploy w', out: /^web\n/ },
      { run: '__complete get namesp', out: /^namespaces/ },
    ],
  },
  { nodes: ['a', 'b'] },
);

test('get -w shows changes as they come', async () => {
  const { kubectl } = api();
  await runSteps(kubectl, [{ run: 'create configmap seen --from-literal=a=1' }]);
  const watching = kubectl.start(['get', 'cm', '-w', '--field-selector', 'metadata.name=seen']);
  const only = kubectl.start(['get', 'cm', '--watch-only', '--output-watch-events', '--field-selector', 'metadata.name=seen']);
  try {
    await said(watching.stdout!, /^NAME\s+DATA\s+AGE\nseen\s+1\s.*\n/);
    const changed = [said(watching.stdout!, /^seen\s+2\s.*\n/), said(only.stdout!, /MODIFIED\s+seen\s+2\s/)];
    await runSteps(kubectl, [{ run: ['patch', 'cm', 'seen', '-p', '{"data":{"b":"2"}}'] }]);
    await Promise.all(changed);
    const gone = said(only.stdout!, /DELETED\s+seen\s/);
    await runSteps(kubectl, [{ run: 'delete cm seen' }]);
    await gone;
  } finally {
    watching.kill();
    only.kill();
  }
});

test('events -w shows events as they come', async () => {
  const { kubectl } = api();
  const watching = kubectl.start(['events', '-w', '--for', 'deployment/web']);
  try {
    const scaled = said(watching.stdout!, /Scaled up replica set web-\S+ from 2 to 3/);
    await runSteps(kubectl, [{ run: 'scale deploy web --replicas=3' }]);
    await scaled;
  } finally {
    watching.kill();
  }
});

test('proxy hands requests on with the credentials of the kubeconfig', async () => {
  const proxy = api().kubectl.start(['proxy', '--port=0']);
  try {
    const port = /127\.0\.0\.1:(\d+)/.exec(await said(proxy.stdout!, /Starting to serve on .*\n/))?.[1];
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/default`);
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { kind: string }).kind, 'Namespace');
  } finally {
    proxy.kill();
  }
});
