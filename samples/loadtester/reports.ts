/** What a load came to, as hey and wrk print it. */
import type { Tally } from './tally.ts';

const BARS = 40;
const HISTOGRAM_ROWS = 10;

/** hey's; latencies in seconds. */
export function heyReport(tally: Tally, elapsedMs: number): string {
  const secs = (ms: number): string => (ms / 1000).toFixed(4);
  const lines = ['', 'Summary:', `  Total:\t${secs(elapsedMs)} secs`];
  if (tally.answers > 0) {
    lines.push(
      `  Slowest:\t${secs(tally.slowest)} secs`,
      `  Fastest:\t${secs(tally.fastest)} secs`,
      `  Average:\t${secs(tally.mean)} secs`,
      `  Requests/sec:\t${((tally.answers * 1000) / elapsedMs).toFixed(4)}`,
      '',
      `  Total data:\t${tally.bytes} bytes`,
      `  Size/request:\t${Math.round(tally.bytes / tally.answers)} bytes`,
      '',
      'Response time histogram:',
      ...histogram(tally),
      '',
      'Latency distribution:',
      ...[10, 25, 50, 75, 90, 95, 99].map((p) => `  ${p}% in ${secs(tally.quantile(p / 100))} secs`),
      '',
      'Status code distribution:',
      ...[...tally.statuses].sort((a, b) => a[0] - b[0]).map(([status, n]) => `  [${status}]\t${n} responses`),
    );
  }
  if (tally.errors.size > 0) lines.push('', 'Error distribution:', ...[...tally.errors].map(([message, n]) => `  [${n}]\t${message}`));
  return `${lines.join('\n')}\n\n`;
}

function histogram(tally: Tally): string[] {
  const { fastest, slowest } = tally;
  const edges = [fastest, ...Array.from({ length: HISTOGRAM_ROWS }, (_, i) => fastest + ((slowest - fastest) * (i + 1)) / HISTOGRAM_ROWS)];
  // The last edge is the slowest itself, whatever was lost in adding up to it.
  edges[HISTOGRAM_ROWS] = slowest;
  const counts = edges.map((edge, i) => tally.between(i === 0 ? -1 : edges[i - 1]!, edge));
  const most = Math.max(...counts);
  return edges.map((edge, i) => `  ${(edge / 1000).toFixed(3)} [${counts[i]}]\t|${'■'.repeat(Math.round((counts[i]! * BARS) / most))}`);
}

interface WrkRun {
  readonly url: URL;
  readonly duration: string;
  readonly threads: string;
  readonly connections: number;
  readonly latency: boolean;
}

/** wrk's; each figure in the unit that fits. */
export function wrkReport(tally: Tally, elapsedMs: number, run: WrkRun): string {
  const time = (ms: number): string =>
    ms < 1 ? `${(ms * 1000).toFixed(2)}us` : ms < 1000 ? `${ms.toFixed(2)}ms` : `${(ms / 1000).toFixed(2)}s`;
  const { mean, deviation } = tally;
  const near = (tally.between(mean - deviation, mean + deviation) * 100) / Math.max(1, tally.answers);
  const cell = (text: string): string => text.padStart(10);
  let wrong = 0;
  for (const [status, n] of tally.statuses) if (status >= 400) wrong += n;
  let [timeouts, others] = [0, 0];
  for (const [reason, n] of tally.errors) {
    if (reason.startsWith('timeout')) timeouts += n;
    else others += n;
  }
  return [
    `Running ${run.duration} test @ ${run.url.href}`,
    `  ${run.threads} threads and ${run.connections} connections`,
    `  Thread Stats   Avg      Stdev     Max   +/- Stdev`,
    `    Latency${[time(mean), time(deviation), time(tally.slowest), `${near.toFixed(2)}%`].map(cell).join('')}`,
    ...(run.latency ? ['  Latency Distribution', ...[50, 75, 90, 99].map((p) => `     ${p}%${cell(time(tally.quantile(p / 100)))}`)] : []),
    `  ${tally.answers} requests in ${time(elapsedMs)}, ${size(tally.bytes)} read`,
    ...(others + timeouts > 0 ? [`  Socket errors: connect ${others}, read 0, write 0, timeout ${timeouts}`] : []),
    ...(wrong > 0 ? [`  Non-2xx or 3xx responses: ${wrong}`] : []),
    `Requests/sec: ${((tally.answers * 1000) / elapsedMs).toFixed(2).padStart(9)}`,
    `Transfer/sec: ${size((tally.bytes * 1000) / elapsedMs).padStart(11)}`,
    '',
  ].join('\n');
}

function size(bytes: number): string {
  const unit = Math.min(3, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${(bytes / 1024 ** unit).toFixed(2)}${['B', 'KB', 'MB', 'GB'][unit]}`;
}

/** For programs. */
export function summary(tally: Tally, elapsedMs: number): object {
  const ms = (value: number): number => Number(value.toFixed(3));
  return {
    seconds: ms(elapsedMs / 1000),
    answers: tally.answers,
    bytes: tally.bytes,
    latencyMs: {
      mean: ms(tally.mean),
      p50: ms(tally.quantile(0.5)),
      p90: ms(tally.quantile(0.9)),
      p99: ms(tally.quantile(0.99)),
      p999: ms(tally.quantile(0.999)),
      max: ms(tally.slowest),
    },
    statuses: Object.fromEntries(tally.statuses),
    errors: Object.fromEntries(tally.errors),
  };
}
