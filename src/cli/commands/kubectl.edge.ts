import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { findKubectl, status } from '../../app/index.ts';
import { Fault } from '../../base/index.ts';
import type { Command } from '../context.ts';
import { needsNoCluster } from '../kubectl-words.ts';

export const kubectlCommand: Command = {
  name: 'kubectl',
  summary: "run kubectl against the instance, whatever your current context is (--name and --state come before kubectl's own words)",
  args: '[args...]',
  flags: [],
  passThrough: true,
  async run(context, _flags, args) {
    const kubectl = findKubectl(context.env, context.paths.cacheDir);
    if (!needsNoCluster(args)) {
      const { state, components } = await status(context.paths);
      if (state === 'stopped' || components[0]?.state !== 'running')
        throw new Fault('NotUp', `instance "${context.paths.name}" is not up`, { hint: `Start it with "sluice up${context.again}".` });
    }
    const child = spawn(kubectl, [...args], { stdio: 'inherit', env: { ...context.env, KUBECONFIG: context.paths.kubeconfig } });
    // It is kubectl's to decide what Ctrl-C means (an editor may run in it); the terminal tells both of us.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + constants.signals[signal!];
  },
};
