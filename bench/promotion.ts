/** Two promotions under load: how many requests fail while pods come, weights move and pods go. */
import { Agent, request } from 'node:http';
import { Canaries, Deployments } from '../src/api/index.ts';
import { result, withInstance } from './support/instance.ts';
import { applyYaml, gatewayIn, podinfoCanary, sampleYaml, until } from './support/objects.ts';

const RATE = 250;
const KEY = { namespace: 'test', name: 'podinfo' };

await withInstance('promotion', async ({ client, status }) => {
  await applyYaml(client, sampleYaml('podinfo/podinfo.yaml'));
  await applyYaml(client, gatewayIn('test'));
  await applyYaml(client, podinfoCanary({ threshold: 2 }));
  const phase = async (): Promise<string> => (await client.get(Canaries, KEY))?.status?.phase ?? '';
  await until('the canary is initialised', 60_000, async () => (await phase()) === 'Initialized');
  const url = new URL((await status()).ingress!.http);
  await until('the primary answers', 20_000, async () => (await fetch(url)).status === 200);

  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const failures = new Map<string, number>();
  const failed = (why: string): void => void failures.set(why, (failures.get(why) ?? 0) + 1);
  let served = 0;
  const fire = (): void => {
    const r = request({ host: url.hostname, port: url.port, path: '/', agent }, (response) => {
      if (response.statusCode === 200) served++;
      else failed(`status ${response.statusCode}`);
      response.resume();
    });
    r.on('error', (error) => failed(error.message));
    r.end();
  };
  const load = setInterval(() => {
    for (let i = 0; i < RATE / 50; i++) fire();
  }, 20);
  for (const version of ['6.14.1', '6.14.2']) {
    const body = { spec: { template: { spec: { containers: [{ name: 'podinfod', image: `podinfo:${version}` }] } } } };
    await client.patch(Deployments, KEY, { type: 'strategic', body });
    await until('the release begins', 30_000, async () => (await phase()) === 'Progressing');
    await until('the release ends', 90_000, async () => ['Succeeded', 'Failed'].includes(await phase()));
    if ((await phase()) !== 'Succeeded') throw new Error(`version ${version} was not promoted`);
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // The old pods go.
  }
  clearInterval(load);
  await new Promise((resolve) => setTimeout(resolve, 500));
  agent.destroy();
  result('promotion', {
    requestsPerSecond: RATE,
    promotions: 2,
    served,
    failed: [...failures.values()].reduce((a, b) => a + b, 0),
    failures: Object.fromEntries(failures),
    budgetFailed: 0,
  });
});
