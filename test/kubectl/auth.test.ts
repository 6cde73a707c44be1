/** Who somebody is and what they may, asked with the real kubectl. */
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { runSteps, type Step } from '../support/steps.ts';

let api: TestApi;
before(async () => (api = await startTestApi()));
after(() => api.close());

/** Arguments that make kubectl come with these credentials alone. */
const bare = (...credentials: string[]): string[] => [
  '--kubeconfig=/dev/null',
  `--server=${api.url}`,
  `--certificate-authority=${join(api.dir, 'pki', 'api-ca.crt')}`,
  ...credentials,
];

async function tokenOf(account: string): Promise<string> {
  const { stdout, stderr } = await api.kubectl.run(['create', 'token', account, '--duration=1h']);
  assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n?$/, stderr);
  return stdout.trim();
}

const WHO = 'jsonpath={.status.userInfo.username} {.status.userInfo.groups}';
const LOGGED_OUT = /You must be logged in to the server|the server has asked for the client to provide credentials|Unauthorized/;

test('a token of a ServiceAccount is made, is good to speak as it, and ends with it', async () => {
  await runSteps(api.kubectl, [
    { run: 'create serviceaccount robot', out: 'serviceaccount/robot created' },
    { run: 'create token nobody', code: 1, err: /serviceaccounts "nobody" not found/ },
    { run: 'create token robot --duration=1m', code: 1, err: /may not specify a duration less than 10 minutes/ },
  ]);
  const robot = bare(`--token=${await tokenOf('robot')}`);
  await runSteps(api.kubectl, [
    {
      run: [...robot, 'auth', 'whoami', '-o', WHO],
      out: 'system:serviceaccount:default:robot ["system:serviceaccounts","system:serviceaccounts:default","system:authenticated"]',
    },
    {
      run: [...robot, 'get', 'pods'],
      code: 1,
      err: /^Error from server \(Forbidden\): pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"\n$/,
    },
    { run: 'create rolebinding robot --clusterrole=view --serviceaccount=default:robot', out: /created/ },
    { run: [...robot, 'get', 'pods'], err: /No resources found/ },
    { run: [...robot, 'get', 'pods', '-A'], code: 1, err: /pods is forbidden: .* at the cluster scope/ },
    { run: [...robot, 'get', 'secrets'], code: 1, err: /secrets is forbidden/ },
    { run: [...robot, 'create', 'configmap', 'x'], code: 1, err: /configmaps is forbidden: .* cannot create/ },
    { run: 'delete serviceaccount robot', out: /deleted/ },
    { run: [...robot, 'get', 'pods'], code: 1, err: LOGGED_OUT },
    { run: [...bare('--token=wrong'), 'get', 'pods'], code: 1, err: LOGGED_OUT },
  ]);
});

test('a Secret that asks for the token of an account is given one', async () => {
  const secret = `
apiVersion: v1
kind: Secret
metadata: { name: old-token, annotations: { kubernetes.io/service-account.name: old } }
type: kubernetes.io/service-account-token`;
  await runSteps(api.kubectl, [
    { run: 'create serviceaccount old', out: /created/ },
    { run: 'apply -f -', input: secret, out: /created/ },
    { run: 'wait secret/old-token --for=jsonpath={.data.token} --timeout=10s', out: /condition met/ },
    { run: 'describe secret old-token', out: [/ca.crt:\s+\d+ bytes/, /namespace:\s+7 bytes/, /token:\s+eyJ/] },
  ]);
  const { stdout } = await api.kubectl.run(['get', 'secret', 'old-token', '-o', 'jsonpath={.data.token}']);
  const token = Buffer.from(stdout, 'base64').toString();
  await runSteps(api.kubectl, [
    { run: [...bare(`--token=${token}`), 'auth', 'whoami', '-o', WHO], out: /^system:serviceaccount:default:old / },
    { run: 'apply -f -', input: secret.replace('.name:', '.other:'), code: 1, err: /service-account.name\]: Required value/ },
  ]);
});

