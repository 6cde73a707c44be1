/** What the controllers make of what people write, as kubectl shows it: histories, budgets, schedules, numbered jobs, where pods go. */
import { kubectlTable } from './table.ts';

const set = (kind: string, image: string): string => `
apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${kind.toLowerCase()} }
spec:
  ${kind === 'StatefulSet' ? 'serviceName: s' : ''}
  selector: { matchLabels: { set: ${kind} } }
  template:
    metadata: { labels: { set: ${kind} } }
    spec: { containers: [{ name: app, image: "${image}" }] }
`;

const history = (kind: string) => {
  const name = `${kind.toLowerCase()}/${kind.toLowerCase()}`;
  const image = ['get', name, '-o', 'jsonpath={.spec.template.spec.containers[0].image}'];
  return [
    { run: 'apply -f -', input: set(kind, 'img:1'), out: /created/ },
    { run: `rollout status ${name} --timeout=30s`, out: /complete|successfully rolled out/ },
    { run: 'apply -f -', input: set(kind, 'img:2'), out: /configured/ },
    { run: `rollout status ${name} --timeout=30s`, out: /complete|successfully rolled out/ },
    { run: `rollout history ${name}`, out: /REVISION[^]*1 [^]*2 / },
    { run: `rollout history ${name} --revision=1`, out: /Image:\s+img:1/ },
    { run: `rollout undo ${name}`, out: /rolled back/ },
    { run: image, out: 'img:1' },
    { run: `rollout status ${name} --timeout=30s`, out: /complete|successfully rolled out/ },
    { run: `rollout history ${name}`, out: /REVISION[^]*2 [^]*3 / },
    { run: `delete ${name}`, out: /deleted/ },
  ];
};

const FLEETS = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: fleets.sea.example.com }
spec:
  group: sea.example.com
  scope: Namespaced
  names: { plural: fleets, singular: fleet, kind: Fleet }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { scale: { specReplicasPath: .spec.ships, statusReplicasPath: .status.ships, labelSelectorPath: .status.selector } }
      schema:
        openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true }
`;
const FLEET = `
apiVersion: sea.example.com/v1
kind: Fleet
metadata: { name: north }
spec: { ships: 1 }
status: { ships: 1, selector: fleet=north }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: north }
spec: { scaleTargetRef: { apiVersion: sea.example.com/v1, kind: Fleet, name: north }, minReplicas: 3, maxReplicas: 5, metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }] }
`;

kubectlTable(
  {
    "an autoscaler scales a kind of users' own where its definition says": [
      { run: 'apply -f -', input: FLEETS, out: /created/ },
      { run: 'wait crd/fleets.sea.example.com --for=condition=Established --timeout=10s', out: /condition met/ },
      { run: 'apply -f -', input: FLEET, out: /horizontalpodautoscaler.autoscaling\/north created/ },
      { run: ['wait', 'fleet/north', '--for=jsonpath={.spec.ships}=3', '--timeout=20s'], out: /condition met/ },
      { run: 'get fleet north --subresource=scale', out: /NAME\s+DESIRED\s+AVAILABLE\s+AGE\nnorth\s+3\s+1\s/ },
      {
        run: 'describe hpa north',
        out: [
          /Reference:\s+Fleet\/north/,
          /Normal\s+SuccessfulRescale\s.*New size: 3; reason: Current number of replicas below Spec.MinReplicas/,
        ],
      },
    ],
    'a StatefulSet has a history, and can go back': history('StatefulSet'),
    'a DaemonSet has a history, and can go back': history('DaemonSet'),
    'a budget holds a drain up, and says why': [
      { run: 'create deployment guarded --image=img:1 --replicas=2', out: /created/ },
      { run: 'rollout status deployment/guarded --timeout=30s', out: /successfully rolled out/ },
      { run: 'create pdb guard --selector=app=guarded --min-available=2', out: /created/ },
      { run: ['wait', 'pdb/guard', '--for=jsonpath={.status.currentHealthy}=2', '--timeout=20s'], out: /condition met/ },
      { run: 'get pdb guard', out: /guard\s+2\s+N\/A\s+0/ },
      {
        run: 'drain a --ignore-daemonsets --pod-selector=app=guarded --timeout=3s',
        code: 1,
        err: /will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\./,
      },
      { run: ['patch', 'pdb', 'guard', '--type=merge', '-p', '{"spec":{"minAvailable":1}}'], out: /patched/ },
      { run: ['wait', 'pdb/guard', '--for=jsonpath={.status.disruptionsAllowed}=1', '--timeout=20s'], out: /condition met/ },
      { run: 'drain a --ignore-daemonsets --pod-selector=app=guarded --timeout=30s', out: /node\/a drained/ },
      { run: 'rollout status deployment/guarded --timeout=30s', out: /successfully rolled out/ },
      { run: ['get', 'pods', '-l', 'app=guarded', '-o', 'jsonpath={.items[*].spec.nodeName}'], out: 'b b' },
      { run: 'uncordon a', out: /uncordoned/ },
    ],
    'a pod that fits nowhere says why': [
      { run: ['run', 'gpu', '--image=img:1', '--overrides={"spec":{"nodeSelector":{"gpu":"yes"}}}'], out: /created/ },
      { run: ['wait', 'pod/gpu', '--for=condition=PodScheduled=False', '--timeout=20s'], out: /condition met/ },
      {
        run: 'describe pod gpu',
        out: [
          /FailedScheduling.*0\/2 nodes are available: 2 node\(s\) didn't match Pod's node affinity\/selector\./,
          /node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s/,
        ],
      },
      { run: 'label node b gpu=yes', out: /labeled/ },
      { run: ['wait', 'pod/gpu', '--for=condition=Ready', '--timeout=20s'], out: /condition met/ },
    ],
    'schedules and numbered jobs': [
      {
        run: ['create', 'cronjob', 'often', '--image=img:1', '--schedule=often', '--', 'x'],
        code: 1,
        err: /spec\.schedule: Invalid value: "often"/,
      },
      { run: ['create', 'cronjob', 'nightly', '--image=img:1', '--schedule=0 3 * * *', '--restart=Never', '--', 'x'], out: /created/ },
      { run: 'create job by-hand --from=cronjob/nightly', out: /created/ },
      { run: 'wait job/by-hand --for=condition=Complete --timeout=20s', out: /condition met/ },
      {
        run: 'apply -f -',
        input:
          'apiVersion: batch/v1\nkind: Job\nmetadata: { name: parts }\nspec:\n  completionMode: Indexed\n  completions: 3\n  parallelism: 2\n  template: { spec: { restartPolicy: Never, containers: [{ name: c, image: "img:1" }] } }\n',
        out: /created/,
      },
      { run: 'wait job/parts --for=condition=Complete --timeout=20s', out: /condition met/ },
      { run: ['get', 'job', 'parts', '-o', 'jsonpath={.status.completedIndexes} {.status.succeeded}'], out: '0-2 3' },
    ],
  },
  { nodes: ['a', 'b'] },
);
