import { down } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { show } from '../output.ts';

export const downCommand: Command = {
  name: 'down',
  summary: 'stop the instance; its state is kept',
  flags: [{ usage: '--purge', help: 'forget the state too: objects, keys, volumes, logs, and the context in your kubeconfig' }],
  async run(context, flags) {
    const purge = flags.purge === true;
    const { wasUp } = await down(context.paths, { purge, userKubeconfig: context.userKubeconfig, say: context.say });
    show(
      context,
      { name: context.paths.name, wasUp, purged: purge },
      () =>
        `${wasUp ? 'Sluice is down' : 'Sluice was not running'}${purge ? '; its state is forgotten' : '; its state is kept ("sluice up" goes on from it)'}.\n`,
    );
    return 0;
  },
};
