/** Bookinfo productpage: the page that asks details and reviews, gives each 3 s, and asks reviews twice. */
import { createHash } from 'node:crypto';
import { handedOn, json, serve, text, type Request } from '../lib/server.ts';

const env = process.env;
const domain = env.SERVICES_DOMAIN ? `.${env.SERVICES_DOMAIN}` : '';
const address = (name: string): string => {
  const key = name.toUpperCase();
  return `http://${env[`${key}_HOSTNAME`] ?? name}${domain}:${env[`${key}_SERVICE_PORT`] ?? '9080'}/${name}`;
};
const TIMEOUT_MS = 3_000;
const PRODUCT = {
  id: 0,
  title: 'The Comedy of Errors',
  descriptionHtml: 'Two pairs of twins, parted at birth, meet in one town on one day, and nobody can tell who owes what to whom.',
};

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const counts = new Map<string, number>();
function count(app: string, status: number): void {
  const key = `destination_app="${app}",response_code="${status}"`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The user is whoever logged in last in this browser: the cookie holds the name, signed against slips, not against attackers. */
function userOf(request: Request): string | undefined {
  const cookie = /(?:^|;\s*)session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  const [name, mark] = Buffer.from(cookie ?? '', 'base64url')
    .toString('utf8')
    .split('\n');
  return name && mark === markOf(name) ? name : undefined;
}

function markOf(name: string): string {
  return createHash('sha256').update(`bookinfo ${name}`).digest('hex').slice(0, 16);
}

async function ask(app: string, path: string, request: Request): Promise<Answer | undefined> {
  const user = userOf(request);
  try {
    const response = await fetch(`${address(app)}${path}`, {
      headers: { ...handedOn(request), ...(user ? { 'end-user': user } : {}), connection: 'close' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    count(app, response.status);
    if (response.status !== 200) return undefined;
    return { status: 200, body: (await response.json()) as Record<string, unknown> };
  } catch {
    count(app, 500);
    return undefined;
  }
}

async function details(request: Request, id: number): Promise<Answer> {
  return (
    (await ask('details', `/${id}`, request)) ?? {
      status: 500,
      body: { error: 'Sorry, product details are currently unavailable for this book.' },
    }
  );
}

async function reviews(request: Request, id: number): Promise<Answer> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const answer = await ask('reviews', `/${id}`, request);
    if (answer) return answer;
  }
  return { status: 500, body: { error: 'Sorry, product reviews are currently unavailable for this book.' } };
}

const escape = (s: unknown): string => String(s).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function stars(rating: { stars?: number; color?: string; error?: string } | undefined): string {
  if (!rating) return '';
  if (rating.error) return `<p class="text-red"><i>${escape(rating.error)}</i></p>`;
  const star = `<span class="glyphicon glyphicon-star text-${escape(rating.color)}">&#9733;</span>`;
  const empty = '<span class="glyphicon glyphicon-star-empty">&#9734;</span>';
  const n = Math.max(0, Math.min(5, rating.stars ?? 0));
  return `<p style="color:${escape(rating.color)}">${star.repeat(n)}${empty.repeat(5 - n)}</p>`;
}

async function page(request: Request): Promise<string> {
  const [d, r] = await Promise.all([details(request, 0), reviews(request, 0)]);
  const user = userOf(request);
  const login = user
    ? `<p>Signed in as ${escape(user)} (<a href="logout">sign out</a>)</p>`
    : '<form method="post" action="login"><input name="username" placeholder="user name"> <input type="password" name="passwd" placeholder="password"> <button>Sign in</button></form>';
  const detailsHtml =
    d.status === 200
      ? `<h4>Book Details</h4><dl>${Object.entries(d.body)
          .filter(([k]) => k !== 'id')
          .map(([k, v]) => `<dt>${escape(k)}:</dt><dd>${escape(v)}</dd>`)
          .join('')}</dl>`
      : `<h4>Error fetching product details!</h4><p>${escape(d.body.error)}</p>`;
  const list = (r.body.reviews ?? []) as { reviewer: string; text: string; rating?: { stars?: number; color?: string; error?: string } }[];
  const reviewsHtml =
    r.status === 200
      ? `<h4>Book Reviews</h4>${list
          .map((x) => `<blockquote><p>${escape(x.text)}</p><small>${escape(x.reviewer)}</small>${stars(x.rating)}</blockquote>`)
          .join('')}<p>Reviews served by: <b>${escape(r.body.podname)}</b></p>`
      : `<h4>Error fetching product reviews!</h4><p>${escape(r.body.error)}</p>`;
  return `<!DOCTYPE html>
<html><head><title>Simple Bookstore App</title><meta charset="utf-8">
<style>body{font-family:system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}dt{font-weight:600}dd{margin:0 0 .3rem 0}
.cols{display:grid;grid-template-columns:1fr 2fr;gap:2rem}blockquote{margin:0 0 1rem;border-left:3px solid #ccc;padding-left:1rem}</style></head>
<body><header><h3>BookInfo Sample</h3>${login}</header>
<h2>${escape(PRODUCT.title)}</h2><p>Summary: ${escape(PRODUCT.descriptionHtml)}</p>
<div class="cols"><section>${detailsHtml}</section><section>${reviewsHtml}</section></div></body></html>
`;
}

const back = (request: Request): string => request.headers.referer ?? '/productpage';

serve(Number(process.argv[2] ?? 9080), async (request, response) => {
  const path = request.url.pathname;
  if (path === '/health') return text(response, 200, 'Product page is healthy');
  if (path === '/' || path === '/index.html')
    return text(
      response,
      200,
      '<!DOCTYPE html><html><head><title>Simple Bookstore App</title></head><body><p>Hello! This is a simple bookstore application: <a href="/productpage">the product page</a>.</p></body></html>\n',
      'text/html; charset=utf-8',
    );
  if (path === '/productpage') return text(response, 200, await page(request), 'text/html; charset=utf-8');
  if (path === '/login' && request.method === 'POST') {
    const name = new URLSearchParams((await request.body()).toString('utf8')).get('username') ?? '';
    const value = Buffer.from(`${name}\n${markOf(name)}`).toString('base64url');
    response.writeHead(302, { location: back(request), 'set-cookie': `session=${value}; HttpOnly; Path=/` });
    return void response.end();
  }
  if (path === '/logout') {
    response.writeHead(302, { location: back(request), 'set-cookie': 'session=; Max-Age=0; Path=/' });
    return void response.end();
  }
  if (path === '/metrics') {
    const lines = [...counts].map(([labels, n]) => `request_result_total{${labels}} ${n}`);
    return text(response, 200, `# TYPE request_result_total counter\n${lines.join('\n')}\n`);
  }
  if (path === '/api/v1/products') return json(response, 200, [PRODUCT]);
  const match = /^\/api\/v1\/products\/(\d+)(\/reviews|\/ratings)?$/.exec(path);
  if (!match) return text(response, 404, 'not found\n');
  const id = Number(match[1]);
  if (match[2] === '/ratings') {
    const answer = await ask('ratings', `/${id}`, request);
    return json(
      response,
      answer?.status ?? 500,
      answer?.body ?? { error: 'Sorry, product ratings are currently unavailable for this book.' },
    );
  }
  const answer = match[2] === '/reviews' ? await reviews(request, id) : await details(request, id);
  json(response, answer.status, answer.body);
});
