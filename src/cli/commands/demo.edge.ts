import { findKubectl, status, up, type InstanceStatus } from '../../app/index.ts';
import { deployBookinfo, routeByUser, splitTraffic } from '../demo/bookinfo.edge.ts';
import { applyPodinfo, awaitInitialized, promoteGood, rollBackBad } from '../demo/podinfo.edge.ts';
import { Report } from '../demo/report.ts';
import { World } from '../demo/world.edge.ts';
import type { Command, CommandContext } from '../context.ts';
import { EXIT } from '../exit.ts';
import { aborted, interruption } from '../interrupt.edge.ts';
import { explain, table } from '../output.ts';
import { namedPorts, PORT_FLAGS } from '../ports.ts';

/** In this order; the first is applied early, so that it initialises while Bookinfo is shown. */
const STEPS: readonly ((world: World) => Promise<void>)[] = [
  applyPodinfo,
  deployBookinfo,
  splitTraffic,
  routeByUser,
  awaitInitialized,
  promoteGood,
  rollBackBad,
];

export const demoCommand: Command = {
  name: 'demo',
  summary: 'show the main road: a mesh, routed requests, a version promoted and one rolled back',
  flags: PORT_FLAGS,
  notes:
    'It brings the instance up when it is not, works in the namespaces "default" and "test", and leaves all running.\n' +
    'It ends with 0 when every step came out as expected, 1 when one did not. It can be run again.',
  async run(context, flags) {
    const ports = namedPorts(flags);
    const json = context.output !== 'text';
    const report = new Report(json ? context.say : context.print, () => performance.now(), context.color && !json);
    const stop = interruption();
    const started = performance.now();

    report.step('Sluice comes up');
    const kubectl = findKubectl(context.env, context.paths.cacheDir);
    const { env, userKubeconfig } = context;
    const say = (text: string): void => report.line(text);
    const done = await Promise.race([up(context.paths, { ports, env, userKubeconfig, say }), aborted(stop, undefined)]);
    if (!done) return interrupted(context);
    const now = await status(context.paths);
    const memory = now.components.reduce((sum, c) => sum + (c.memoryMB ?? 0), 0);
    const took = done.alreadyUp ? 'it was up already' : `up in ${((performance.now() - started) / 1000).toFixed(1)} s`;
    report.check(now.state === 'running', `${took}: API ${now.api}, ingress ${now.ingress?.http}, ${memory} MB`);

    const world = new World(context, report, kubectl, now);
    const steps = runSteps(world, stop);
    const ended = await Promise.race([steps.then(() => true), aborted(stop, false)]);
    await world.close().catch((error: unknown) => fail(report, error));
    if (!ended) return interrupted(context);
    report.end();
    const ok = report.failed.length === 0;
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
    if (json) {
      const summary = {
        ok,
        seconds,
        steps: Object.fromEntries([...report.seconds].map(([step, s]) => [step, Number(s.toFixed(1))])),
        failed: report.failed,
      };
      context.print(`${JSON.stringify(summary, null, 2)}\n`);
    } else {
      summarise(report, seconds);
      report.heading(ok ? 'It goes on running. By hand:' : 'What to look at:');
      const run = kubectl.startsWith(context.paths.cacheDir) ? `npx sluice kubectl${context.again}` : `kubectl --context ${now.context}`;
      report.line(table(ok ? byHand(context, now, run) : toLookAt(context, run)));
    }
    return ok ? EXIT.done : EXIT.failed;
  },
};

/** Never rejects: what goes wrong is in the report, unless it is the interruption that did it. */
async function runSteps(world: World, stop: AbortSignal): Promise<void> {
  try {
    for (const step of STEPS) await step(world);
  } catch (error) {
    if (!stop.aborted) fail(world.report, error);
  }
}

function fail(report: Report, error: unknown): void {
  const { wrong, hint } = explain(error);
  report.check(false, wrong);
  if (hint) report.line(hint);
}

function interrupted(context: CommandContext): number {
  context.say(`\nInterrupted; what was temporary is taken back. The instance goes on running: "npx sluice down${context.again}" stops it.`);
  return EXIT.interrupted;
}

function summarise(report: Report, seconds: number): void {
  report.heading('Summary');
  const width = Math.max(...[...report.seconds.keys()].map((step) => step.length));
  for (const [step, s] of report.seconds) {
    const failed = report.failed.filter((f) => f.step === step);
    report.line(`${report.mark(failed.length === 0)} ${step.padEnd(width)}  ${`${s.toFixed(1)} s`.padStart(7)}`);
    for (const f of failed) report.line(`    ${f.text}`);
  }
  const passed = report.facts.length - report.failed.length;
  report.line(`${passed} of ${report.facts.length} checks passed, ${seconds.toFixed(1)} s in all`);
}

function byHand(context: CommandContext, now: InstanceStatus, run: string): string[][] {
  return [
    ['see', `${now.ingress?.http}/productpage   (sign in as jason for version 2)`],
    ['ship', `${run} -n test set image deployment/podinfo podinfod=ghcr.io/stefanprodan/podinfo:6.14.2`],
    ['watch', `${run} -n test get canary podinfo -w`],
    ['ask', `curl -s '${now.prometheus}/api/v1/query?query=istio_requests_total'`],
    ['stop', `npx sluice down${context.again}   (--purge forgets everything)`],
  ];
}

function toLookAt(context: CommandContext, run: string): string[][] {
  return [
    ['state', `npx sluice status${context.again}`],
    ['pods', `${run} get pods,events -A`],
    ['logs', context.paths.logDir],
    ['again', `npx sluice demo${context.again}   (it goes on with what runs; "npx sluice down --purge${context.again}" starts afresh)`],
  ];
}
