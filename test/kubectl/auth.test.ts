/** Who somebody is and what they may, asked with the real kubectl. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { runSteps } from '../support/steps.ts';

let api: TestApi;
before(async () => (api = await startTestApi()));
after(() => api.close());

/** Arguments that make kubectl somebody else: the credentials of the kubeconfig would go before `--token`. */
const as = (token: string): string[] => [
  '--kubeconfig=/dev/null',
  `--server=${api.url}`,
  `--certificate-authority=${api.dir}/pki/api-ca.crt`,
  `--token=${token}`,
];

test('a token of a ServiceAccount is made, and is good to speak as it', async () => {
  await runSteps(api.kubectl, [
    { run: 'create serviceaccount robot', out: 'serviceaccount/robot created' },
    { run: 'create token nobody', code: 1, err: /serviceaccounts "nobody" not found/ },
    { run: 'create token robot --duration=1m', code: 1, err: /may not specify a duration less than 10 minutes/ },
  ]);
  const { stdout } = await api.kubectl.run(['create', 'token', 'robot', '--duration=1h']);
  const token = stdout.trim();
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  await runSteps(api.kubectl, [
    { run: [...as(token), 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], out: 'system:serviceaccount:default:robot' },
    { run: 'delete serviceaccount robot', out: /deleted/ },
    {
      run: [...as(token), 'auth', 'whoami'],
      code: 1,
      err: /You must be logged in to the server \(Unauthorized\)|the server has asked for the client to provide credentials/,
    },
    { run: [...as('wrong'), 'get', 'pods'], code: 1, err: /Unauthorized|provide credentials/ },
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
