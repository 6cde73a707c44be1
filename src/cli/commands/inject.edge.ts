import { injectFiles } from '../../app/index.ts';
import { Fault, toYaml } from '../../base/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show } from '../output.ts';

export const injectCommand: Command = {
  name: 'inject',
  alone: true,
  summary: 'print what is in files with sidecars in its pods, as "istioctl kube-inject" does',
  flags: [
    {
      usage: '-f, --filename <file>',
      help: 'a file of YAML or JSON, "-" for standard input; may be given several times',
      many: true,
    },
  ],
  notes:
    'As in: sluice inject -f app.yaml | kubectl apply -f -\n' +
    'It needs no instance. Pods that say sidecar.istio.io/inject: "false" stay as they are; namespaces are not asked.',
  run(context, flags) {
    const files = (flags.filename as unknown as readonly string[] | undefined) ?? [];
    if (!files.length || files.filter((f) => f === '-').length > 1)
      throw new Fault('FileMissing', files.length ? 'standard input can be read once' : 'it is not said what to put sidecars into', {
        hint: 'Name a file with -f, or give -f - once.',
      });
    const objects = injectFiles(files);
    show(context, objects, () => objects.map((o) => toYaml(o)).join('---\n'));
    return Promise.resolve(EXIT.done);
  },
};
