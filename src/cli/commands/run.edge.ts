import { METRICS_SERVER, PROVIDERS, isPort, runDeliveryAlone } from '../../app/index.ts';
import { Fault, jsonLog, systemClock, type LogLevel } from '../../base/index.ts';
import type { Command, Flags } from '../context.ts';
import { EXIT } from '../exit.ts';
import { interruption } from '../interrupt.edge.ts';

/** Flagger's own. */
const PORT = 8080;
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export const runCommand: Command = {
  name: 'run',
  alone: true,
  summary: 'deliver on a cluster of your own, with its mesh and its Prometheus',
  flags: [
    { usage: '--kubeconfig <file>', help: 'how the cluster is reached (default: as the pod that this runs in)' },
    { usage: '--context <name>', help: 'of the kubeconfig (default: its current one)' },
    { usage: '--metrics-server <url>', help: `the Prometheus that canaries are measured by (default: ${METRICS_SERVER})` },
    { usage: '--mesh-provider <name>', help: `what routes requests: ${PROVIDERS.join(', ')} (default: istio)` },
    { usage: '-n, --namespace <namespace>', help: 'work on the canaries of this one alone (default: all)' },
    { usage: '--selector-labels <labels>', help: "labels that tell a workload's pods apart (default: app,name,app.kubernetes.io/name)" },
    { usage: '--lease-namespace <namespace>', help: 'where instances agree on who acts (default: that of the pod or context)' },
    { usage: '--port <port>', help: `where /healthz and /metrics are (default: ${PORT})` },
    { usage: '--bind-address <address>', help: 'where that port is (default: 127.0.0.1; in a pod, 0.0.0.0 lets it be probed)' },
    { usage: '--log-level <level>', help: `${LEVELS.join(', ')} (default: info)` },
  ],
  notes:
    'Several may run: one of them acts, and another takes over when it ends. Each line of the output is a JSON object, as Flagger writes them.\n' +
    'Run it instead of Flagger, not beside it: two owners of one Canary undo each other. The chart is in charts/sluice.',
  async run(context, flags) {
    const log = jsonLog((line) => context.print(line), systemClock.now, oneOf(flags, 'logLevel', 'log-level', LEVELS, 'info'));
    const port = Number(flags['port'] ?? PORT);
    if (port !== 0 && !isPort(port))
      throw new Fault('PortInvalid', `"${String(flags['port'])}" is not a port`, {
        hint: 'Use a number from 1 to 65535, or 0 for any free one.',
      });
    const metricsServer = text(flags['metricsServer']) ?? METRICS_SERVER;
    if (!/^https?:\/\//.test(metricsServer) || !URL.canParse(metricsServer))
      throw new Fault('AddressInvalid', `--metrics-server ${metricsServer} is not a URL`, {
        hint: 'Write it as http://prometheus.monitoring:9090.',
      });
    await runDeliveryAlone({
      kubeconfig: text(flags['kubeconfig']),
      context: text(flags['context']),
      metricsServer,
      provider: oneOf(flags, 'meshProvider', 'mesh-provider', PROVIDERS, 'istio'),
      namespace: text(flags['namespace']),
      selectorLabels: text(flags['selectorLabels'])
        ?.split(',')
        .map((label) => label.trim()),
      leaseNamespace: text(flags['leaseNamespace']),
      address: text(flags['bindAddress']) ?? '127.0.0.1',
      port,
      env: context.env,
      log,
      signal: interruption(),
    });
    return EXIT.done;
  },
};

const text = (flag: Flags[string]): string | undefined => (typeof flag === 'string' && flag !== '' ? flag : undefined);

function oneOf<T extends string>(flags: Flags, key: string, name: string, known: readonly T[], otherwise: T): T {
  const value = text(flags[key]) ?? otherwise;
  const found = known.find((k) => k === value);
  if (found === undefined) throw new Fault('FlagInvalid', `--${name} ${value} is not known`, { hint: `Use one of ${known.join(', ')}.` });
  return found;
}
