import { status } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show, table } from '../output.ts';

export const statusCommand: Command = {
  name: 'status',
  summary: 'say what runs, where it listens, and what is wrong',
  flags: [],
  notes: 'It ends with 0 when all runs, 1 when something is wrong, 3 when the instance is stopped.',
  async run(context) {
    const now = await status(context.paths);
    show(context, now, () => {
      if (now.state === 'stopped')
        return now.exists
          ? `instance ${now.name}: stopped ("sluice up${context.again}" goes on from its state)\n`
          : `instance ${now.name}: there is none ("sluice up${context.again}" makes it)\n`;
      const facts: [string, string][] = [
        ['API', now.api!],
        ['context', now.context],
        ['kubeconfig', now.kubeconfig],
        ['ingress', `${now.ingress!.http}   ${now.ingress!.https}`],
        ['Prometheus', now.prometheus!],
      ];
      for (const c of now.components) {
        const memory = c.memoryMB ? `, ${c.memoryMB} MB` : '';
        facts.push([c.name, c.pid ? `pid ${c.pid}${memory}` : c.state]);
      }
      if (now.pods) facts.push(['pods', `${now.pods.ready} of ${now.pods.total} ready`]);
      return [
        `instance ${now.name}: ${now.state}\n`,
        table(facts.map(([what, is]) => [`  ${what}`, is])),
        ...now.problems.map((p) => `! ${p}\n`),
      ].join('');
    });
    return { running: EXIT.done, degraded: EXIT.failed, stopped: EXIT.stopped }[now.state];
  },
};
