/** The control plane as a process: started by `up`, lives until SIGTERM. Its input comes in SLUICE_CONTROL_PLANE. */
import { writeSync } from 'node:fs';
import { Fault, jsonLog, messageOf, systemClock } from '../base/index.ts';
import { runControlPlane } from './control-plane.edge.ts';
import type { ControlPlaneInput } from './instance/config.ts';
import { keepCompiled } from './instance/daemon.edge.ts';

// What is written here - store, keys, sockets - is nobody else's.
process.umask(0o077);
const log = jsonLog((line) => void writeSync(1, line), systemClock.now);
const input = JSON.parse(process.env.SLUICE_CONTROL_PLANE ?? '') as ControlPlaneInput;
const stop = new AbortController();
keepCompiled();
process.once('SIGTERM', () => stop.abort());
process.once('SIGINT', () => stop.abort());
process.on('unhandledRejection', (error) =>
  log.error('a promise was rejected and nobody looked', {
    error: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  }),
);

try {
  await runControlPlane(input, log, stop.signal);
  process.exit(0);
} catch (error) {
  log.error(messageOf(error), {
    hint: error instanceof Fault ? error.hint : undefined,
    stack: error instanceof Error ? error.stack : undefined,
  });
  process.exit(1);
}
