import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { down } from '../app/index.ts';
import type { CommandContext } from './context.ts';

/** Prints the control plane's log until the user interrupts, then takes the instance down. */
export async function follow(context: CommandContext): Promise<number> {
  const tail = spawn('tail', ['-n', '0', '-F', join(context.paths.logDir, 'control-plane.log')], {
    stdio: ['ignore', 'inherit', 'ignore'],
    detached: true,
  });
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  tail.kill();
  await down(context.paths, { purge: false, userKubeconfig: undefined, say: context.say });
  return 0;
}
