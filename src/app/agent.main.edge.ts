/** The node's agent as a process: started by the control plane inside the node, outlives it. Its input comes in SLUICE_AGENT. */
import { writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonLog, messageOf, systemClock } from '../base/index.ts';
import { createHttpClient } from '../control/index.ts';
import { runAgent } from '../node/index.ts';
import { createImages } from './node/images.ts';
import { takenByProxy } from './node/admin-socket.edge.ts';
import type { ControlPlaneInput } from './instance/config.ts';
import { keepCompiled } from './instance/daemon.edge.ts';

// The control plane's is stricter; what is made for pods is to look as it does anywhere.
process.umask(0o022);
const log = jsonLog((line) => void writeSync(1, line), systemClock.now);
const { paths, envoy } = JSON.parse(process.env.SLUICE_AGENT ?? '') as ControlPlaneInput;
const stop = new AbortController();
keepCompiled();
process.once('SIGTERM', () => stop.abort());
process.on('unhandledRejection', (error) =>
  log.error('a promise was rejected and nobody looked', {
    error: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  }),
);

try {
  await runAgent({
    nodeName: 'sluice',
    client: createHttpClient({ socketPath: paths.apiSocket }),
    catalog: createImages({
      samplesDir: fileURLToPath(new URL('../../samples', import.meta.url)),
      nodeBinary: process.execPath,
      envoyBinary: envoy,
      xdsDir: dirname(paths.xdsSocket),
      istiodDir: dirname(paths.istiodSocket),
      flaggerDir: dirname(paths.flaggerSocket),
      flaggerLogDir: dirname(paths.flaggerLog),
      proxyDir: paths.proxyDir,
    }),
    taken: (uid) => takenByProxy(paths.proxyDir, uid),
    apiTlsSocket: paths.apiTlsSocket,
    nodeSocket: paths.nodeSocket,
    podsDir: paths.podsDir,
    volumesDir: paths.volumesDir,
    runDir: paths.runDir,
    clock: systemClock,
    log,
    signal: stop.signal,
  });
} catch (error) {
  log.error(messageOf(error), { stack: error instanceof Error ? error.stack : undefined });
  process.exit(1);
}
