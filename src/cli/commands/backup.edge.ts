import { resolve } from 'node:path';
import { backUp } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show } from '../output.ts';

export const backupCommand: Command = {
  name: 'backup',
  summary: 'write every object of the instance to a file, while it runs or is down',
  args: '<file>',
  flags: [{ usage: '--force', help: 'write over a file that is there' }],
  notes:
    'The file holds all objects as of one moment, Secrets among them: only you can read it. Keys and volumes are not in it.\n' +
    '"sluice restore" puts it back.',
  async run(context, flags, [given]) {
    const file = resolve(given!);
    const { objects, revision, bytes } = await backUp(context.paths, file, { force: flags.force === true, say: context.say });
    show(context, { file, objects, revision, bytes }, () => `${file}: ${objects} objects at revision ${revision}, ${bytes} bytes.\n`);
    return EXIT.done;
  },
};
