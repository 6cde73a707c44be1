/** Bookinfo reviews: v1 without stars, v2 with black and v3 with red ones, which it asks ratings for. */
import { handedOn, json, serve, type Request } from '../lib/server.ts';

const version = process.env.SERVICE_VERSION ?? 'v1';
const withRatings = (process.env.ENABLE_RATINGS ?? String(version !== 'v1')) === 'true';
const starColor = process.env.STAR_COLOR ?? (version === 'v3' ? 'red' : 'black');
const domain = process.env.SERVICES_DOMAIN ? `.${process.env.SERVICES_DOMAIN}` : '';
const ratingsHost = `${process.env.RATINGS_HOSTNAME ?? 'ratings'}${domain}`;
const ratingsPort = process.env.RATINGS_SERVICE_PORT ?? '9080';
/** Black stars wait long, red ones give up early: the guides' timeouts build on it. */
const ratingsTimeoutMs = starColor === 'black' ? 10_000 : 2_500;

type Rating = { stars: number; color: string } | { error: string };

async function ratingsOf(product: string, request: Request): Promise<Record<string, Rating>> {
  const unavailable = { error: 'Ratings service is currently unavailable' };
  try {
    const response = await fetch(`http://${ratingsHost}:${ratingsPort}/ratings/${product}`, {
      headers: handedOn(request),
      signal: AbortSignal.timeout(ratingsTimeoutMs),
    });
    if (!response.ok) throw new Error(`ratings answered ${response.status}`);
    const { ratings } = (await response.json()) as { ratings: Record<string, number> };
    return Object.fromEntries(['Reviewer1', 'Reviewer2'].map((r) => [r, { stars: ratings[r] ?? -1, color: starColor }]));
  } catch (error) {
    process.stderr.write(`ratings of product ${product}: ${error instanceof Error ? error.message : String(error)}\n`);
    return { Reviewer1: unavailable, Reviewer2: unavailable };
  }
}

serve(Number(process.argv[2] ?? 9080), async (request, response) => {
  if (request.url.pathname === '/health') return json(response, 200, { status: 'Reviews is healthy' });
  const match = /^\/reviews\/([^/]+)$/.exec(request.url.pathname);
  if (!match) return json(response, 404, { error: 'not found' });
  const ratings = withRatings ? await ratingsOf(match[1]!, request) : undefined;
  const review = (reviewer: string, words: string): object => ({
    reviewer,
    text: words,
    ...(ratings ? { rating: ratings[reviewer] } : {}),
  });
  json(response, 200, {
    id: match[1],
    podname: process.env.HOSTNAME ?? '',
    clustername: process.env.CLUSTER_NAME ?? 'null',
    reviews: [
      review('Reviewer1', 'Mistaken twins, twice over, and not a dull scene among them. I laughed until the end.'),
      review('Reviewer2', 'Lighter than the later comedies, yet the plot runs like clockwork. Well worth an evening.'),
    ],
  });
});
