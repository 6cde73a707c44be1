import { status, up } from '../../app/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { follow } from '../foreground.edge.ts';
import { aborted, interruption } from '../interrupt.edge.ts';
import { show, table } from '../output.ts';
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
    const ports = namedPorts(flags);
    const stop = interruption();
    const userKubeconfig = flags.kubeconfig === false ? undefined : context.userKubeconfig;
    const done = await Promise.race([
      up(context.paths, { ports, env: context.env, userKubeconfig, say: context.say }),
      aborted(stop, undefined),
    ]);
    if (!done) {
      context.say(
        `Interrupted. What has started goes on: "sluice status${context.again}" shows it, "sluice down${context.again}" stops it.`,
      );
      return EXIT.interrupted;
    }
    const now = await status(context.paths);
    const seconds = (performance.now() - started) / 1000;
    show(context, { ...now, alreadyUp: done.alreadyUp, seconds: Number(seconds.toFixed(2)) }, () =>
      [
        done.alreadyUp ? `Sluice is up already.\n` : `Sluice is up (${seconds.toFixed(1)} s).\n`,
        table([
          ['  Kubernetes API', `${now.api}   ${userKubeconfig ? `context "${now.context}"` : `KUBECONFIG=${now.kubeconfig}`}`],
          ['  ingress', `${now.ingress?.http}   ${now.ingress?.https}`],
          ['  Prometheus API', `${now.prometheus}`],
          ...(now.pods && now.pods.ready < now.pods.total
            ? [['  pods', `${now.pods.ready} of ${now.pods.total} ready; the others are coming`]]
            : []),
        ]),
        `Try: ${userKubeconfig ? `kubectl --context ${now.context}` : `npx sluice kubectl${context.again}`} get pods -A\n`,
      ].join(''),
    );
    return flags.foreground ? await follow(context, stop) : EXIT.done;
  },
};
