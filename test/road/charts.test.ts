/** Releases of helm on pods that really run: what `--wait` waits for is that they answer, and `helm test` reaches them. */
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { newInstance, ROOT, type Instance } from '../support/instance.ts';
import { toolWith, type Tool } from '../support/kubectl.ts';
import { runSteps, type Step } from '../support/steps.ts';

let it: Instance;
let helm: Tool;
before(async () => {
  it = await newInstance('charts');
  await it.up();
  helm = toolWith('helm', it.dir, it.kubeconfig);
});
after(() => it.close());

const chart = (name: string): string => join(ROOT, 'test/clients/charts', name);
const WAIT = '--wait --timeout=30s';

test('a web application answers in each version, and once more after going back', async () => {
  const version: Step = { run: 'exec deploy/podinfo -- curl -sS http://podinfo:9898/version' };
  await runSteps(helm, [{ run: `install podinfo ${chart('podinfo')} ${WAIT}`, out: /STATUS: deployed/ }]);
  await runSteps(it.kubectl, [
    // Its autoscaler, not the chart, says how many there are.
    { run: 'wait deploy/podinfo --for=jsonpath={.status.readyReplicas}=2 --timeout=30s', out: /met/ },
    { ...version, out: /"version": "6\.14\.0"/ },
  ]);
  await runSteps(helm, [{ run: 'test podinfo --timeout=30s --logs', out: [/Phase:\s+Succeeded/, /"version": "6\.14\.0"[^]*reached/] }]);
  await runSteps(helm, [{ run: `upgrade podinfo ${chart('podinfo')} --set image.tag=6.14.1 ${WAIT}`, out: /REVISION: 2/ }]);
  await runSteps(it.kubectl, [{ ...version, out: /"version": "6\.14\.1"/ }]);
  await runSteps(helm, [
    { run: `upgrade podinfo ${chart('podinfo')} --set image.tag=none --wait --timeout=3s`, code: 1, err: /podinfo/ },
    { run: `rollback podinfo 1 ${WAIT}`, out: /success/ },
  ]);
  await runSteps(it.kubectl, [{ ...version, out: /"version": "6\.14\.0"/ }]);
  await runSteps(helm, [{ run: `uninstall podinfo ${WAIT}`, out: /uninstalled/ }]);
  await runSteps(it.kubectl, [{ run: 'get deploy,svc,hpa -l app.kubernetes.io/name=podinfo', err: /No resources found/ }]);
});

test('an operator runs under its account, with its certificate', async () => {
  await runSteps(helm, [{ run: `install op ${chart('operator')} ${WAIT}`, out: /STATUS: deployed/ }]);
  await runSteps(it.kubectl, [
    { run: 'get wi', out: /op\s+3/ },
    { run: 'exec deploy/op -- ls /certs', out: 'ca.crt\ntls.crt\ntls.key' },
  ]);
  await runSteps(helm, [
    { run: `upgrade op ${chart('operator')} --set replicas=2 --force-conflicts ${WAIT}`, out: /REVISION: 2/ },
    { run: `rollback op 1 --force-conflicts ${WAIT}`, out: /success/ },
    { run: `uninstall op ${WAIT}`, out: /uninstalled/ },
  ]);
});

test('a database has its disks and settings, and its job reaches it after each change', async () => {
  await runSteps(helm, [{ run: `install db ${chart('database')} --wait-for-jobs ${WAIT}`, out: /STATUS: deployed/ }]);
  await runSteps(it.kubectl, [
    { run: 'get sts db', out: /db\s+2\/2/ },
    {
      run: ['exec', 'db-0', '--', 'sh', '-c', 'echo kept >/var/lib/data/f; cat /etc/database/database.conf'],
      out: /max_connections = 100/,
    },
    { run: 'get pod db-0 -o jsonpath={.status.qosClass}', out: 'BestEffort' },
  ]);
  await runSteps(helm, [{ run: `upgrade db ${chart('database')} --set settings.max_connections=200 ${WAIT}`, out: /REVISION: 2/ }]);
  await runSteps(it.kubectl, [
    { run: 'rollout status sts/db --timeout=20s' },
    { run: 'exec db-0 -- cat /var/lib/data/f /etc/database/database.conf', out: /^kept\n[^]*max_connections = 200/ },
  ]);
  await runSteps(helm, [
    { run: `rollback db 1 ${WAIT}`, out: /success/ },
    { run: `uninstall db ${WAIT}`, out: /uninstalled/ },
  ]);
  await runSteps(it.kubectl, [{ run: 'get pvc -o name', out: 'persistentvolumeclaim/data-db-0\npersistentvolumeclaim/data-db-1' }]);
});
