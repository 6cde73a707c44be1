import { down } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show } from '../output.ts';

export const downCommand: Command = {
  name: 'down',
  summary: 'stop the instance; its state is kept',
  flags: [{ usage: '--purge', help: 'forget the state too: objects, keys, volumes, logs, and the context in your kubeconfig' }],
  notes: 'It is no failure when nothing runs.',
  async run(context, flags) {
    const purge = flags.purge === true;
    const { name } = context.paths;
    const { wasUp, existed } = await down(context.paths, { purge, userKubeconfig: context.userKubeconfig, say: context.say });
    show(context, { name, wasUp, existed, purged: purge && existed }, () => {
      if (!existed) return `There is no instance "${name}"; nothing to do.\n`;
      const was = wasUp ? 'Sluice is down' : 'Sluice was not running';
      return `${was}; its state is ${purge ? 'forgotten' : `kept ("sluice up${context.again}" goes on from it)`}.\n`;
    });
    return EXIT.done;
  },
};
