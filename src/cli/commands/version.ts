import { versions } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show, table } from '../output.ts';

export const versionCommand: Command = {
  name: 'version',
  alone: true,
  summary: 'say which version this is, and which Kubernetes and Envoy it speaks',
  flags: [],
  async run(context) {
    show(context, versions, () =>
      table([
        ['Sluice', versions.sluice],
        ['Kubernetes API', versions.kubernetes],
        ['Envoy', versions.envoy],
        ['Node', versions.node],
      ]),
    );
    return EXIT.done;
  },
};
