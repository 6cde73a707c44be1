import { findKubectl, status, up } from '../../app/index.ts';
import { deployBookinfo, routeByUser, splitTraffic } from '../demo/bookinfo.edge.ts';
import { applyPodinfo, awaitInitialized, promoteGood, rollBackBad } from '../demo/podinfo.edge.ts';
import { Report } from '../demo/report.ts';
import { World } from '../demo/world.edge.ts';
import type { Command } from '../context.ts';
import { errorText, table } from '../output.ts';
import { namedPorts, PORT_FLAGS } from '../ports.ts';

export const demoCommand: Command = {
  name: 'demo',
  summary: 'show the main road: a mesh, routed requests, a version promoted and one rolled back (exit status 1 when a step fails)',
  flags: PORT_FLAGS,
  async run(context, flags) {
    const json = context.output !== 'text';
    const report = new Report(json ? context.say : context.print, () => performance.now());
    const started = performance.now();
    report.step('Sluice comes up');
    const kubectl = findKubectl(context.env, context.paths.cacheDir);
    const { alreadyUp } = await up(context.paths, {
      ports: namedPorts(flags),
      env: context.env,
      userKubeconfig: context.userKubeconfig,
      say: (t) => report.line(t),
    });
    const now = await status(context.paths);
    const memory = now.components.reduce((sum, c) => sum + (c.memoryMB ?? 0), 0);
    report.check(
      now.state === 'running',
      `${alreadyUp ? 'it was up already' : `up in ${((performance.now() - started) / 1000).toFixed(1)} s`}: API ${now.api}, ingress ${now.ingress?.http}, ${memory} MB`,
    );
    const world = new World(context, report, kubectl, now);
    try {
      await applyPodinfo(world);
      await deployBookinfo(world);
      await splitTraffic(world);
      await routeByUser(world);
      await awaitInitialized(world);
      await promoteGood(world);
      await rollBackBad(world);
    } catch (error) {
      report.check(false, errorText(error).trimEnd());
    } finally {
      world.close();
    }
    report.end();
    const seconds = (performance.now() - started) / 1000;
    const summary = {
      ok: report.failed.length === 0,
      seconds: Number(seconds.toFixed(1)),
      steps: Object.fromEntries(report.seconds),
      failed: report.failed,
    };
    if (json) context.print(`${JSON.stringify(summary, null, 2)}\n`);
    else {
      context.print(`\n== Summary\n${table([...report.seconds].map(([step, s]) => [`   ${step}`, `${s.toFixed(1)} s`]))}`);
      context.print(
        `   ${report.facts.length - report.failed.length} of ${report.facts.length} checks passed, ${seconds.toFixed(1)} s in all\n`,
      );
      for (const f of report.failed) context.print(`   ✗ ${f.step}: ${f.text}\n`);
      context.print(
        `\nIt goes on running. By hand:\n` +
          `   open ${world.ingressUrl}/productpage\n` +
          `   kubectl --context ${now.context} -n test describe canary podinfo\n` +
          `   kubectl --context ${now.context} -n test set image deployment/podinfo podinfod=ghcr.io/stefanprodan/podinfo:6.14.2\n` +
          `   npx sluice down --purge${context.paths.name === 'default' ? '' : ` --name ${context.paths.name}`}\n`,
      );
    }
    return summary.ok ? 0 : 1;
  },
};
