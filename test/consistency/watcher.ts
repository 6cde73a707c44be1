/** One of the watchers: lists, watches, is closed at random, resumes from what it saw last, lists anew when that is too old. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { below, type Rng } from '../../src/base/index.ts';
import type { RawHttp } from '../support/raw-http.ts';
import { collectionPath, seenIn, seenOf, type ConfigMapList } from './configmap.ts';
import type { History, Segment, Seen } from './history.ts';

export interface Watcher {
  /** Runs until `stop`. */
  readonly done: Promise<void>;
  /** How often it was resumed without a list, and how often it had to list. */
  readonly resumed: number;
  readonly listed: number;
  readonly segment: Segment | undefined;
  stop(): void;
}

interface Event {
  readonly type: string;
  readonly object: ConfigMap & { readonly code?: number; readonly message?: string };
}

export interface WatcherOptions {
  readonly name: string;
  readonly http: RawHttp;
  readonly history: History;
  readonly rng: Rng;
  readonly namespace: string | undefined;
  readonly selecting: boolean;
  readonly pause: (ms: number) => Promise<void>;
}

const SELECTOR = '&labelSelector=odd%3Dtrue';

export function startWatcher({ name, http, history, rng, namespace, selecting, pause }: WatcherOptions): Watcher {
  const stopping = new AbortController();
  let open: ClientRequest | undefined;
  let segment: Segment | undefined;
  let resumed = 0;
  let listed = 0;
  const selector = selecting ? SELECTOR : '';

  /** A list, and the segment that begins with it. */
  const list = async (): Promise<Segment | undefined> => {
    const floor = history.floor();
    const answer = await http.request({ method: 'GET', path: `${collectionPath(namespace)}?${selector}` }).catch(() => undefined);
    if (answer?.code !== 200) return undefined;
    let whole: ConfigMapList;
    try {
      whole = JSON.parse(answer.body.toString()) as ConfigMapList;
    } catch {
      return undefined;
    }
    listed++;
    const revision = Number(whole.metadata.resourceVersion);
    const items = seenIn(whole);
    if (selecting) items.forEach((item) => history.saw(item));
    else history.listed(name, revision, items, floor, namespace);
    return history.segment(name, revision, items, namespace, selecting);
  };

  /** Reads one connection to its end; false when the revision is too old for the server. */
  const follow = (current: Segment | undefined): Promise<boolean> =>
    new Promise((resolve) => {
      // Without a place to go on from, the initial state comes as events (WatchList).
      const from = current
        ? `resourceVersion=${current.end}`
        : 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
      let initial: Seen[] | undefined = current ? undefined : [];
      let valid = true;
      const req = http.open({ method: 'GET', path: `${collectionPath(namespace)}?watch=true&${from}${selector}` });
      open = req;
      const timer = setTimeout(() => req.destroy(), 20 + below(rng, 1500));
      const end = (): void => {
        clearTimeout(timer);
        resolve(valid);
      };
      req.once('error', end);
      req.once('close', end);

      const take = ({ type, object }: Event): void => {
        if (type === 'ERROR') {
          valid = false;
          if (object.code !== 410) history.tell(undefined, `${name} was told ${object.code} ${object.message}`);
          return;
        }
        if (type === 'BOOKMARK') {
          const revision = Number(object.metadata?.resourceVersion);
          if (initial) {
            listed++;
            segment = history.segment(name, revision, initial, namespace, selecting);
            initial = undefined;
          } else if (segment) history.bookmarked(segment, revision);
          return;
        }
        const seen = seenOf(object);
        if (!seen) return;
        if (initial) {
          history.saw(seen);
          initial.push(seen);
        } else history.watched(segment!, type, seen);
      };

      req.once('response', (res: IncomingMessage) => {
        if (res.statusCode !== 200) {
          // A restarted server may know less than what was not yet acknowledged to anyone, never less than what a watch was told.
          history.tell(undefined, `${name} cannot watch from ${current?.end}: ${res.statusCode}`);
          res.resume();
          return;
        }
        if (current) resumed++;
        let held = '';
        res.setEncoding('utf8').on('data', (chunk: string) => {
          const lines = (held + chunk).split('\n');
          held = lines.pop()!;
          for (const line of lines) take(JSON.parse(line) as Event);
          // Now and then a reader that is slow.
          if (rng.next() < 0.01) {
            res.pause();
            setTimeout(() => res.resume(), 200);
          }
        });
        res.on('error', () => {});
      });
    });

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (!segment && rng.next() < 0.7) {
        segment = await list();
        if (!segment) await pause(20);
        if (!segment) continue;
      }
      if (!(await follow(segment))) segment = undefined;
      await pause(below(rng, 30));
    }
  };

  return {
    done: run(),
    get resumed() {
      return resumed;
    },
    get listed() {
      return listed;
    },
    get segment() {
      return segment;
    },
    stop() {
      stopping.abort();
      open?.destroy();
    },
  };
}
