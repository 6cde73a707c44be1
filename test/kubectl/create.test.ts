/** What people make with kubectl's generators; most of them send protobuf. */
import { createRoot } from '../../src/ca/index.ts';
import { kubectlTable } from './table.ts';

const { certPem: cert, keyPem: key } = await createRoot('web.example', Date.now());
const base64 = (text: string): string => Buffer.from(text).toString('base64');

kubectlTable(
  {
    'namespaces, service accounts, tokens': [
      { run: 'create namespace more', out: 'namespace/more created' },
      { run: 'create ns more', code: 1, err: /namespaces "more" already exists/ },
      { run: 'create serviceaccount robot', out: 'serviceaccount/robot created' },
      { run: 'create sa robot -n nowhere', code: 1, err: /namespaces "nowhere" not found/ },
      { run: 'create token robot --duration=10m --audience=api', out: /^[\w-]+\.[\w-]+\.[\w-]+$/ },
      { run: 'create token nobody', code: 1, err: /serviceaccounts "nobody" not found/ },
    ],
    'configmaps and secrets': [
      {
        run: 'create configmap conf --from-literal=a=b --from-file=app.ini --from-file=blob=blob.bin --from-env-file=some.env',
        code: 1,
        files: { 'app.ini': '[main]\nx=1\n', 'blob.bin': 'text', 'some.env': 'C=d\n' },
        err: /from-env-file cannot be combined with from-file or from-literal/,
      },
      { run: 'create configmap conf --from-literal=a=b --from-file=app.ini --from-file=blob=blob.bin', out: 'configmap/conf created' },
      { run: 'get cm conf -o jsonpath={.data}', out: JSON.stringify({ a: 'b', 'app.ini': '[main]\nx=1\n', blob: 'text' }) },
      { run: 'create cm env --from-env-file=some.env', out: 'configmap/env created' },
      { run: 'create configmap conf --from-literal=a=b', code: 1, err: /configmaps "conf" already exists/ },
      { run: 'create secret generic cred --from-literal=user=me', out: 'secret/cred created' },
      { run: 'get secret cred -o jsonpath={.type}:{.data.user}', out: `Opaque:${base64('me')}` },
      {
        run: 'create secret tls pair --cert=tls.crt --key=tls.key',
        files: { 'tls.crt': cert, 'tls.key': key },
        out: 'secret/pair created',
      },
      { run: ['get', 'secret', 'pair', '-o', 'jsonpath={.type}:{.data.tls\\.crt}'], out: `kubernetes.io/tls:${base64(cert)}` },
      {
        run: 'create secret docker-registry hub --docker-server=registry.example --docker-username=me --docker-password=pw',
        out: 'secret/hub created',
      },
      {
        run: ['get', 'secret', 'hub', '-o', 'go-template={{index .data ".dockerconfigjson" | base64decode}}'],
        out: /"registry\.example":\{"username":"me"/,
      },
    ],
    workloads: [
      { run: 'create deployment gen --image=img:1 --replicas=0 --port=80', out: 'deployment.apps/gen created' },
      {
        run: 'get deploy gen -o jsonpath={.spec.replicas}-{.spec.template.spec.containers[0].ports[0].containerPort}-{.spec.revisionHistoryLimit}',
        out: '0-80-10',
      },
      { run: 'create deployment dry --image=img:1 --dry-run=client -o yaml', out: /^apiVersion: apps\/v1\nkind: Deployment\n/ },
      { run: 'create deployment dry --image=img:1 --dry-run=server -o name', out: 'deployment.apps/dry' },
      { run: 'get deploy dry', code: 1, err: /not found/ },
      { run: 'create job once --image=img -- echo hi', out: 'job.batch/once created' },
      { run: 'get job once -o jsonpath={.spec.template.spec.containers[0].command}', out: '["echo","hi"]' },
      { run: ['create', 'cronjob', 'nightly', '--image=img', '--schedule=0 3 * * *'], out: 'cronjob.batch/nightly created' },
      { run: 'create job tonight --from=cronjob/nightly', out: 'job.batch/tonight created' },
      { run: ['get', 'job', 'tonight', '-o', 'jsonpath={.metadata.annotations.cronjob\\.kubernetes\\.io/instantiate}'], out: 'manual' },
      { run: 'wait job/tonight --for=condition=complete --timeout=10s', out: /condition met/ },
      { run: 'run solo --image=img --port=80 --env=A=b --labels=tier=x --expose', out: 'service/solo created\npod/solo created' },
      { run: 'get pod solo -o jsonpath={.metadata.labels.tier}:{.spec.containers[0].env[0].value}', out: 'x:b' },
      { run: 'run solo --image=img', code: 1, err: /pods "solo" already exists/ },
      {
        run: ['run', 'odd', '--image=img', '--overrides={"spec":{"hostname":"odd"}}', '--restart=Never', '--', 'a', 'b'],
        out: 'pod/odd created',
      },
      { run: 'get pod odd -o jsonpath={.spec.hostname}:{.spec.restartPolicy}:{.spec.containers[0].args}', out: 'odd:Never:["a","b"]' },
    ],
    services: [
      { run: 'create service clusterip four --tcp=80:8080', out: 'service/four created' },
      { run: 'create service clusterip headless --clusterip=None', out: 'service/headless created' },
      { run: 'create service nodeport node --tcp=80 --node-port=30080', out: 'service/node created' },
      { run: 'create service loadbalancer lb --tcp=80', out: 'service/lb created' },
      { run: 'create service externalname far --external-name=far.example', out: 'service/far created' },
      {
        run: 'get svc four headless node lb far --no-headers',
        out: [
          /^four\s+ClusterIP\s+10\.96\.\S+\s+<none>\s+80\/TCP/m,
          /^headless\s+ClusterIP\s+None\s/m,
          /^node\s+NodePort\s+10\.96\.\S+\s+<none>\s+80:30080\/TCP/m,
          /^lb\s+LoadBalancer\s+10\.96\.\S+\s+(127\.0\.0\.1|<pending>)\s+80:3\d{4}\/TCP/m,
          /^far\s+ExternalName\s+<none>\s+far\.example/m,
        ],
      },
      { run: 'create service nodeport other --tcp=80 --node-port=30080', code: 1, err: /provided port is already allocated/ },
      { run: 'expose deploy gen --port=81 --target-port=8080 --name=gen', out: 'service/gen exposed' },
      { run: 'get svc gen -o jsonpath={.spec.type}:{.spec.selector.app}:{.spec.ports[0].targetPort}', out: 'ClusterIP:gen:8080' },
      { run: 'expose pod solo --port=82 --name=solo2 --type=NodePort', out: 'service/solo2 exposed' },
      { run: 'expose svc gen --port=83 --name=again', out: 'service/again exposed' },
      {
        run: ['create', 'ingress', 'way', '--class=nginx', '--rule=web.example/path*=gen:81,tls=pair'],
        out: /ingress\.networking\.k8s\.io\/way created/,
      },
      { run: 'get ing way', out: /^NAME\s+CLASS\s+HOSTS\s+ADDRESS\s+PORTS\s+AGE\nway\s+nginx\s+web\.example\s.*80, 443/ },
    ],
    'roles and bindings': [
      {
        run: 'create role reader --verb=get,list --resource=pods,deployments.apps --resource-name=web',
        out: /role\.rbac\.authorization\.k8s\.io\/reader created/,
      },
      { run: 'get role reader -o jsonpath={.rules[*].resources}', out: '["pods"] ["deployments"]' },
      { run: 'create rolebinding reader --role=reader --serviceaccount=default:robot --user=eve', out: /rolebinding\.rbac\S+ created/ },
      { run: 'get rolebinding reader -o wide', out: /Role\/reader\s+\S+\s+eve\s+default\/robot/ },
      { run: 'create clusterrole watcher --verb=watch --resource=nodes', out: /clusterrole\.rbac\S+ created/ },
      { run: ['create', 'clusterrole', 'health', '--verb=get', '--non-resource-url=/healthz'], out: /created/ },
      { run: ['create', 'clusterrole', 'sum', '--aggregation-rule=to=sum'], out: /created/ },
      { run: 'create clusterrolebinding watcher --clusterrole=watcher --group=ops', out: /clusterrolebinding\.rbac\S+ created/ },
    ],
    policies: [
      { run: 'create poddisruptionbudget web --selector=app=web --min-available=50%', out: 'poddisruptionbudget.policy/web created' },
      { run: 'get pdb', out: /^NAME\s+MIN AVAILABLE\s+MAX UNAVAILABLE\s+ALLOWED DISRUPTIONS\s+AGE\nweb\s+50%\s+N\/A\s+0/ },
      { run: 'create priorityclass urgent --value=1000 --description=first', out: 'priorityclass.scheduling.k8s.io/urgent created' },
      { run: 'get pc urgent', out: /VALUE.*\nurgent\s+1000\s+false/ },
      { run: 'create quota bound --hard=cpu=10,pods=90', out: 'resourcequota/bound created' },
      { run: 'get quota bound -o jsonpath={.spec.hard}', out: '{"cpu":"10","pods":"90"}' },
      { run: 'autoscale deploy gen --min=1 --max=3 --cpu=50%', out: 'horizontalpodautoscaler.autoscaling/gen autoscaled' },
      { run: 'get hpa gen', out: /REFERENCE\s+TARGETS\s+MINPODS\s+MAXPODS.*\ngen\s+Deployment\/gen\s+cpu: \S+\/50%\s+1\s+3/ },
    ],
    'create -f': [
      {
        run: 'create -f -',
        input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { generateName: made- }',
        out: /^configmap\/made-\w{5} created$/m,
      },
      {
        run: 'create -f objects --recursive',
        files: {
          'objects/a.yaml': cm('a'),
          'objects/deep/b.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } }),
        },
        out: 'configmap/a created\nconfigmap/b created',
      },
      { run: 'create -f - --save-config', input: cm('saved'), out: 'configmap/saved created' },
      { run: 'apply view-last-applied cm saved', out: /name: saved/ },
      { run: 'create -f - --validate=strict', input: `${cm('odd')}\ndate: { a: b }`, code: 1, err: /unknown field "date"/ },
      {
        run: 'create -f - --validate=warn',
        input: `${cm('odd')}\ndate: { a: b }`,
        out: 'configmap/odd created',
        err: /Warning: unknown field "date"/,
      },
      { run: 'create -f - --validate=false', input: `${cm('odder')}\ndate: { a: b }`, out: 'configmap/odder created' },
      {
        run: 'create -f -',
        input: 'apiVersion: v1\nkind: Nothing\nmetadata: { name: x }',
        code: 1,
        err: /no matches for kind "Nothing" in version "v1"/,
      },
      {
        run: 'create -f -',
        input: 'apiVersion: v1\nkind: Pod\nmetadata: { name: UPPER }\nspec: { containers: [] }',
        code: 1,
        err: /The Pod "UPPER" is invalid:[\s\S]*metadata\.name: Invalid value[\s\S]*spec\.containers: Required value/,
      },
      {
        run: 'create --raw /api/v1/namespaces/default/configmaps -f raw.json',
        files: { 'raw.json': '{"metadata":{"name":"raw"}}' },
        out: /"name":"raw"/,
      },
    ],
  },
  { nodes: ['a'] },
);

function cm(name: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }`;
}
