/** The consistency run: writers and watchers against a server that is killed and started again, and again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { below, seededRng } from '../../src/base/index.ts';
import { startApiProcess } from '../support/api-process.ts';
import { rawHttp, type RawHttp } from '../support/raw-http.ts';
import { collectionPath, NAMESPACES, seenIn, type ConfigMapList } from './configmap.ts';
import { History } from './history.ts';
import { startWatcher } from './watcher.ts';
import { createWriter } from './writer.ts';

export interface ConsistencyOptions {
  readonly seed: number;
  readonly kills: number;
  /** The longest a server lives, in milliseconds. */
  readonly lifeMs: number;
  /** The longest a writer rests between two writes, in milliseconds. */
  readonly restMs: number;
}

export interface ConsistencyReport {
  readonly kills: number;
  readonly acknowledged: number;
  readonly refused: number;
  /** Writes cut off by a kill. */
  readonly unknown: number;
  readonly revisions: number;
  readonly resumed: number;
  readonly listed: number;
  readonly seconds: number;
  /** Empty: all fits together. */
  readonly problems: readonly string[];
  /** Of the keys with problems. */
  readonly stories: readonly string[];
}

const WRITERS = 16;
const WATCHED = [undefined, undefined, ...NAMESPACES] as const;
/** How long watchers may take to see the last write. */
const SETTLE_MS = 15_000;

export async function runConsistency(options: ConsistencyOptions): Promise<ConsistencyReport> {
  const started = performance.now();
  const dir = mkdtempSync(join(tmpdir(), 'sluice-consistency-'));
  const history = new History();
  const rng = seededRng(options.seed);
  const places: RawHttp[] = [];
  const start = (port = 0): ReturnType<typeof startApiProcess> => startApiProcess({ dir, port, namespaces: NAMESPACES });
  let server = await start();
  const { port, ca, token } = server;
  const local = rawHttp({ socketPath: server.socketPath }, WRITERS);
  const tls = rawHttp({ port, ca, token }, WRITERS);
  places.push(local, tls);
  try {
    const watchers = WATCHED.flatMap((namespace, i) =>
      [false, true].map((selecting) =>
        startWatcher({
          name: `watcher-${namespace ?? 'all'}-${i}${selecting ? '-odd' : ''}`,
          http: i % 2 ? tls : local,
          history,
          rng: seededRng(options.seed + 1000 + 2 * i + Number(selecting)),
          namespace,
          selecting,
          pause: (ms) => pause(ms),
        }),
      ),
    );
    const enough = new AbortController();
    const writers = Array.from({ length: WRITERS }, async (_, i) => {
      const own = seededRng(options.seed + i + 1);
      const writer = createWriter(String(i), i % 2 ? tls : local, history, own);
      while (!enough.signal.aborted) {
        const served = await writer.step();
        await pause(served ? below(own, options.restMs) : 20);
      }
    });

    let kills = 0;
    for (; kills < options.kills && history.problems.length === 0; kills++) {
      await pause(10 + below(rng, options.lifeMs));
      if (server.crashed) history.tell(undefined, 'the server ended on its own');
      await server.kill();
      server = await start(port);
    }
    await pause(200);
    enough.abort();
    await Promise.all(writers);
    await settle(local, history, watchers);
    watchers.forEach((w) => w.stop());
    await Promise.all(watchers.map((w) => w.done));
    history.check();

    const keys = new Set(history.problems.map((p) => /^\w+\/\w+(?=:)/.exec(p)?.[0]).filter((k) => k !== undefined));
    const sum = (count: (w: (typeof watchers)[number]) => number): number => watchers.reduce((n, w) => n + count(w), 0);
    return {
      kills,
      acknowledged: history.count('acknowledged'),
      refused: history.count('refused'),
      unknown: history.count('unknown'),
      revisions: history.revisions,
      resumed: sum((w) => w.resumed),
      listed: sum((w) => w.listed),
      seconds: Math.round((performance.now() - started) / 1000),
      problems: history.problems,
      stories: [...keys].slice(0, 3).map((key) => `${key}\n${history.story(key)}`),
    };
  } finally {
    places.forEach((p) => p.close());
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Waits until every watcher has come to the state that a list shows, or says which has not. */
async function settle(http: RawHttp, history: History, watchers: readonly ReturnType<typeof startWatcher>[]): Promise<void> {
  const floor = history.floor();
  const { body } = await http.request({ method: 'GET', path: collectionPath(undefined) });
  const list = JSON.parse(body.toString()) as ConfigMapList;
  const items = seenIn(list);
  history.listed('the last list', Number(list.metadata.resourceVersion), items, floor);
  const deadline = performance.now() + SETTLE_MS;
  const trial = (): boolean => watchers.every(({ segment }) => segment !== undefined && History.differences(segment, items).length === 0);
  while (!trial() && performance.now() < deadline) await pause(50);
  for (const { segment } of watchers) {
    if (!segment) history.tell(undefined, 'a watcher had no watch in the end');
    else for (const { key, text } of History.differences(segment, items)) history.tell(key, `${segment.watcher} ${text}`);
  }
}
