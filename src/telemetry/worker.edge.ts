/** The worker thread: scraping, series, queries and the HTTP API, off the event loop that serves xDS. */
import { parentPort, workerData } from 'node:worker_threads';
import { Fault, messageOf, systemClock, type Log, type LogFields, type LogLevel } from '../base/index.ts';
import { query } from '../promql/index.ts';
import { serveHttp } from './http.edge.ts';
import { answer } from './prometheus-api.ts';
import type { Reply, Request, WorkerData } from './protocol.ts';
import { createScraper } from './scraper.edge.ts';
import { SeriesStore } from './series-store.ts';

/** How long samples are kept, in milliseconds. */
const RETENTION_MS = 2 * 3_600_000;
const FORGET_EVERY_MS = 60_000;

const port = parentPort!;
const say = (reply: Reply): void => port.postMessage(reply);
const { port: httpPort, socketPath, intervalMs } = workerData as WorkerData;
const clock = systemClock;
const store = new SeriesStore();
const scraper = createScraper({ store, clock, log: logTo({}), intervalMs });

function logTo(base: LogFields): Log {
  const at =
    (level: LogLevel) =>
    (msg: string, fields: LogFields = {}): void =>
      say({ kind: 'log', level, msg, fields: { ...base, ...fields } });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), with: (fields) => logTo({ ...base, ...fields }) };
}

function forget(): void {
  store.forget(clock.now() - RETENTION_MS, scraper.timelines());
  clock.after(FORGET_EVERY_MS, forget);
}

const serve = (place: number | string) => serveHttp(place, (path, params) => answer(store, path, params, clock.now()));

Promise.all([serve(httpPort), ...(socketPath === undefined ? [] : [serve(socketPath)])]).then(
  ([http]) => {
    port.on('message', (request: Request) => {
      switch (request.kind) {
        case 'targets':
          return scraper.setTargets(request.targets);
        case 'query':
          return answerQuery(request.id, request.expr, request.at);
        case 'close':
          // The thread holds nothing that must be put away.
          return process.exit(0);
      }
    });
    clock.after(FORGET_EVERY_MS, forget);
    say({ kind: 'listening', port: http.port });
  },
  (error: unknown) => say({ kind: 'failed', message: messageOf(error) }),
);

function answerQuery(id: number, expr: string, at: number): void {
  try {
    say({ kind: 'result', id, result: query(store, expr, at) });
  } catch (error) {
    const { code, hint } = error instanceof Fault ? error : { code: 'Internal', hint: undefined };
    say({ kind: 'fault', id, code, message: messageOf(error), hint });
  }
}
