/** Everything people do with kubectl, on a running instance with real pods. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toolPath } from '../support/kubectl.ts';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';
import { askIstiod, bytesOf, text, type Answer } from '../support/istiod-xds.ts';
import { runSteps, said } from '../support/steps.ts';

let it: Instance;
before(async () => {
  it = await newInstance('kubectl');
  await it.up();
});
after(() => it.close());

const web = (tag: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { color: green, greeting: hello }
---
apiVersion: v1
kind: Secret
metadata: { name: password }
stringData: { word: open sesame }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: podinfo
          image: ghcr.io/stefanprodan/podinfo:${tag}
          ports: [{ name: http, containerPort: 9898 }]
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 1, failureThreshold: 1 }
          livenessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 1, failureThreshold: 2 }
          startupProbe: { tcpSocket: { port: 9898 }, periodSeconds: 1, failureThreshold: 20 }
          env:
            - { name: COLOR, valueFrom: { configMapKeyRef: { name: settings, key: color } } }
            - { name: WORD, valueFrom: { secretKeyRef: { name: password, key: word } } }
            - { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
          envFrom: [{ prefix: SET_, configMapRef: { name: settings } }]
          volumeMounts:
            - { name: settings, mountPath: /etc/settings }
            - { name: password, mountPath: /etc/password, readOnly: true }
            - { name: about, mountPath: /etc/about }
            - { name: scratch, mountPath: /scratch }
      volumes:
        - { name: settings, configMap: { name: settings } }
        - { name: password, secret: { secretName: password } }
        - { name: about, downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }
        - { name: scratch, emptyDir: {} }
`;

const client = `
apiVersion: v1
kind: Pod
metadata: { name: client, labels: { app: client } }
spec:
  terminationGracePeriodSeconds: 3
  containers:
    - name: curl
      image: curlimages/curl:8.16.0
      command: [sh, -c, 'echo started; trap "echo bye; exit 0" TERM; while :; do sleep 0.1; done']
`;

const sh = (script: string): string[] => ['exec', 'client', '--', 'sh', '-c', script];

test('a second up does nothing', async () => {
  const before = await it.status();
  const again = await it.sluice(['up']);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /up already/);
  assert.deepEqual(
    (await it.status()).components.map((c) => c.pid),
    before.components.map((c) => c.pid),
  );
});

test('apply, wait, get', async () => {
  await runSteps(it.kubectl, [
    { run: 'apply -f -', input: web('6.14.0'), out: [/configmap\/settings created/, /deployment.apps\/web created/] },
    { run: 'apply -f -', input: client, out: 'pod/client created' },
    { run: 'rollout status deployment/web --timeout=20s', out: /successfully rolled out/ },
    { run: 'wait --for=condition=Ready pod/client --timeout=20s', out: /condition met/ },
    { run: 'apply -f -', input: client, out: 'pod/client unchanged' },
    { run: 'get deployment web', out: /^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+2\/2\s+2\s+2\s/ },
    { run: 'get pods -l app=web', out: /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\n(web-\S+\s+1\/1\s+Running\s+0\s+\S+\n){2}$/ },
    { run: 'get pods -o wide', out: /NODE.*\n(.*\s10\.244\.\d+\.\d+\s+sluice\s.*\n){3}$/ },
    { run: 'get pod client -o yaml', out: [/^apiVersion: v1\nkind: Pod\n/, /phase: Running/, /hostIP: /] },
    { run: 'get pod client -o json', out: /"restartCount": 0/ },
    { run: 'get service web -o jsonpath={.spec.clusterIP}', out: /^10\.96\.\d+\.\d+$/ },
    { run: 'get all', out: [/pod\/client/, /service\/web/, /deployment.apps\/web/, /replicaset.apps\/web-/] },
    { run: 'get nodes', out: /sluice\s+Ready\s+\S*\s+\S+\s+v1\.35\.2/ },
    { run: 'get namespaces -o name', out: [/namespace\/default/, /namespace\/kube-system/, /namespace\/istio-system/] },
    { run: 'get endpointslices -l kubernetes.io/service-name=web', out: /web-\S+\s+IPv4\s+9898\s+10\.244\.\S+,10\.244\./ },
    { run: 'get leases -n kube-node-lease', out: /sluice/ },
    { run: 'get serviceaccount default -o name', out: 'serviceaccount/default' },
  ]);
});

test('get -w shows changes as they come', async () => {
  const watching = it.kubectl.start(['get', 'deployment', 'web', '-w', '--no-headers']);
  try {
    await said(watching.stdout!, /2\/2/);
    const changed = said(watching.stdout!, /3\/3/, 15_000);
    await kubectl(it, 'scale deployment web --replicas=3');
    await changed;
    await kubectl(it, 'scale deployment web --replicas=2');
  } finally {
    watching.kill();
  }
});

test('describe, events, api-resources, explain', async () => {
  await runSteps(it.kubectl, [
    { run: 'describe deployment web', out: [/Name:\s+web/, /podinfo:6\.14\.0/, /ScalingReplicaSet/] },
    {
      run: 'describe pod client',
      out: [/Node:\s+sluice/, /Ready\s+True/, /Scheduled.*Successfully assigned default\/client to sluice/, /Started/],
    },
    { run: 'describe node sluice', out: [/kube-node-lease|Lease:/, /Capacity:/] },
    { run: 'describe service web', out: /Endpoints:\s+10\.244\.\d+\.\d+:9898,10\.244\./ },
    { run: 'events', out: /Started/ },
    { run: 'get events --field-selector involvedObject.name=client', out: /Created/ },
    {
      run: 'api-resources',
      out: [
        /deployments\s+deploy\s+apps\/v1/,
        /virtualservices\s+vs\s+networking\.istio\.io\/v1/,
        /canaries\s+\S*\s*flagger\.app\/v1beta1/,
      ],
    },
    { run: 'explain pod.spec.containers.livenessProbe', out: [/httpGet/, /periodSeconds/] },
    { run: 'explain virtualservice.spec', out: /hosts/ },
    { run: 'version', out: /Server Version: v1\.35\.2/ },
  ]);
});

test('env, ConfigMap, Secret, downward and empty volumes are in the container, and nothing of the host', async () => {
  const inside = (script: string): Promise<string> => kubectl(it, ['exec', 'deploy/web', '--', 'sh', '-c', script]);
  assert.equal(await inside('echo "$COLOR $WORD $SET_greeting"'), 'green open sesame hello\n');
  assert.match(await inside('echo $POD_IP'), /^10\.244\./);
  assert.equal(await inside('cat /etc/settings/color /etc/password/word'), 'greenopen sesame');
  assert.match(await inside('cat /etc/about/labels'), /^app="web"$/m);
  assert.equal(await inside('echo kept > /scratch/f; cat /scratch/f; ls /home /root'), 'kept\n/home:\n\n/root:\n');
  assert.equal(await inside('ls /proc/1/fd | tr "\\n" " "'), '0 1 2 ');
  await kubectl(it, ['patch', 'configmap', 'settings', '-p', '{"data":{"color":"blue"}}']);
  await eventually('the changed ConfigMap is in its volume', 15, async () => (await inside('cat /etc/settings/color')) === 'blue');
});

test('names and virtual addresses of services', async () => {
  const ip = await kubectl(it, 'get service web -o jsonpath={.spec.clusterIP}');
  for (const host of ['web', 'web.default', 'web.default.svc', 'web.default.svc.cluster.local', ip])
    assert.match(await kubectl(it, sh(`curl -sS http://${host}/version`)), /"version": "6\.14\.0"/, host);
  const hosts = new Set<string>();
  for (let i = 0; i < 20 && hosts.size < 2; i++) hosts.add(await kubectl(it, sh('curl -sS http://web/ | grep hostname')));
  assert.equal(hosts.size, 2, 'both pods answer at the virtual address');
  const none = await it.kubectl.run(sh('curl -sS http://nothing.default.svc.cluster.local/'));
  assert.match(none.stderr, /Could not resolve host/);
});

test('logs -f', async () => {
  const following = it.kubectl.start(['logs', '-f', 'client']);
  try {
    await said(following.stdout!, /started/);
    const next = said(following.stdout!, /a new line/);
    await kubectl(it, sh('echo a new line > /proc/1/fd/1'));
    await next;
  } finally {
    following.kill();
  }
  assert.match(await kubectl(it, 'logs client --tail=1 --timestamps'), /^\d{4}-\S+Z a new line\n$/);
});

/** kubectl in a terminal of its own. */
function inTerminal(command: string): ReturnType<typeof spawn> {
  const env = { ...process.env, HOME: it.dir, KUBECONFIG: it.kubeconfig, TERM: 'xterm' };
  return spawn('script', ['-qec', `stty rows 33 cols 101; ${toolPath('kubectl')} ${command}`, '/dev/null'], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

test('exec -it gives a terminal', async () => {
  const terminal = inTerminal('exec -it client -- sh');
  try {
    const size = said(terminal.stdout!, /33 101/);
    terminal.stdin!.write('tty; stty size\n');
    assert.match(await size, /\/dev\/pts\//);
    const ended = new Promise((resolve) => terminal.once('exit', resolve));
    terminal.stdin!.write('exit 5\n');
    assert.equal(await ended, 5);
  } finally {
    terminal.kill();
  }
});

test('port-forward to a pod, a Deployment and a Service', async () => {
  const pod = (await kubectl(it, 'get pods -l app=web -o jsonpath={.items[0].metadata.name}')).trim();
  const version = ['/version', /6\.14\.0/] as const;
  for (const [what, port, [path, answered]] of [
    [`pod/${pod}`, '9898', version],
    ['deployment/web', '9898', version],
    ['service/web', '80', version],
    // What Istio's and Flagger's guides look at metrics by.
    ['svc/prometheus -n istio-system', '9090', ['/api/v1/query?query=vector(1)', /"status":"success"/]],
  ] as const) {
    const forwarding = it.kubectl.start(['port-forward', ...what.split(' '), `:${port}`]);
    try {
      const local = /127\.0\.0\.1:(\d+) ->/.exec(await said(forwarding.stdout!, /Forwarding.*\n/))?.[1];
      const answer = await fetch(`http://127.0.0.1:${local}${path}`);
      assert.match(await answer.text(), answered, what);
    } finally {
      forwarding.kill();
    }
  }
});

test('istiod answers on its port what istioctl asks, to accounts of its own namespace', async () => {
  const forwarding = it.kubectl.start(['-n', 'istio-system', 'port-forward', 'deployment/istiod', ':15012']);
  const token = async (namespace: string): Promise<string> =>
    (await kubectl(it, `-n ${namespace} create token default --audience=istio-ca`)).trim();
  try {
    const local = /127\.0\.0\.1:(\d+) ->/.exec(await said(forwarding.stdout!, /Forwarding.*\n/))?.[1];
    const ask = async (namespace: string): ReturnType<typeof askIstiod> =>
      askIstiod(`127.0.0.1:${local}`, await token(namespace), 'istio.io/debug/syncz');
    const answer = (await ask('istio-system')) as Answer;
    const names = answer.resources.map((any) => text(bytesOf(bytesOf(bytesOf(any, 2)[0]!, 1)[0]!, 1)[0]));
    assert.ok(
      names.some((name) => /^istio-ingressgateway-.*\.istio-system$/.test(name)),
      String(names),
    );
    assert.match((await ask('default')) as string, /^7 only accounts in istio-system/);
  } finally {
    forwarding.kill();
  }
});

test('edit, patch, label, annotate, scale', async () => {
  const editor = join(it.dir, 'editor');
  writeFileSync(editor, '#!/bin/sh\nsed -i "s/replicas: 2/replicas: 1/" "$1"\n');
  chmodSync(editor, 0o755);
  await runSteps(it.kubectl, [
    { run: 'edit deployment web', env: { KUBE_EDITOR: editor }, out: /deployment.apps\/web edited/ },
    { run: 'rollout status deployment/web --timeout=20s', out: /successfully rolled out/ },
    { run: 'get deployment web -o jsonpath={.spec.replicas}', out: '1' },
    { run: ['patch', 'deployment', 'web', '-p', '{"metadata":{"annotations":{"note":"short"}}}'], out: /patched/ },
    {
      run: ['patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"add","path":"/metadata/labels/tier","value":"front"}]'],
      out: /patched/,
    },
    { run: 'label pod client color=red', out: /pod\/client labeled/ },
    { run: 'get pods -l color=red -o name', out: 'pod/client' },
    { run: 'annotate pod client why=test', out: /annotated/ },
    { run: 'scale deployment web --replicas=2', out: /scaled/ },
    { run: 'rollout status deployment/web --timeout=20s', out: /successfully rolled out/ },
  ]);
});

test('a rollout, its history, and back', async () => {
  const version = (): Promise<string> => kubectl(it, sh('curl -sS http://web/version | grep version'));
  await runSteps(it.kubectl, [
    { run: 'set image deployment/web podinfo=ghcr.io/stefanprodan/podinfo:6.14.1', out: /image updated/ },
    { run: 'rollout status deployment/web --timeout=20s', out: /successfully rolled out/ },
    { run: 'rollout history deployment/web', out: /REVISION.*\n1 .*\n2 / },
  ]);
  assert.match(await version(), /6\.14\.1/);
  await runSteps(it.kubectl, [
    { run: 'rollout undo deployment/web', out: /rolled back/ },
    { run: 'rollout status deployment/web --timeout=20s', out: /successfully rolled out/ },
    { run: 'rollout restart deployment/web', out: /restarted/ },
    { run: 'rollout status deployment/web --timeout=20s', out: /successfully rolled out/ },
  ]);
  assert.match(await version(), /6\.14\.0/);
});

test('probes: an unready pod gets no traffic, an unhealthy one is restarted, one that crashes is backed off', async () => {
  const [pod = ''] = (await kubectl(it, ['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ');
  const inPod = (path: string): Promise<string> =>
    kubectl(it, ['exec', pod, '--', 'node', '-e', `fetch('http://127.0.0.1:9898${path}',{method:'POST'}).then(r=>console.log(r.status))`]);
  const endpoints = async (): Promise<string> =>
    kubectl(
      it,
      'get endpointslices -l kubernetes.io/service-name=web -o jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].targetRef.name}',
    );
  const restarts = async (): Promise<number> =>
    Number(await kubectl(it, ['get', 'pod', pod, '-o', 'jsonpath={.status.containerStatuses[0].restartCount}']));

  await inPod('/readyz/disable');
  await eventually('the unready pod is out of the endpoints', 10, async () => !(await endpoints()).includes(pod));
  assert.equal(await restarts(), 0);
  await inPod('/readyz/enable');
  await eventually('the ready pod is back', 10, async () => (await endpoints()).includes(pod));
  await inPod('/healthz/disable');
  await eventually('the unhealthy container is restarted', 10, async () => (await restarts()) === 1);
  assert.match(await kubectl(it, ['get', 'events', '--field-selector', `involvedObject.name=${pod}`]), /Unhealthy.*Liveness probe failed/);
  await kubectl(it, ['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=15s']);

  await kubectl(it, 'run crash --image=curlimages/curl:8.16.0 --command -- sh -c exit\\ 7'.replace('exit\\ 7', 'false').split(' '));
  await eventually('CrashLoopBackOff', 15, async () => (await kubectl(it, 'get pod crash')).includes('CrashLoopBackOff'));
  await kubectl(it, 'delete pod crash');
});

test('deleting is graceful', async () => {
  const following = it.kubectl.start(['logs', '-f', '--tail=1', 'client']);
  try {
    await said(following.stdout!, /a new line/);
    const bye = said(following.stdout!, /bye/);
    await kubectl(it, 'delete pod client');
    await bye;
  } finally {
    following.kill();
  }
  assert.equal((await it.kubectl.run(['get', 'pod', 'client'])).code, 1);
});

test('a pod that is deleted while it starts is gone at once, not after its grace period', async () => {
  await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      await kubectl(it, `run brief-${i} --image=docker.io/mccutchen/go-httpbin:v2.15.0`);
      await new Promise((resolve) => setTimeout(resolve, 40 * i));
      await kubectl(it, `delete pod brief-${i} --timeout=15s`);
    }),
  );
});

test('helm installs a chart and waits for its pods', async () => {
  const chart = join(it.dir, 'chart');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: tiny\nversion: 0.1.0\n');
  writeFileSync(
    join(chart, 'templates', 'app.yaml'),
    `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}" }
spec:
  selector: { matchLabels: { app: tiny } }
  template:
    metadata: { labels: { app: tiny } }
    spec: { containers: [{ name: app, image: "docker.io/istio/examples-helloworld-v1:1.0", readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 } }] }
`,
  );
  const helm = (...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const env = { HOME: it.dir, KUBECONFIG: it.kubeconfig, PATH: process.env['PATH'] ?? '' };
      execFile(toolPath('helm'), args, { env, timeout: 30_000 }, (error, out, err) => (error ? reject(new Error(err)) : resolve(out)));
    });
  await helm('install', 'tiny', chart, '--wait');
  assert.match(await kubectl(it, 'get deployment tiny'), /1\/1/);
  await helm('uninstall', 'tiny', '--wait');
});

test('delete takes the whole tree, a Namespace what is in it', async () => {
  await runSteps(it.kubectl, [
    { run: 'create namespace gone', out: /created/ },
    { run: 'run p -n gone --image=docker.io/mccutchen/go-httpbin:v2.15.0', out: /created/ },
    { run: 'delete namespace gone', out: /deleted/ },
    { run: 'get pods -n gone', err: /No resources found/ },
    { run: 'delete -f -', input: web('6.14.0'), out: /deployment.apps "web" deleted/ },
  ]);
  await eventually('its pods are gone', 15, async () => (await kubectl(it, 'get pods -l app=web -o name')) === '');
});
