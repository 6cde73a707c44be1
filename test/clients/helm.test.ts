/**
 * The life of a release, with the real helm, which applies on the server and waits by watching: three charts shaped like public
 * ones (`charts/`), on nodes that run nothing.
 */
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { toolWith, type Tool } from '../support/kubectl.ts';
import { runSteps, type Step } from '../support/steps.ts';

let api: TestApi;
let helm: Tool;
before(async () => {
  api = await startTestApi({ nodes: ['a'] });
  helm = toolWith('helm', api.dir, join(api.dir, 'kubeconfig'));
});
after(() => api.close());

const chart = (name: string): string => fileURLToPath(new URL(`charts/${name}`, import.meta.url));
const PODINFO = chart('podinfo');
const OPERATOR = chart('operator');
const DATABASE = chart('database');

/** Steps of helm, and of kubectl for what they come to. */
type Steps = readonly ({ readonly helm: string; readonly out?: Step['out']; readonly err?: RegExp; readonly code?: number } | Step)[];

async function run(steps: Steps): Promise<void> {
  for (const step of steps) {
    if ('run' in step) await runSteps(api.kubectl, [step]);
    else await runSteps(helm, [{ ...step, run: step.helm }]);
  }
}

const CASES: Record<string, Steps> = {
  'charts are checked and rendered, here and with the server': [
    { helm: `lint --strict ${PODINFO} ${OPERATOR} ${DATABASE}`, out: /3 chart\(s\) linted, 0 chart\(s\) failed/ },
    { helm: `template web ${PODINFO}`, out: /kind: HorizontalPodAutoscaler/ },
    { helm: `template web ${PODINFO} --dry-run=server --is-upgrade=false`, out: [/kind: Ingress/, /helm\.sh\/hook: test/] },
    { helm: `template op ${OPERATOR} --include-crds`, out: /kind: CustomResourceDefinition/ },
    { helm: `install web ${PODINFO} --dry-run=server`, out: /STATUS: pending-install[\s\S]*kind: Deployment/ },
    { helm: `install web ${PODINFO} --set replicaCount=-1`, code: 1, err: /replicaCount.*minimum/s },
    { run: 'get secrets -l owner=helm', err: /No resources found/ },
  ],
  'a web application: install, upgrade, test, roll back, uninstall': [
    {
      helm: `install podinfo ${PODINFO} --wait --timeout=20s`,
      out: [/STATUS: deployed/, /NOTES:\nReach it at http:\/\/podinfo\.default:9898/],
    },
    { run: 'get deploy podinfo', out: /podinfo\s+2\/2/ },
    {
      run: 'get hpa,ing,pdb,sa podinfo -o name',
      out: /^horizontalpodautoscaler\S+\ningress\S+\npoddisruptionbudget\S+\nserviceaccount\S+\n$/,
    },
    { run: ['get', 'deploy', 'podinfo', '-o', 'jsonpath={.metadata.managedFields[?(@.operation=="Apply")].manager}'], out: 'helm' },
    { helm: `install podinfo ${PODINFO}`, code: 1, err: /cannot reuse a name that is still in use/ },
    { helm: 'test podinfo --timeout=20s', out: [/TEST SUITE:\s+podinfo-reach/, /Phase:\s+Succeeded/] },
    { helm: `upgrade podinfo ${PODINFO} --wait --timeout=20s --set ui.message=hello --reuse-values`, out: /REVISION: 2/ },
    { run: 'get deploy podinfo -o jsonpath={.spec.template.spec.containers[0].env[?(@.name=="PODINFO_UI_MESSAGE")].value}', out: 'hello' },
    { helm: `upgrade podinfo ${PODINFO} --dry-run=server --set ui.message=dry`, out: /value: "dry"/ },
    { run: 'get deploy podinfo -o jsonpath={.spec.template.spec.containers[0].env[1].value}', out: 'hello' },
    { helm: 'history podinfo', out: [/1\s.*superseded.*Install complete/, /2\s.*deployed.*Upgrade complete/] },
    { helm: 'get values podinfo', out: /message: hello/ },
    { helm: 'get manifest podinfo', out: /kind: Deployment/ },
    { helm: 'get hooks podinfo', out: /helm\.sh\/hook: test/ },
    { helm: 'get notes podinfo', out: /Reach it at/ },
    { helm: 'get metadata podinfo', out: /REVISION: 2/ },
    { helm: 'rollback podinfo 1 --wait --timeout=20s', out: /Rollback was a success/ },
    { run: 'get deploy podinfo -o jsonpath={.spec.template.spec.containers[0].env[?(@.name=="PODINFO_UI_MESSAGE")].value}', out: '' },
    { helm: 'status podinfo', out: [/STATUS: deployed/, /REVISION: 3/] },
    { helm: 'list -A', out: /^podinfo\s+default\s+3\s.*deployed\s+podinfo-1\.2\.0/m },
    {
      run: 'get secrets -l owner=helm,name=podinfo --field-selector type=helm.sh/release.v1 -o name',
      out: /^(secret\/sh\.helm\.release\.v1\.podinfo\.v\d\n){3}$/,
    },
    { helm: 'uninstall podinfo --wait --timeout=20s', out: /release "podinfo" uninstalled/ },
    { run: 'get deploy,svc,hpa,ing,pdb -l app.kubernetes.io/name=podinfo', err: /No resources found/ },
  ],
  'a failed upgrade is taken back': [
    { helm: `upgrade --install front ${PODINFO} --rollback-on-failure --timeout=20s`, out: /STATUS: deployed/ },
    {
      helm: `upgrade --install front ${PODINFO} --rollback-on-failure --timeout=3s --set image.repository=stuck`,
      code: 1,
      err: /has been rolled back due to rollback-on-failure being set/,
    },
    { helm: 'history front', out: [/2\s.*failed/, /3\s.*deployed.*Rollback to 1/] },
    { run: 'get deploy front-podinfo -o jsonpath={.spec.template.spec.containers[0].image}', out: 'ghcr.io/stefanprodan/podinfo:6.14.0' },
    {
      helm: `upgrade --install never ${PODINFO} --rollback-on-failure --timeout=3s --set image.repository=stuck`,
      code: 1,
      err: /uninstalled due to rollback-on-failure/,
    },
    { helm: 'list -q', out: 'front' },
    { helm: 'uninstall front --keep-history', out: /uninstalled/ },
    { helm: 'list --uninstalled -q', out: 'front' },
    { helm: 'rollback front 1', out: /success/ },
    { helm: 'uninstall front --cascade=foreground --wait --timeout=20s', out: /uninstalled/ },
  ],
  'applied by the client, then on the server': [
    { helm: `install side ${PODINFO} --server-side=false --wait --timeout=20s`, out: /deployed/ },
    { run: ['get', 'deploy', 'side-podinfo', '-o', 'jsonpath={.metadata.managedFields[?(@.manager=="helm")].operation}'], out: 'Update' },
    { helm: `upgrade side ${PODINFO} --set ui.message=one --wait --timeout=20s`, out: /REVISION: 2/ },
    { helm: `upgrade side ${PODINFO} --set ui.message=two --server-side=true --wait --timeout=20s`, out: /REVISION: 3/ },
    { run: ['get', 'deploy', 'side-podinfo', '-o', 'jsonpath={.metadata.managedFields[?(@.manager=="helm")].operation}'], out: 'Apply' },
    { helm: `upgrade side ${PODINFO} --server-side=false --wait=legacy --timeout=20s`, out: /REVISION: 4/ },
    { run: ['label', 'deploy', 'side-podinfo', 'mine=yes'], out: /labeled/ },
    {
      run: ['patch', 'svc', 'side-podinfo', '--field-manager=me', '-p', '{"spec":{"ports":[{"port":9898,"name":"web"}]}}'],
      out: /patched/,
    },
    { helm: `upgrade side ${PODINFO} --server-side=true`, code: 1, err: /conflict with "me"/ },
    { helm: `upgrade side ${PODINFO} --server-side=true --force-conflicts`, out: /deployed/ },
    { run: 'get deploy side-podinfo -o jsonpath={.metadata.labels.mine}', out: 'yes' },
    { helm: 'uninstall side --wait --timeout=20s', out: /uninstalled/ },
  ],
  'an operator: definitions first, roles, webhooks with a certificate of their own': [
    { helm: `install op ${OPERATOR} --wait --timeout=20s`, out: /STATUS: deployed/ },
    { run: 'get wi', out: /^NAME\s+SIZE\s+AGE\nop\s+3\s/ },
    { run: 'get wi op -o jsonpath={.spec.mode}', out: 'safe' },
    { run: 'scale wi op --replicas=5', out: /scaled/ },
    {
      run: 'get validatingwebhookconfigurations op -o jsonpath={.webhooks[0].matchPolicy}:{.webhooks[0].clientConfig.service.port}',
      out: 'Equivalent:443',
    },
    { run: 'auth can-i list widgets --as=system:serviceaccount:default:op', out: 'yes' },
    { helm: `upgrade op ${OPERATOR} --wait --timeout=20s --set widget.size=4 --force-conflicts`, out: /REVISION: 2/ },
    { run: 'get widgets.charts.example.com op -o jsonpath={.spec.size}', out: '4' },
    {
      helm: `upgrade op ${OPERATOR} --set widget.size=99 --force-conflicts`,
      code: 1,
      err: /spec\.size: Invalid value: 99: spec\.size in body should be less than or equal to 9/,
    },
    { helm: 'rollback op 1 --wait --timeout=20s --force-conflicts', out: /success/ },
    { run: 'get wi op -o jsonpath={.spec.size}', out: '3' },
    { helm: 'uninstall op --wait --timeout=20s', out: /uninstalled/ },
    { run: 'get crd widgets.charts.example.com -o name', out: /widgets\.charts\.example\.com/ },
    { helm: `install op ${OPERATOR} --skip-crds --wait --timeout=20s`, out: /deployed/ },
    { helm: 'uninstall op --wait --timeout=20s', out: /uninstalled/ },
    { run: 'delete crd widgets.charts.example.com', out: /deleted/ },
  ],
  'a database: names, disks, a job after each change': [
    { helm: `install db ${DATABASE} --wait --wait-for-jobs --timeout=20s`, out: /deployed/ },
    { run: 'get sts db', out: /db\s+2\/2/ },
    { run: 'get pods -l app.kubernetes.io/instance=db -o name', out: 'pod/db-0\npod/db-1' },
    { run: 'get pvc -o name', out: 'persistentvolumeclaim/data-db-0\npersistentvolumeclaim/data-db-1' },
    { run: 'get jobs', err: /No resources found/ },
    { run: 'get events --field-selector involvedObject.kind=Job', out: /Completed|SuccessfulCreate/ },
    { helm: `upgrade db ${DATABASE} --wait --timeout=20s --set settings.max_connections=200`, out: /REVISION: 2/ },
    { run: 'get cm db-config -o jsonpath={.data}', out: /max_connections = 200/ },
    { run: 'get pod db-0 -o jsonpath={.metadata.labels.controller-revision-hash}', out: /^db-\w+$/ },
    { run: 'rollout status sts/db --timeout=10s', out: /complete|rolling update/ },
    { helm: `upgrade db ${DATABASE} --wait --timeout=20s --reuse-values --set replicas=3`, out: /REVISION: 3/ },
    { run: 'get sts db', out: /db\s+3\/3/ },
    {
      helm: `upgrade db ${DATABASE} --reuse-values --set storage=1Gi`,
      code: 1,
      err: /updates to statefulset spec for fields other than|Forbidden/,
    },
    { helm: 'rollback db 1 --wait --timeout=20s', out: /success/ },
    { run: 'get sts db', out: /db\s+2\/2/ },
    { helm: 'uninstall db --wait --timeout=20s', out: /uninstalled/ },
    { run: 'get pvc -o name', out: /data-db-0/ },
  ],
};

for (const [what, steps] of Object.entries(CASES)) test(what, () => run(steps));
