import { examine } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show, table } from '../output.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'check the machine: kernel, namespaces, Envoy, Node, ports, disk; name the fix for each',
  flags: [],
  notes: 'It ends with 0 when Sluice works here, 1 when something is missing.',
  async run(context) {
    const checks = await examine(context.paths, context.env);
    const bad = checks.filter((c) => !c.ok);
    show(context, { ok: bad.length === 0, checks }, () =>
      [
        table(checks.map((c) => [c.ok ? 'ok  ' : 'FAIL', c.name, c.found])),
        ...bad.map((c) => `\n${c.name}: ${c.fix}\n`),
        bad.length === 0 ? '\nAll is well: "sluice up" works here.\n' : '',
      ].join(''),
    );
    return bad.length === 0 ? EXIT.done : EXIT.failed;
  },
};
