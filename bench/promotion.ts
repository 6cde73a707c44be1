/** A promotion of many replicas under load that does not wait for answers: how many requests fail while pods come, weights move and pods go. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Canaries, Deployments, Pods } from '../src/api/index.ts';
import { result, round, withInstance } from './support/instance.ts';
import { applyYaml, gatewayIn, podinfoCanary, sampleYaml, until } from './support/objects.ts';

const REPLICAS = 20;
/**
 * With a sidecar a pod, 1,000 requests a second alone are all that two cores do: what is asked there is as much as leaves room for 40 pods
 * to start. Without, the gateway takes them to the pods, which go on serving for a moment when they are told to end.
 */
const CASES = [
  { sidecars: true, requestsPerSecond: 300 },
  { sidecars: false, requestsPerSecond: 1000 },
] as const;
/** Two times so many pods start on the machine that makes and serves the load as well. */
const START_MS = 180_000;
const KEY = { namespace: 'test', name: 'podinfo' };
const LOAD = fileURLToPath(new URL('../samples/loadtester/load.ts', import.meta.url));

/** What the generator says. */
interface Report {
  readonly latencyMs: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
}

const podinfo = (sidecars: boolean): string => {
  const yaml = sampleYaml('podinfo/podinfo.yaml')
    .replace('replicas: 1', `replicas: ${REPLICAS}`)
    .replaceAll('progressDeadlineSeconds: 60', `progressDeadlineSeconds: ${START_MS / 1000}`);
  if (sidecars) return yaml;
  const podinfod = '- name: podinfod\n';
  return yaml
    .replace('istio-injection: enabled', 'istio-injection: disabled')
    .replace(podinfod, `${podinfod}          lifecycle: { preStop: { sleep: { seconds: 3 } } }\n`);
};

/** Without sidecars nobody counts for the metrics of the sample. */
const podinfoRelease = (sidecars: boolean): string => {
  const yaml = podinfoCanary({ threshold: 2 }).replace('Seconds: 60', `Seconds: ${START_MS / 1000}`);
  return sidecars ? yaml : yaml.replace(/metrics:[^]*/, 'metrics: []\n');
};

for (const { sidecars, requestsPerSecond } of CASES)
  await withInstance('promotion', async ({ client, status }) => {
    await applyYaml(client, podinfo(sidecars));
    await applyYaml(client, gatewayIn('test'));
    await applyYaml(client, podinfoRelease(sidecars));
    const phase = async (): Promise<string> => (await client.get(Canaries, KEY))?.status?.phase ?? '';
    await until('the canary is initialised', START_MS, async () => (await phase()) === 'Initialized');
    const url = (await status()).ingress!.http;
    await until('the primary answers', 20_000, async () => (await fetch(url)).status === 200);

    const load = spawn(process.execPath, [LOAD, '-r', String(requestsPerSecond), '-z', '600s', '-o', 'json', url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const report = text(load.stdout);
    const started = performance.now();
    const body = { spec: { template: { spec: { containers: [{ name: 'podinfod', image: 'podinfo:6.14.1' }] } } } };
    try {
      await client.patch(Deployments, KEY, { type: 'strategic', body });
      await until('the release begins', 30_000, async () => (await phase()) === 'Progressing');
      await until('the release ends', 2 * START_MS, async () => ['Succeeded', 'Failed'].includes(await phase()));
      // The primary's new ones come, the canary's go; those of the version before stay for an undo.
      await until('no pod comes or goes any more', START_MS, async () => {
        const { items } = await client.list(Pods, { namespace: 'test' });
        return items.every(
          (p) => !p.metadata?.deletionTimestamp && p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
        );
      });
    } finally {
      load.kill('SIGTERM');
    }
    const seconds = (performance.now() - started) / 1000;
    const { latencyMs, statuses, errors } = JSON.parse(await report) as Report;
    const { 200: served = 0, ...others } = statuses;
    const failures: Record<string, number> = { ...others, ...errors };
    result('promotion', {
      replicas: REPLICAS,
      sidecars,
      requestsPerSecond,
      ended: await phase(),
      seconds: round(seconds),
      served,
      failed: Object.values(failures).reduce((a, b) => a + b, 0),
      failures,
      budgetFailed: 0,
      latencyMs,
    });
  });
