/** hey: sends load and reports it, with the flags and the report of the tool that delivery guides use. */
import { createClient } from './client.ts';
import { argumentsOf, durationFlag, misuse, positive, REQUEST_FLAGS, run, targetFrom } from './command-line.ts';
import { closedLoad } from './drive.ts';
import { heyReport } from './reports.ts';
import { createTally } from './tally.ts';

const USAGE = `Usage: hey [options...] <url>
  -n  Number of requests (default 200)         -c  Number of workers (default 50)
  -q  Rate limit, requests per second a worker  -z  Duration, e.g. -z 10s (then -n is ignored)
  -m  HTTP method   -H  Header, repeatable      -t  Timeout of a request in seconds (default 20)
  -d  Body          -D  Body from a file        -T  Content-Type        -A  Accept
  -a  Basic auth user:password                  -host  Host header
  -o csv  One line a request                    -disable-keepalive  A connection for every request
`;

/** Lines of `-o csv`: of a longer load the first. */
const MAX_LINES = 1_000_000;

await run('hey', USAGE, async (signal) => {
  const { values, positionals } = argumentsOf({
    ...REQUEST_FLAGS,
    requests: { type: 'string', short: 'n', default: '200' },
    concurrency: { type: 'string', short: 'c', default: '50' },
    qps: { type: 'string', short: 'q', default: '0' },
    duration: { type: 'string', short: 'z' },
    output: { type: 'string', short: 'o' },
    cpus: { type: 'string' },
    h2: { type: 'boolean' },
    'disable-compression': { type: 'boolean' },
    'disable-redirects': { type: 'boolean' },
  });
  const workers = positive('-c', values.concurrency);
  const durationMs = values.duration === undefined ? Infinity : durationFlag('-z', values.duration);
  const requests = values.duration === undefined ? positive('-n', values.requests) : Infinity;
  if (requests < workers) misuse('-n cannot be less than -c');
  const client = createClient(targetFrom(values, positionals, 'hey/0.0.1', workers));
  const tally = createTally();
  const lines: string[] = [];
  const seconds = (ms: number): string => (ms / 1000).toFixed(4);
  const elapsedMs = await closedLoad(
    {
      client,
      tally,
      requests,
      durationMs,
      signal,
      ...(values.output === 'csv'
        ? {
            onSent: ({ at, latencyMs, status }) => {
              if (lines.length < MAX_LINES) lines.push(`${seconds(latencyMs)},${status},${seconds(at)}\n`);
            },
          }
        : {}),
    },
    workers,
    Number(values.qps),
  );
  client.close();
  return values.output === 'csv' ? `response-time,status-code,offset\n${lines.join('')}` : heyReport(tally, elapsedMs);
});