test('the keys of tokens are published', async () => {
  await runSteps(api.kubectl, [
    { run: 'get --raw /.well-known/openid-configuration', out: /"issuer":"https:\/\/kubernetes.default.svc.cluster.local"/ },
    {
      run: 'get --raw /openid/v1/jwks',
      out: /^\{"keys":\[\{"use":"sig","kty":"RSA","kid":"[\w-]+","alg":"RS256","n":"[\w-]+","e":"AQAB"\}\]\}$/,
    },
  ]);
});

const RBAC = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: deployer, namespace: default }
rules:
  - { apiGroups: [apps], resources: [deployments, deployments/scale], verbs: [get, list, watch, update, patch] }
  - { apiGroups: [""], resources: [configmaps], resourceNames: [settings], verbs: [get, update] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: deployer, namespace: default }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer }
subjects: [{ kind: Group, name: deployers, apiGroup: rbac.authorization.k8s.io }]`;

const CASES: Record<string, readonly Step[]> = {
  'can-i, for oneself and for others': [
    { run: 'auth can-i delete nodes', out: 'yes', err: /not namespace scoped/ },
    { run: ['auth', 'can-i', '*', '*'], out: 'yes' },
    {
      run: 'auth reconcile -f -',
      input: RBAC,
      out: [/role.rbac.authorization.k8s.io\/deployer reconciled/, /rolebinding.rbac.authorization.k8s.io\/deployer reconciled/],
    },
    { run: 'auth reconcile -f -', input: RBAC, out: /reconciled/ },
    { run: 'auth can-i list deployments.apps --as=jane --as-group=deployers', out: 'yes' },
    { run: 'auth can-i list deployments.apps --as=jane', code: 1, out: 'no' },
    { run: 'auth can-i update deployments.apps --subresource=scale --as=jane --as-group=deployers', out: 'yes' },
    { run: 'auth can-i get configmaps/settings --as=jane --as-group=deployers', out: 'yes' },
    { run: 'auth can-i get configmaps/other --as=jane --as-group=deployers', code: 1, out: 'no' },
    { run: 'auth can-i list deployments.apps -n kube-system --as=jane --as-group=deployers', code: 1, out: 'no' },
    { run: 'auth can-i get /metrics --as=jane', code: 1, out: 'no' },
    { run: 'auth can-i get /healthz', out: 'yes' },
    {
      run: 'auth can-i --list --as=jane --as-group=deployers',
      out: [
        /deployments.apps\s+\[\]\s+\[\]\s+\[get list watch update patch\]/,
        /configmaps\s+\[\]\s+\[settings\]\s+\[get update\]/,
        /selfsubjectreviews.authentication.k8s.io/,
      ],
    },
  ],
  'as somebody else': [
    { run: ['auth', 'whoami', '-o', WHO, '--as=jane'], out: 'jane ["system:authenticated"]' },
    { run: ['auth', 'whoami', '-o', WHO, '--as=jane', '--as-group=a', '--as-group=b'], out: 'jane ["a","b","system:authenticated"]' },
    {
      run: ['auth', 'whoami', '-o', WHO, '--as=system:serviceaccount:kube-system:default'],
      out: /^system:serviceaccount:kube-system:default \["system:serviceaccounts","system:serviceaccounts:kube-system","system:authenticated"\]/,
    },
    { run: ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.uid}', '--as=jane', '--as-uid=u-1'], out: 'u-1' },
    {
      run: 'get secrets --as=jane',
      code: 1,
      err: /secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "default"/,
    },
    {
      run: 'get nodes --as=jane',
      code: 1,
      err: /nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope/,
    },
    {
      run: 'delete deployment nothing --as=jane',
      code: 1,
      err: /deployments.apps "nothing" is forbidden: User "jane" cannot delete resource "deployments" in API group "apps"/,
    },
    { run: 'get --raw /metrics --as=jane', code: 1, err: /forbidden: User "jane" cannot get path "\/metrics"/ },
    { run: 'exec nothing --as=jane -- ls', code: 1, err: /pods "nothing" is forbidden|cannot (get|create) resource "pods/ },
  ],
  'nobody gives more than they have': [
    {
      run: 'create clusterrole roles --verb=create,get --resource=roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io',
      out: /created/,
    },
    { run: 'create clusterrolebinding roles --clusterrole=roles --user=joe', out: /created/ },
    {
      run: 'create role all --verb=get --resource=secrets --as=joe',
      code: 1,
      err: /roles.rbac.authorization.k8s.io "all" is forbidden: user "joe" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get"\]\}/,
    },
    {
      run: 'create rolebinding all --clusterrole=admin --user=joe --as=joe',
      code: 1,
      err: /rolebindings.rbac.authorization.k8s.io "all" is forbidden: user "joe" /,
    },
    { run: 'create role own --verb=get --resource=roles.rbac.authorization.k8s.io --as=joe', out: /created/ },
  ],
  'the roles that are there': [
    { run: 'get clusterrole cluster-admin admin edit view system:discovery -o name', out: /\/view\n/ },
    { run: 'describe clusterrole view', out: /Resources\s+Non-Resource URLs\s+Resource Names\s+Verbs/ },
    { run: 'describe clusterrolebinding cluster-admin', out: [/Group\s+system:masters/, /Name:\s+cluster-admin/] },
    { run: 'get clusterrolebindings -o wide', out: /ROLE\s+AGE\s+USERS\s+GROUPS\s+SERVICEACCOUNTS/ },
  ],
};

for (const [what, steps] of Object.entries(CASES)) test(what, () => runSteps(api.kubectl, steps));

/** A key and a request for a certificate of it, as files of the test and as text. */
async function certificateRequest(name: string): Promise<{ keyFile: string; request: string }> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } });
  const keyFile = join(api.dir, 'client.key');
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  writeFileSync(keyFile, `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`);
  return { keyFile, request: Buffer.from(request.toString('pem')).toString('base64') };
}

test('a certificate is asked for, approved, and good to speak as its subject', async () => {
  const { keyFile, request } = await certificateRequest('CN=ann, O=team');
  const asked = `
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: { name: ann }
spec: { request: ${request}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], expirationSeconds: 3600 }`;
  await runSteps(api.kubectl, [
    { run: 'apply -f -', input: asked, out: /created/ },
    { run: 'get csr ann', out: /ann\s+\S+\s+kubernetes.io\/kube-apiserver-client\s+sluice-admin\s+60m\s+Pending/ },
    { run: 'certificate approve ann', out: 'certificatesigningrequest.certificates.k8s.io/ann approved' },
    { run: 'wait csr/ann --for=jsonpath={.status.certificate} --timeout=10s', out: /condition met/ },
    { run: 'get csr ann', out: /Approved,Issued/ },
    { run: 'certificate deny ann', code: 1, err: /is already Approved/ },
    { run: 'describe csr ann', out: [/Common Name:\s+ann/, /Organization:\s+team/, /Status:\s+Approved,Issued/] },
  ]);
  const { stdout } = await api.kubectl.run(['get', 'csr', 'ann', '-o', 'jsonpath={.status.certificate}']);
  const certFile = join(api.dir, 'client.crt');
  writeFileSync(certFile, Buffer.from(stdout, 'base64'));
  const ann = bare(`--client-certificate=${certFile}`, `--client-key=${keyFile}`);
  await runSteps(api.kubectl, [
    { run: [...ann, 'auth', 'whoami', '-o', WHO], out: 'ann ["team","system:authenticated"]' },
    { run: [...ann, 'get', 'pods'], code: 1, err: /pods is forbidden: User "ann" cannot list resource "pods"/ },
    { run: 'create clusterrolebinding team --clusterrole=view --group=team', out: /created/ },
    { run: [...ann, 'get', 'pods', '-A'], err: /No resources found/ },
  ]);
});
