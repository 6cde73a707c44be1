import { spawn } from 'node:child_process';
import { findKubectl } from '../../app/index.ts';
import type { Command } from '../context.ts';

export const kubectlCommand: Command = {
  name: 'kubectl',
  summary: 'run kubectl against the instance, whatever your current context is',
  args: '[args...]',
  flags: [],
  passThrough: true,
  async run(context, _flags, args) {
    const kubectl = findKubectl(context.env, context.paths.cacheDir);
    const child = spawn(kubectl, [...args], { stdio: 'inherit', env: { ...context.env, KUBECONFIG: context.paths.kubeconfig } });
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => resolve(code ?? 1));
    });
  },
};
