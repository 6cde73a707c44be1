import { status } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { show, table } from '../output.ts';

export const statusCommand: Command = {
  name: 'status',
  summary: 'say what runs, where it listens, and what is wrong (exit status 1 when not all is well)',
  flags: [],
  async run(context) {
    const now = await status(context.paths);
    show(context, now, () => {
      const lines = [`instance ${now.name}: ${now.state}\n`];
      if (now.api)
        lines.push(
          table([
            ['  API', now.api],
            ['  context', now.context],
            ['  kubeconfig', now.kubeconfig],
            ['  ingress', `${now.ingress?.http}  ${now.ingress?.https}`],
            ['  Prometheus', now.prometheus ?? ''],
          ]),
        );
      lines.push(
        table(
          now.components.map((c) => [
            `  ${c.name}`,
            c.state,
            c.pid ? `pid ${c.pid}` : '',
            c.memoryMB === undefined ? '' : `${c.memoryMB} MB`,
          ]),
        ),
      );
      if (now.pods) lines.push(`  pods: ${now.pods.ready} of ${now.pods.total} ready\n`);
      for (const problem of now.problems) lines.push(`! ${problem}\n`);
      return lines.join('');
    });
    return now.state === 'running' ? 0 : 1;
  },
};
