import { resolve } from 'node:path';
import { restore } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show } from '../output.ts';

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'put a backup in the place of what the instance holds; the instance must be down',
  args: '<file>',
  flags: [{ usage: '--force', help: 'replace the objects that are there; they are kept beside the store until the next restore' }],
  notes: 'Revisions go on above those of the backup and of what was there, so that clients of either notice.',
  async run(context, flags, [given]) {
    const file = resolve(given!);
    const { objects, revision, kept } = await restore(context.paths, file, { force: flags.force === true, say: context.say });
    show(context, { file, objects, revision, ...(kept ? { kept } : {}) }, () =>
      [
        `Restored ${objects} objects; revisions go on from ${revision}.\n`,
        kept ? `What was there before is in ${kept}.\n` : '',
        `"sluice up${context.again}" starts with them.\n`,
      ].join(''),
    );
    return EXIT.done;
  },
};
