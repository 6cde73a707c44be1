/** load: requests at a rate that does not depend on the answers, so that a server that stalls is seen to stall. */
import { createClient } from './client.ts';
import { argumentsOf, durationFlag, positive, REQUEST_FLAGS, run, targetFrom } from './command-line.ts';
import { openLoad } from './drive.ts';
import { heyReport, summary } from './reports.ts';
import { createTally } from './tally.ts';

const USAGE = `Usage: load [options...] <url>
  -r  Requests a second (default 10)            -z  Duration, e.g. -z 30s (default 10s)
  -random  They come as those of many users     -c  Connections at most (default 1000)
  -m  HTTP method   -H  Header, repeatable      -t  Timeout of a request in seconds (default 20)
  -d  Body          -D  Body from a file        -T  Content-Type        -A  Accept
  -a  Basic auth user:password                  -host  Host header
  -o json  The report as JSON                   -disable-keepalive  A connection for every request
A request's time counts from when it was due, waiting for a connection included.
`;

await run('load', USAGE, async (signal) => {
  const { values, positionals } = argumentsOf({
    ...REQUEST_FLAGS,
    rate: { type: 'string', short: 'r', default: '10' },
    duration: { type: 'string', short: 'z', default: '10s' },
    connections: { type: 'string', short: 'c', default: '1000' },
    random: { type: 'boolean', default: false },
    output: { type: 'string', short: 'o' },
  });
  const durationMs = durationFlag('-z', values.duration);
  const rate = positive('-r', values.rate);
  const client = createClient(targetFrom(values, positionals, 'sluice-load', positive('-c', values.connections)));
  const tally = createTally();
  const elapsedMs = await openLoad(
    { client, tally, requests: Infinity, durationMs, signal },
    rate,
    values.random ? Math.random : undefined,
  );
  client.close();
  return values.output === 'json' ? `${JSON.stringify(summary(tally, elapsedMs), null, 2)}\n` : heyReport(tally, elapsedMs);
});
