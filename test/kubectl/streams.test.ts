/** logs, exec, attach and port-forward with the real kubectl, over each of the protocols it knows. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Pods } from '../../src/api/index.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { runSteps, said } from '../support/steps.ts';

let api: TestApi;
let app: Server;
const payload = randomBytes(300_000).toString('base64');
before(async () => {
  api = await startTestApi();
  for (const name of ['web', 'silent']) {
    const pod = { metadata: { name, namespace: 'default', labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'img' }] } };
    await api.client.create(Pods, pod);
    await api.client.patch(
      Pods,
      { namespace: 'default', name },
      { type: 'merge', body: { status: { phase: 'Running' } } },
      { subresource: 'status' },
    );
  }
  for (const line of ['one', 'two', 'three']) api.kubelet.log('default/web', line);
  app = createServer((_req, res) => res.end(payload));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  app.close();
  app.closeAllConnections();
  await api.close();
});

test('logs', async () => {
  await runSteps(api.kubectl, [
    { run: 'logs web', out: 'one\ntwo\nthree' },
    { run: 'logs web --prefix --all-containers --tail=1', out: '[pod/web/app] three' },
    { run: 'logs -l app=web --tail=1', out: 'three' },
    { run: 'logs web --tail=1 --timestamps --since=5m', out: 'three' },
    { run: 'logs web --since-time=2026-01-02T03:04:05Z --limit-bytes=9' },
    { run: 'logs silent', code: 1, err: /container "app" in pod "silent" is waiting to start/ },
    { run: 'logs web -c other', code: 1, err: /container other is not valid for pod web/ },
    { run: 'logs nothing', code: 1, err: /pods "nothing" not found/ },
  ]);
  const { tailLines, timestamps, sinceSeconds } = api.kubelet.asked[3]!;
  assert.deepEqual([tailLines, timestamps, sinceSeconds], [1, true, 300]);
  const { sinceTime, limitBytes } = api.kubelet.asked[4]!;
  assert.deepEqual([sinceTime, limitBytes], ['2026-01-02T03:04:05Z', 9]);
});

test('logs -f shows lines as they are written', async () => {
  const following = api.kubectl.start(['logs', '-f', '--tail=1', 'web']);
  try {
    await said(following.stdout!, /^three\n$/);
    const next = said(following.stdout!, /^four\n$/);
    api.kubelet.log('default/web', 'four');
    await next;
  } finally {
    following.kill();
  }
});

for (const [protocol, websockets] of [
  ['WebSocket', 'true'],
  ['SPDY', 'false'],
] as const) {
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: websockets, KUBECTL_PORT_FORWARD_WEBSOCKETS: websockets };

  test(`exec over ${protocol}`, async () => {
    const large = 'x'.repeat(500_000);
    await runSteps(api.kubectl, [
      { run: ['exec', 'web', '--', 'sh', '-c', 'sleep 0.1; echo out; echo err >&2; exit 3'], env, code: 3, out: 'out', err: /^err\n/ },
      { run: 'exec -i web -- wc -c', input: large, env, out: '500000' },
      { run: 'exec -i web -- cat', input: large, env, out: large },
      { run: 'exec web -- echo at once', env, out: 'at once' },
      { run: `cp sent web:${api.dir}/there`, files: { sent: large }, env },
      { run: `cp web:${api.dir}/there back`, env },
      { run: `exec web -- cmp ${api.dir}/sent ${api.dir}/back`, env },
      { run: 'exec nothing -- ls', env, code: 1, err: /pods "nothing" not found/ },
      { run: 'exec web -c other -- ls', env, code: 1, err: /container other is not valid/ },
      { run: 'exec web -- /no/such/program', env, code: 1, err: /ENOENT/ },
    ]);
  });

  test(`attach over ${protocol}`, async () => {
    await runSteps(api.kubectl, [{ run: 'attach -i web', input: 'hello\n', env, out: /hello/ }]);
  });

  test(`port-forward over ${protocol}`, async () => {
    const { port } = app.address() as AddressInfo;
    const forwarding = api.kubectl.start(['port-forward', 'pod/web', `:${port}`], env);
    try {
      const text = await said(forwarding.stdout!, /Forwarding.*\n/);
      const local = /127\.0\.0\.1:(\d+) ->/.exec(text)?.[1];
      assert.ok(local, text);
      const answers = await Promise.all([1, 2, 3].map(async () => (await fetch(`http://127.0.0.1:${local}/`)).text()));
      for (const answer of answers) assert.ok(answer === payload, 'what came through is what was sent');
    } finally {
      forwarding.kill();
    }
  });
}
