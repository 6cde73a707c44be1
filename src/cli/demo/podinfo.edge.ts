/** Second half of the demo: delivery. A good version is promoted, a failing one is rolled back. */
import { Canaries, Deployments, type Canary } from '../../api/index.ts';
import { hasEnded, HEADER, isUnderWay, phaseOf, row } from './canary-table.ts';
import { sampleFile, type World } from './world.edge.ts';

const NAMESPACE = 'test';
/** The version that `podinfo.yaml` names, one that is as good, and one whose requests fail. */
const [FIRST, GOOD, BAD] = ['6.14.0', '6.14.1', 'error'].map((tag) => `ghcr.io/stefanprodan/podinfo:${tag}`) as [string, string, string];
const ANALYSIS_MS = 120_000;
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

/**
 * Waits until the first version is the primary and no analysis runs. After an earlier demo the Canary has gone on from there: then
 * the first version, applied again, is shipped like any other.
 */
export async function awaitInitialized(world: World): Promise<void> {
  const { report } = world;
  report.step('The canary is initialised');
  let again = false;
  await world.until('the canary is at rest with its first version', 120_000, async () => {
    const c = await canary(world);
    const atRest = ['Initialized', 'Succeeded'].includes(phaseOf(c)) && (await imageOf(world, 'podinfo-primary')) === FIRST;
    if (!again && isUnderWay(c)) {
      again = true;
      report.line(`an earlier demo has shipped other versions: ${FIRST} is shipped again first`);
    }
    return atRest;
  });
  await world.available(NAMESPACE, 'podinfo-primary', 'flagger-loadtester');
  const replicas = (await world.object(Deployments, NAMESPACE, 'podinfo'))?.spec?.replicas;
  report.check(replicas === 0, `podinfo-primary serves ${FIRST}; the Deployment podinfo waits for a new version at ${replicas} replicas`);
}

async function imageOf(world: World, name: string): Promise<string> {
  return (await world.object(Deployments, NAMESPACE, name))?.spec?.template.spec?.containers[0]?.image ?? '';
}

interface Outcome {
  readonly phase: string;
  /** Since the version was set. */
  readonly seconds: number;
  /** Since it was given its first share of traffic; undefined when it never was. */
  readonly exposedSeconds: number | undefined;
}

/** Sets an image and prints a line whenever phase, weight or failed checks change, until the analysis has ended. */
async function ship(world: World, image: string): Promise<Outcome> {
  const { report } = world;
  await world.kubectl('-n', NAMESPACE, 'set', 'image', 'deployment/podinfo', `podinfod=${image}`);
  report.line(HEADER);
  const started = performance.now();
  let exposedAt: number | undefined;
  let begun = false;
  let last = '';
  await world.until(`the analysis of ${image} has ended`, ANALYSIS_MS, async () => {
    const c = await canary(world);
    begun ||= isUnderWay(c);
    if (!begun) return false;
    const { canaryWeight = 0, failedChecks = 0 } = c?.status ?? {};
    if (canaryWeight > 0) exposedAt ??= performance.now();
    const state = `${phaseOf(c)} ${canaryWeight} ${failedChecks}`;
    if (state !== last) {
      last = state;
      const [successRate, p99Ms] = await Promise.all([world.metric(SUCCESS_RATE), world.metric(P99)]);
      report.line(row(c, { successRate, p99Ms }, (performance.now() - started) / 1000));
    }
    return hasEnded(c);
  });
  const now = performance.now();
  return {
    phase: phaseOf(await canary(world)),
    seconds: (now - started) / 1000,
    exposedSeconds: exposedAt === undefined ? undefined : (now - exposedAt) / 1000,
  };
}

export async function promoteGood(world: World): Promise<void> {
  const { report } = world;
  report.step('A good version is promoted');
  const end = await ship(world, GOOD);
  report.check(end.phase === 'Succeeded', `the canary ended ${end.phase} after ${end.seconds.toFixed(1)} s`);
  const now = await imageOf(world, 'podinfo-primary');
  report.check(now === GOOD, `podinfo-primary runs ${now}`);
}

export async function rollBackBad(world: World): Promise<void> {
  const { report } = world;
  report.step('A failing version is rolled back');
  const before = await imageOf(world, 'podinfo-primary');
  const end = await ship(world, BAD);
  report.check(
    end.phase === 'Failed',
    `the canary ended ${end.phase} after ${end.seconds.toFixed(1)} s${end.exposedSeconds === undefined ? '' : `, ${end.exposedSeconds.toFixed(1)} s after its first share of traffic`}`,
  );
  const now = await imageOf(world, 'podinfo-primary');
  report.check(now === before, `podinfo-primary still runs ${now}`);
  report.line(await world.kubectl('-n', NAMESPACE, 'get', 'canary', 'podinfo'));
  const ofCanary = ['--field-selector', 'involvedObject.kind=Canary', '--sort-by=.metadata.resourceVersion'];
  const events = await world.kubectl('-n', NAMESPACE, 'get', 'events', ...ofCanary);
  report.line(events.trimEnd().split('\n').slice(-6).join('\n'));
}
