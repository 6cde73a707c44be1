import type { ChildProcess } from 'node:child_process';

/** Ends a command that runs in a container: the process here only waits for it, so its whole group has to go. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
