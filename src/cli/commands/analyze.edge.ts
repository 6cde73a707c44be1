import { analyzeMesh } from '../../app/index.ts';
import { Fault } from '../../base/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show } from '../output.ts';

const WORDS = { error: 'Error', warning: 'Warning', info: 'Info' } as const;

export const analyzeCommand: Command = {
  name: 'analyze',
  summary: 'say what in the mesh will not do what its author meant, in the instance or in files',
  flags: [
    {
      usage: '-f, --filename <file>',
      help: 'look at the objects of this file, "-" for standard input; may be given several times',
      many: true,
    },
    { usage: '--use-kube', help: "with -f: together with the instance's own objects, as if the files were applied" },
    { usage: '-n, --namespace <namespace>', help: 'tell of this namespace only' },
  ],
  notes:
    'Without -f it looks at the instance; with -f alone it needs none. Codes are those of istioctl analyze.\n' +
    'It ends with 79 when it has found errors, with 0 when there are warnings at most.',
  async run(context, flags) {
    const files = (flags.filename as unknown as readonly string[] | undefined) ?? [];
    if (files.filter((f) => f === '-').length > 1)
      throw new Fault('FileTwice', 'standard input can be read once', { hint: 'Give -f - once.' });
    const cluster = files.length === 0 || flags.useKube === true;
    const namespace = flags.namespace === undefined ? {} : { namespace: String(flags.namespace) };
    const problems = await analyzeMesh(context.paths, { files, cluster, ...namespace });
    show(context, problems, () =>
      problems.length
        ? problems
            .map(({ object: o, ...p }) => {
              const name = o.namespace ? `${o.namespace}/${o.name}` : o.name;
              return `${WORDS[p.severity]} [${p.code}] (${o.kind} ${name} ${p.path}) ${p.message}\n    ${p.fix}\n`;
            })
            .join('')
        : 'No problems found.\n',
    );
    return problems.some((p) => p.severity === 'error') ? EXIT.errorsFound : EXIT.done;
  },
};
