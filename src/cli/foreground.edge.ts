import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { down, status } from '../app/index.ts';
import type { CommandContext } from './context.ts';
import { EXIT } from './exit.ts';
import { aborted } from './interrupt.edge.ts';

const WATCH_MS = 500;

/** Prints what the control plane and delivery log until the signal aborts, then takes the instance down; ends too when they do. */
export async function follow(context: CommandContext, stop: AbortSignal): Promise<number> {
  const { paths, say } = context;
  const log = join(paths.logDir, 'control-plane.log');
  say('Ctrl-C stops the instance.');
  // In a session of its own: Ctrl-C is for us, and what is logged until the end is still printed.
  const tail = spawn('tail', ['-q', '-n', '0', '-F', log, paths.flaggerLog], { stdio: ['ignore', 'inherit', 'ignore'], detached: true });
  const tailEnded = new Promise((resolve) => tail.once('error', resolve).once('exit', resolve));
  const stopped = aborted(stop, undefined);
  try {
    while (!stop.aborted) {
      if ((await status(paths)).components[0]?.state !== 'running') {
        say(`The control plane has ended; its log is ${log}. "sluice up${context.again}" goes on with what still runs.`);
        return EXIT.failed;
      }
      await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, WATCH_MS))]);
    }
    await down(paths, { purge: false, userKubeconfig: undefined, say });
    say(`Sluice is down; its state is kept ("sluice up${context.again}" goes on from it).`);
    return EXIT.done;
  } finally {
    tail.kill();
    await tailEnded;
  }
}
