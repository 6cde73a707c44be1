/** Objects kept in files: apply on either side, diff, replace, edit, kustomize. */
import { deployment } from './manifests.ts';
import { kubectlTable } from './table.ts';

const map = (name: string, data: Record<string, string>, labels = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, labels: { ${labels} } }\ndata: ${JSON.stringify(data)}\n`;
const editor = (script: string): Record<string, string> => ({ 'editor.sh': `#!/bin/sh\nsed -i "${script}" "$1"\n` });
const EDITOR = { KUBE_EDITOR: './editor.sh' };
const VIRTUAL_SERVICE =
  'apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: { name: web }\nspec: { hosts: [web], http: [{ route: [{ destination: { host: web } }] }] }';
const CUSTOM = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: boats, singular: boat, kind: Boat, shortNames: [bo] }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { length: { type: integer, minimum: 1 } } } } } }
      additionalPrinterColumns: [{ name: Length, type: integer, jsonPath: .spec.length }]
`;

kubectlTable({
  'apply creates, changes, and sees when there is nothing to do': [
    { run: 'apply -f -', input: deployment('web', 'img:1'), out: 'deployment.apps/web created' },
    { run: 'apply -f -', input: deployment('web', 'img:1'), out: 'deployment.apps/web unchanged' },
    { run: 'diff -f -', input: deployment('web', 'img:1'), out: '' },
    { run: 'diff -f -', input: deployment('web', 'img:2'), code: 1, out: [/-\s+- image: img:1/, /\+\s+- image: img:2/] },
    { run: 'diff -f -', input: map('new', { a: '1' }), code: 1, out: /\+kind: ConfigMap/ },
    { run: 'apply -f -', input: deployment('web', 'img:2'), out: 'deployment.apps/web configured' },
    { run: 'get deploy web -o jsonpath={.spec.template.spec.containers[0].image}', out: 'img:2' },
    { run: 'apply -f - --dry-run=server', input: deployment('other', 'img:1'), out: 'deployment.apps/other created (server dry run)' },
    { run: 'apply -f - --dry-run=client', input: deployment('other', 'img:1'), out: 'deployment.apps/other created (dry run)' },
    { run: 'get deploy other', code: 1, err: /deployments.apps "other" not found/ },
    {
      run: 'apply -f -',
      input: deployment('bad', 'img:1', '          imagePullPolicie: Never\n'),
      code: 1,
      err: /unknown field "spec.template.spec.containers\[0\].imagePullPolicie"/,
    },
    { run: 'apply -f -', input: map('two', { a: '1', b: '2' }), out: 'configmap/two created' },
    { run: ['patch', 'cm', 'two', '-p', '{"data":{"mine":"3"}}'], out: /patched/ },
    { run: 'apply -f - -o jsonpath={.data}', input: map('two', { a: '1' }), out: '{"a":"1","mine":"3"}' },
    { run: 'apply view-last-applied cm two -o json', out: /"a": "1"/ },
    { run: 'apply set-last-applied -f two.yaml', files: { 'two.yaml': map('two', { mine: '3' }) }, out: 'configmap/two configured' },
    { run: 'apply edit-last-applied cm two', files: editor('s/mine: \\"3\\"/mine: \\"4\\"/'), env: EDITOR, out: /configmap\/two edited/ },
    { run: 'apply -f -', input: 'kind: ConfigMap\nmetadata: { name: x }', code: 1, err: /apiVersion not set/ },
    { run: 'apply -f nowhere.yaml', code: 1, err: /the path "nowhere.yaml" does not exist/ },
  ],
  'apply --prune removes what is no longer said': [
    { run: 'create namespace pruned', out: /created/ },
    {
      run: 'apply -n pruned -f - -l set=one --prune --prune-allowlist=core/v1/ConfigMap',
      input: `${map('p1', {}, 'set: one')}---\n${map('p2', {}, 'set: one')}`,
      out: /p1 created\nconfigmap\/p2 created/,
    },
    {
      run: 'apply -n pruned -f - -l set=one --prune --prune-allowlist=core/v1/ConfigMap',
      input: map('p1', {}, 'set: one'),
      out: [/p1 unchanged/, /configmap\/p2 pruned/],
    },
    {
      run: 'apply -n pruned -f - --prune --applyset=set',
      input: `${map('s1', {})}---\n${map('s2', {})}`,
      env: { KUBECTL_APPLYSET: 'true' },
      out: /configmap\/s1 created\nconfigmap\/s2 created/,
    },
    {
      run: 'apply -n pruned -f - --prune --applyset=set',
      input: map('s1', {}),
      env: { KUBECTL_APPLYSET: 'true' },
      out: [/s1 unchanged/, /configmap\/s2 pruned/],
    },
    {
      run: ['get', 'secret', 'set', '-n', 'pruned', '-o', 'jsonpath={.metadata.annotations}'],
      out: /applyset\.kubernetes\.io\/contains-group-kinds":"ConfigMap/,
    },
  ],
  'apply on the server: fields have owners': [
    { run: 'apply --server-side -f -', input: map('ssa', { a: '1', b: '1' }), out: 'configmap/ssa serverside-applied' },
    {
      run: 'apply --server-side --field-manager=other -f -',
      input: map('ssa', { a: '2' }),
      code: 1,
      err: /conflict with "kubectl": \.data\.a/,
    },
    { run: 'apply --server-side --field-manager=other --force-conflicts -f -', input: map('ssa', { a: '2' }), out: /applied/ },
    { run: 'get cm ssa -o jsonpath={.data.a}{.data.b}', out: '21' },
    { run: 'get cm ssa -o yaml --show-managed-fields', out: [/manager: other/, /operation: Apply/, /f:b: \{\}/] },
    { run: 'apply --server-side -f -', input: map('ssa', {}), out: /applied/ },
    { run: 'get cm ssa -o jsonpath={.data}', out: '{"a":"2"}' },
    {
      run: 'apply --server-side --dry-run=server -f -',
      input: map('ssa', { z: '1' }),
      out: 'configmap/ssa serverside-applied (server dry run)',
    },
    { run: 'diff --server-side -f -', input: map('ssa', { z: '1' }), code: 1, out: /\+\s+z: "1"/ },
  ],
  'from applied by the client to applied on the server, and back': [
    { run: 'apply -f -', input: map('moved', { a: '1', b: '1' }), out: /created/ },
    { run: 'apply --server-side -f -', input: map('moved', { a: '1' }), out: 'configmap/moved serverside-applied' },
    { run: 'get cm moved -o jsonpath={.data}', out: '{"a":"1"}' },
    // By time, to the second, and then by name: the order is another when a second ends between the two.
    {
      run: 'get cm moved -o jsonpath={.metadata.managedFields[*].manager}',
      out: /^(kubectl kubectl-last-applied|kubectl-last-applied kubectl)$/,
    },
    { run: 'apply -f -', input: map('moved', { a: '2' }), out: 'configmap/moved configured', err: /^(Warning.*)?$/ },
    { run: 'get cm moved -o jsonpath={.data}', out: '{"a":"2"}' },
  ],
  replace: [
    { run: 'replace -f -', input: map('ssa', { c: 'd' }), out: 'configmap/ssa replaced' },
    { run: 'get cm ssa -o jsonpath={.data}', out: '{"c":"d"}' },
    { run: 'replace -f -', input: map('never', {}), code: 1, err: /configmaps "never" not found/ },
    { run: 'replace --force -f -', input: map('ssa', { e: 'f' }), out: /"ssa" deleted.*\nconfigmap\/ssa replaced/ },
    {
      run: 'replace --raw /api/v1/namespaces/default/configmaps/ssa -f raw.json',
      files: { 'raw.json': '{"metadata":{"name":"ssa"},"data":{"g":"h"}}' },
      out: /"g":"h"/,
    },
  ],
  edit: [
    { run: 'create configmap edited --from-literal=k=before', out: /created/ },
    { run: 'edit cm edited', files: editor('s/before/after/'), env: EDITOR, out: 'configmap/edited edited' },
    { run: 'get cm edited -o jsonpath={.data.k}', out: 'after' },
    { run: 'edit cm edited', files: editor('s/nothing/nothing/'), env: EDITOR, err: /Edit cancelled, no changes made/ },
    {
      run: 'edit deploy web --subresource=status',
      files: editor('s/^spec:/status: { replicas: 7 }\\nspec:/; /^status: {}$/d'),
      env: EDITOR,
      out: /edited/,
    },
    { run: 'get deploy web -o jsonpath={.status.replicas}', out: '7' },
    {
      run: 'edit deploy web',
      files: editor('s/replicas: 2/replicas: -2/'),
      env: EDITOR,
      code: 1,
      err: /deployments\.apps "web" is invalid/,
    },
  ],
  kustomize: [
    {
      run: 'kustomize k',
      files: {
        'k/kustomization.yaml':
          'namePrefix: my-\nlabels: [{ pairs: { from: k } }]\nresources: [conf.yaml]\nconfigMapGenerator: [{ name: gen, literals: [a=b] }]\n',
        'k/conf.yaml': map('conf', { x: 'y' }),
      },
      out: [/name: my-conf/, /name: my-gen-\w+/],
    },
    { run: 'apply -k k', out: [/configmap\/my-conf created/, /configmap\/my-gen-\w+ created/] },
    { run: 'diff -k k', out: '' },
    { run: 'get -k k -o name', out: /configmap\/my-conf/ },
    { run: 'delete -k k', out: /"my-conf" deleted/ },
  ],
  "custom kinds, ours and the user's": [
    { run: 'apply -f -', input: VIRTUAL_SERVICE, out: /virtualservice.networking.istio.io\/web created/ },
    { run: 'apply -f -', input: VIRTUAL_SERVICE, out: /unchanged/ },
    { run: 'get vs', out: /^NAME\s+GATEWAYS\s+HOSTS\s+AGE\nweb\s+\["web"\]/ },
    { run: ['patch', 'vs', 'web', '--type=merge', '-p', '{"spec":{"hosts":["web","shop"]}}'], out: /patched/ },
    {
      run: ['patch', 'vs', 'web', '-p', '{"spec":{}}'],
      code: 1,
      err: /application\/strategic-merge-patch\+json is not supported|UnsupportedMediaType|unsupported media type|supported/,
    },
    { run: 'get virtualservices.networking.istio.io web -o jsonpath={.spec.hosts}', out: '["web","shop"]' },
    { run: 'apply -f -', input: CUSTOM, out: /boats\.example\.com created/ },
    { run: 'wait crd/boats.example.com --for=condition=established --timeout=5s', out: /condition met/ },
    {
      run: 'apply -f -',
      input: 'apiVersion: example.com/v1\nkind: Boat\nmetadata: { name: sloop }\nspec: { length: 7 }',
      out: 'boat.example.com/sloop created',
    },
    { run: 'get bo', out: /^NAME\s+LENGTH\nsloop\s+7/ },
    { run: 'explain boat.spec.length', out: /FIELD: length <integer>/ },
    {
      run: 'apply -f -',
      input: 'apiVersion: example.com/v1\nkind: Boat\nmetadata: { name: raft }\nspec: { length: 0 }',
      code: 1,
      err: /spec\.length: Invalid value: 0: spec\.length in body should be greater than or equal to 1/,
    },
    {
      run: 'apply -f -',
      input: 'apiVersion: example.com/v1\nkind: Boat\nmetadata: { name: raft }\nspec: { lenght: 2 }',
      code: 1,
      err: /unknown field "spec.lenght"/,
    },
    { run: 'delete crd boats.example.com', out: /deleted/ },
    { run: 'get boats', code: 1, err: /the server doesn't have a resource type "boats"|could not find the requested resource/ },
  ],
});
