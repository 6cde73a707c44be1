/** wrk, and wrk2's constant rate: the same flags and report. Threads are only shown: one is enough here. Lua scripts are not run. */
import { createClient } from './client.ts';
import { argumentsOf, durationFlag, headersFrom, misuse, positive, run, urlFrom } from './command-line.ts';
import { closedLoad, openLoad } from './drive.ts';
import { wrkReport } from './reports.ts';
import { createTally } from './tally.ts';

const USAGE = `Usage: wrk <options> <url>
  -c, --connections  Connections to keep open (default 10)   -d, --duration  How long, e.g. 30s (default 10s)
  -t, --threads      Number of threads (default 2)           -R, --rate      Requests a second, come what may (as wrk2)
  -H, --header       Header, repeatable                      -L, --latency   Print the distribution of latencies
      --timeout      Of a request (default 2s)
`;

/** wrk takes plain numbers for seconds. */
const seconds = (text: string): string => (/^\d+$/.test(text) ? `${text}s` : text);

await run('wrk', USAGE, async (signal) => {
  const { values, positionals } = argumentsOf({
    connections: { type: 'string', short: 'c', default: '10' },
    duration: { type: 'string', short: 'd', default: '10s' },
    threads: { type: 'string', short: 't', default: '2' },
    rate: { type: 'string', short: 'R' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    latency: { type: 'boolean', short: 'L', default: false },
    timeout: { type: 'string', default: '2s' },
    script: { type: 'string', short: 's' },
  });
  if (values.script) misuse('Lua scripts (-s) are not supported; use -H, or hey with -m, -d and -H');
  const connections = positive('-c', values.connections);
  const url = urlFrom(positionals);
  const duration = seconds(values.duration);
  const client = createClient({
    url,
    method: 'GET',
    headers: headersFrom(values.header),
    timeoutMs: durationFlag('--timeout', seconds(values.timeout)),
    connections,
    keepAlive: true,
  });
  const tally = createTally();
  const load = { client, tally, requests: Infinity, durationMs: durationFlag('-d', duration), signal };
  const elapsedMs = values.rate ? await openLoad(load, positive('-R', values.rate)) : await closedLoad(load, connections, 0);
  client.close();
  return wrkReport(tally, elapsedMs, { url, duration, threads: values.threads, connections, latency: values.latency });
});
