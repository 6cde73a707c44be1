import { request } from 'node:http';
import { fnv1a, messageOf, type Clock, type Log, type Timer } from '../base/index.ts';
import { TargetScrape, type Target } from './scrape.ts';
import type { SeriesStore } from './series-store.ts';
import type { Timeline } from './timeline.ts';

/** Longest answer taken, in bytes. */
const MAX_BODY = 64 * 1024 * 1024;
const TIMEOUT_MS = 5000;

/**
 * The mesh's own metrics, and what tells how a proxy fares. Envoy applies the expression to its own names of statistics,
 * and leaves out what was never touched.
 */
const FILTER = [
  '^(istio|nginx_ingress_controller)[._]',
  '^server\\.(uptime|live|memory_allocated)$',
  '^(cluster_manager\\.cds|listener_manager\\.lds)\\.update_(success|rejected)$',
].join('|');
const PATH = `/stats?format=prometheus&usedonly&filter=${encodeURIComponent(FILTER)}`;

interface Running {
  readonly scrape: TargetScrape;
  timer: Timer | undefined;
}

/** Reads every target every `intervalMs`, each at its own moment within the interval. */
export function createScraper(options: {
  readonly store: SeriesStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly intervalMs: number;
}): {
  setTargets(targets: readonly Target[]): void;
  timelines(): Iterable<Timeline>;
  close(): void;
} {
  const { store, clock, log, intervalMs } = options;
  const running = new Map<string, Running>();
  let refusedBefore = false;

  function next(r: Running, due: number): void {
    r.timer = clock.after(Math.max(0, due - clock.now()), () => {
      const time = clock.now();
      read(r.scrape.target.adminSocket, Math.min(TIMEOUT_MS, 5 * intervalMs))
        .then(
          (body) => {
            if (running.get(r.scrape.target.id) === r) took(r.scrape, r.scrape.take(body, time, intervalMs).refused);
          },
          (error: unknown) => {
            log.debug('a proxy gave no metrics', { target: r.scrape.target.id, error: messageOf(error) });
            r.scrape.failed(time);
          },
        )
        .finally(() => {
          // Readings that were missed are not made up for.
          if (running.get(r.scrape.target.id) === r) next(r, due + intervalMs * Math.max(1, Math.ceil((clock.now() - due) / intervalMs)));
        });
    });
  }

  function took(scrape: TargetScrape, refused: number): void {
    if (refused === 0 || refusedBefore) return;
    refusedBefore = true;
    log.warn('there are too many series: new ones are left out', { target: scrape.target.id, refused, kept: store.size });
  }

  function stop(id: string, r: Running): void {
    running.delete(id);
    r.timer?.cancel();
    r.scrape.gone(clock.now());
  }

  return {
    setTargets(targets) {
      const wanted = new Map(targets.map((t) => [t.id, t]));
      for (const [id, r] of running) {
        const t = wanted.get(id);
        if (!t || t.adminSocket !== r.scrape.target.adminSocket || JSON.stringify(t.labels) !== JSON.stringify(r.scrape.target.labels))
          stop(id, r);
      }
      for (const [id, target] of wanted) {
        if (running.has(id)) continue;
        const r: Running = { scrape: new TargetScrape(target, store), timer: undefined };
        running.set(id, r);
        // The first reading is soon: what a new proxy counts should be seen from its beginning.
        next(r, clock.now() + (fnv1a(id) % Math.min(intervalMs, 250)));
      }
    },
    *timelines() {
      for (const { scrape } of running.values()) yield scrape.timeline;
    },
    close() {
      for (const [id, r] of running) stop(id, r);
    },
  };
}

function read(socketPath: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path: PATH, headers: { host: 'admin' }, signal: AbortSignal.timeout(timeout) }, (res) => {
      const chunks: Buffer[] = [];
      let size = 0;
      res.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BODY) res.destroy(new Error(`more than ${MAX_BODY} bytes of metrics`));
        else chunks.push(chunk);
      });
      res.on('error', reject);
      res.on('end', () =>
        res.statusCode === 200 ? resolve(Buffer.concat(chunks).toString()) : reject(new Error(`status ${res.statusCode}`)),
      );
    });
    req.on('error', reject);
    req.end();
  });
}
