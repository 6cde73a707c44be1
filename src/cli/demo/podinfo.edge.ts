/** Second half of the demo: delivery. A good version is promoted, a failing one is rolled back. */
import { Canaries, Deployments, type Canary } from '../../api/index.ts';
import { sampleFile, type World } from './world.edge.ts';

const NAMESPACE = 'test';
const SELECT = `reporter="destination",destination_workload_namespace="${NAMESPACE}",destination_workload="podinfo"`;
const SUCCESS_RATE = `100 * sum(rate(istio_requests_total{${SELECT},response_code!~"5.."}[10s])) / sum(rate(istio_requests_total{${SELECT}}[10s]))`;
const P99 = `histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{${SELECT}}[10s])) by (le))`;

/** Applied early: it initialises while Bookinfo is shown. */
export async function applyPodinfo(world: World): Promise<void> {
  world.report.step('podinfo under a Canary');
  await world.kubectl('apply', '-f', sampleFile('podinfo/podinfo.yaml'));
  await world.kubectl('apply', '-f', sampleFile('podinfo/canary.yaml'));
}

const canary = (world: World): Promise<Canary | undefined> => world.object(Canaries, NAMESPACE, 'podinfo');

export async function awaitInitialized(world: World): Promise<void> {
  const { report } = world;
  report.step('The canary is initialised');
  await world.until('the canary is initialised', 60_000, async () =>
    ['Initialized', 'Succeeded', 'Failed'].includes((await canary(world))?.status?.phase ?? ''),
  );
  await world.available(NAMESPACE, 'podinfo-primary', 'flagger-loadtester');
  report.check(
    (await canary(world))?.status?.phase === 'Initialized',
    'podinfo-primary serves, the Deployment podinfo waits for a new version at 0 replicas',
  );
}

async function imageOf(world: World, name: string): Promise<string> {
  return (await world.object(Deployments, NAMESPACE, name))?.spec?.template.spec?.containers[0]?.image ?? '';
}

/** Sets an image and prints a line whenever phase or weight change, until the analysis has ended. */
async function follow(world: World, image: string): Promise<{ phase: string; seconds: number; exposedSeconds: number | undefined }> {
  const { report } = world;
  await world.kubectl('-n', NAMESPACE, 'set', 'image', 'deployment/podinfo', `podinfod=${image}`);
  const started = performance.now();
  let firstWeight: number | undefined;
  let last = '';
  let begun = false;
  report.line(`${'time'.padStart(6)}  ${'phase'.padEnd(13)} weight  failed checks  success    p99     verdict`);
  const deadline = started + 120_000;
  for (;;) {
    const c = await canary(world);
    const phase = c?.status?.phase ?? '';
    if (phase !== 'Initialized' && phase !== 'Succeeded' && phase !== 'Failed') begun = true;
    const ended = begun && (phase === 'Succeeded' || phase === 'Failed');
    const weight = c?.status?.canaryWeight ?? 0;
    if (weight > 0 && firstWeight === undefined) firstWeight = performance.now();
    const key = `${phase} ${weight} ${c?.status?.failedChecks ?? 0}`;
    if (begun && key !== last) {
      last = key;
      const [rate, p99] = await Promise.all([world.metric(SUCCESS_RATE), world.metric(P99)]);
      const now = performance.now();
      const verdict =
        phase === 'Failed'
          ? 'rolled back'
          : phase === 'Succeeded'
            ? 'promoted'
            : (c?.status?.failedChecks ?? 0) > 0
              ? 'halt'
              : weight > 0
                ? 'advance'
                : '';
      report.line(
        `${((now - started) / 1000).toFixed(1).padStart(5)}s  ${phase.padEnd(13)} ${`${weight} %`.padStart(6)}  ${String(c?.status?.failedChecks ?? 0).padStart(13)}  ${(rate === undefined ? '-' : `${rate.toFixed(1)} %`).padStart(7)}  ${(p99 === undefined ? '-' : `${p99.toFixed(0)} ms`).padStart(7)}  ${verdict}`,
      );
    }
    if (ended) {
      const now = performance.now();
      return { phase, seconds: (now - started) / 1000, exposedSeconds: firstWeight === undefined ? undefined : (now - firstWeight) / 1000 };
    }
    if (performance.now() > deadline) return { phase: `${phase} (after 120 s)`, seconds: 120, exposedSeconds: undefined };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function promoteGood(world: World): Promise<void> {
  const { report } = world;
  report.step('A good version is promoted');
  const image = 'ghcr.io/stefanprodan/podinfo:6.14.1';
  const end = await follow(world, image);
  report.check(end.phase === 'Succeeded', `the canary ended ${end.phase} after ${end.seconds.toFixed(1)} s`);
  const now = await imageOf(world, 'podinfo-primary');
  report.check(now === image, `podinfo-primary runs ${now}`);
}

export async function rollBackBad(world: World): Promise<void> {
  const { report } = world;
  report.step('A failing version is rolled back');
  const before = await imageOf(world, 'podinfo-primary');
  const end = await follow(world, 'ghcr.io/stefanprodan/podinfo:error');
  report.check(
    end.phase === 'Failed',
    `the canary ended ${end.phase} after ${end.seconds.toFixed(1)} s${end.exposedSeconds === undefined ? '' : `, ${end.exposedSeconds.toFixed(1)} s after its first share of traffic`}`,
  );
  const now = await imageOf(world, 'podinfo-primary');
  report.check(now === before, `podinfo-primary still runs ${now}`);
  for (const line of (await world.kubectl('-n', NAMESPACE, 'get', 'canary', 'podinfo')).trimEnd().split('\n')) report.line(line);
  for (const line of (
    await world.kubectl('-n', NAMESPACE, 'get', 'events', '--field-selector', 'involvedObject.kind=Canary', '--sort-by=.lastTimestamp')
  )
    .trimEnd()
    .split('\n')
    .slice(-6))
    report.line(line);
}
