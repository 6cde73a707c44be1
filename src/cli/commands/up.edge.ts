import { status, up } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { show } from '../output.ts';
import { namedPorts, PORT_FLAGS } from '../ports.ts';

export const upCommand: Command = {
  name: 'up',
  summary: 'start the instance and wait until it is ready (does nothing when it is up)',
  flags: [
    ...PORT_FLAGS,
    { usage: '--no-kubeconfig', help: 'leave your kubeconfig alone; use the one that "sluice status" names' },
    { usage: '--foreground', help: "stay attached: print the control plane's log, and stop the instance on Ctrl-C" },
  ],
  async run(context, flags) {
    const started = performance.now();
    const { alreadyUp } = await up(context.paths, {
      ports: namedPorts(flags),
      env: context.env,
      userKubeconfig: flags.kubeconfig === false ? undefined : context.userKubeconfig,
      say: context.say,
    });
    const now = await status(context.paths);
    const seconds = (performance.now() - started) / 1000;
    show(context, { ...now, alreadyUp, seconds: Number(seconds.toFixed(2)) }, () =>
      [
        alreadyUp ? `Sluice is up already.\n` : `Sluice is up (${seconds.toFixed(1)} s).\n`,
        `  Kubernetes API   ${now.api}   context "${now.context}"\n`,
        `  ingress          ${now.ingress?.http}   ${now.ingress?.https}\n`,
        `  Prometheus API   ${now.prometheus}\n`,
        `Try: kubectl --context ${now.context} get pods -A\n`,
      ].join(''),
    );
    if (flags.foreground) {
      const { follow } = await import('../foreground.edge.ts');
      return await follow(context);
    }
    return 0;
  },
};
