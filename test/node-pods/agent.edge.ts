/** The agent as a process of its own. Arguments: the run directory, the directory of pods. */
import { join } from 'node:path';
import { jsonLog, systemClock } from '../../src/base/index.ts';
import { createHttpClient } from '../../src/control/index.ts';
import { runAgent, type ImageCatalog } from '../../src/node/index.ts';

const [runDir = '', podsDir = ''] = process.argv.slice(2);
const catalog: ImageCatalog = {
  resolve: (image) =>
    image.startsWith('shell')
      ? {
          kind: 'builtin',
          command: ['sh', '-c'],
          args: ['sleep 1000'],
          env: { FROM_IMAGE: 'yes' },
          mounts: [],
          workingDir: '/',
          note: 'a shell',
        }
      : { error: `there is no built-in image ${image}; built in are: shell` },
};

await runAgent({
  taken: async () => undefined,
  nodeName: 'sluice',
  client: createHttpClient({ socketPath: join(runDir, 'api.sock') }),
  catalog,
  apiTlsSocket: join(runDir, 'api-tls.sock'),
  nodeSocket: join(runDir, 'node.sock'),
  podsDir,
  volumesDir: join(runDir, 'volumes'),
  runDir,
  clock: systemClock,
  log: jsonLog((line) => process.stderr.write(line), systemClock.now, 'warn'),
  signal: new AbortController().signal,
});
process.stdout.write('ready\n');
