/** Bookinfo ratings: stars for a product; the version decides how it misbehaves. */
import { json, serve, sleep } from '../lib/server.ts';

const version = process.env.SERVICE_VERSION ?? 'v1';
const started = Date.now();
const stored = new Map<number, Record<string, number>>();

/** The state that `v-unavailable` (every 60 s) and `v-unhealthy` (every 15 min) switch to and fro. */
function down(periodMs: number): boolean {
  return Math.floor((Date.now() - started) / periodMs) % 2 === 1;
}

async function misbehave(): Promise<string | undefined> {
  switch (version) {
    case 'v-faulty':
      return Math.random() < 0.5 ? 'Service unavailable' : undefined;
    case 'v-delayed':
      if (Math.random() < 0.5) await sleep(7000);
      return undefined;
    case 'v-unavailable':
      return down(60_000) ? 'Service unavailable' : undefined;
    case 'v-unhealthy':
      return down(900_000) ? 'Service unhealthy' : undefined;
    default:
      return undefined;
  }
}

serve(Number(process.argv[2] ?? 9080), async (request, response) => {
  if (request.url.pathname === '/health') {
    if (version === 'v-unhealthy' && down(900_000)) return json(response, 500, { status: 'Ratings is not healthy' });
    return json(response, 200, { status: 'Ratings is healthy' });
  }
  const match = /^\/ratings\/([^/]+)$/.exec(request.url.pathname);
  if (!match) return json(response, 404, { error: 'not found' });
  const id = Number(match[1]);
  if (!Number.isInteger(id)) return json(response, 400, { error: 'please provide numeric product ID' });
  if (request.method === 'POST') {
    let ratings: unknown;
    try {
      ratings = JSON.parse((await request.body()).toString('utf8'));
    } catch {
      return json(response, 400, { error: 'please provide valid ratings JSON' });
    }
    stored.set(id, ratings as Record<string, number>);
    return json(response, 200, { id, ratings });
  }
  const failure = await misbehave();
  if (failure) return json(response, failure === 'Service unhealthy' ? 500 : 503, { error: failure });
  json(response, 200, { id, ratings: stored.get(id) ?? { Reviewer1: 5, Reviewer2: 4 } });
});
