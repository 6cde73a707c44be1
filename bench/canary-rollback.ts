/** A version of which every request fails, under 50 requests/s: from its first request to all traffic back on the primary. */
import { Agent, request } from 'node:http';
import { Canaries, Deployments, VirtualServices } from '../src/api/index.ts';
import { applyYaml, gatewayIn, podinfoCanary, sampleYaml, until } from './support/objects.ts';
import { result, round, withInstance } from './support/instance.ts';

const RATE = 50;
const KEY = { namespace: 'test', name: 'podinfo' };

/** Healthy to its probe, dead to everybody else. */
const BROKEN = `require('http').createServer((q, r) => { r.statusCode = q.url === '/readyz' ? 200 : 500; r.end(); }).listen(9898)`;

await withInstance('rollback', async ({ client, status }) => {
  await applyYaml(client, sampleYaml('podinfo/podinfo.yaml'));
  await applyYaml(client, gatewayIn('test'));
  await applyYaml(client, podinfoCanary({ threshold: 1 }));
  await until('the canary is initialised', 60_000, async () => (await client.get(Canaries, KEY))?.status?.phase === 'Initialized');
  const url = new URL((await status()).ingress!.http);
  const agent = new Agent({ keepAlive: true });
  let failed = 0;
  let total = 0;
  let firstFailure = 0;
  let lastFailure = 0;
  const fire = (): void => {
    const r = request({ host: url.hostname, port: url.port, path: '/', agent }, (response) => {
      total++;
      if ((response.statusCode ?? 0) >= 500) {
        failed++;
        lastFailure = performance.now();
        firstFailure ||= lastFailure;
      }
      response.resume();
    });
    r.on('error', () => failed++);
    r.end();
  };
  await until('the primary answers', 20_000, async () => (await fetch(url)).status === 200);
  const load = setInterval(fire, 1000 / RATE);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const failedBefore = failed;
  const body = { spec: { template: { spec: { containers: [{ name: 'podinfod', command: ['node', '-e', BROKEN] }] } } } };
  const deployed = performance.now();
  await client.patch(Deployments, KEY, { type: 'strategic', body });
  await until('the canary has failed', 90_000, async () => (await client.get(Canaries, KEY))?.status?.phase === 'Failed');
  const rolledBack = performance.now();
  await until('no weight is left', 5_000, async () => (await client.get(VirtualServices, KEY))?.spec.http?.[0]?.route?.[1]?.weight === 0);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  clearInterval(load);
  agent.destroy();
  result('canary-rollback', {
    requestsPerSecond: RATE,
    deployToRolledBackMs: round(rolledBack - deployed),
    firstToLastFailureMs: round(lastFailure - firstFailure),
    budgetMs: 2000,
    failedRequests: failed,
    failedBeforeTheRelease: failedBefore,
    requests: total,
  });
});
