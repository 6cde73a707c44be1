import { once } from 'node:events';
import { isPort, startLoadTester } from '../../app/index.ts';
import { Fault } from '../../base/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';

/** flagger-loadtester's own default. */
const PORT = 9090;

export const loadTesterCommand: Command = {
  name: 'loadtester',
  summary: 'serve what the webhooks of canaries call: load, checks, gates',
  flags: [{ usage: '--port <port>', help: `where it listens on 127.0.0.1 (default: ${PORT})` }],
  notes:
    'The paths are those of flagger-loadtester: /, /gate/approve|halt|open|close|check, /rollback/open|close|check.\n' +
    'Webhooks of this instance reach it by http://127.0.0.1:PORT/. Its commands run here, on the host, with hey, wrk and load on\n' +
    'their PATH; hosts of the mesh are reached from the built-in image flagger-loadtester, and from here by the ingress.\n' +
    'Ctrl-C ends it.',
  async run(context, flags) {
    const port = Number(flags['port'] ?? PORT);
    if (!isPort(port))
      throw new Fault('PortInvalid', `"${String(flags['port'])}" is not a port`, { hint: 'Use a number from 1 to 65535.' });
    const child = startLoadTester(context.paths, context.env, port);
    // The terminal tells both of us.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'));
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? EXIT.failed;
  },
};
