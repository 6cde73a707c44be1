/** Bookinfo details: what is known of a book. */
import { json, serve } from '../lib/server.ts';

serve(Number(process.argv[2] ?? 9080), (request, response) => {
  if (request.url.pathname === '/health') return json(response, 200, { status: 'Details is healthy' });
  const match = /^\/details\/([^/]+)$/.exec(request.url.pathname);
  if (!match) return json(response, 404, { error: 'not found' });
  const id = Number(match[1]);
  if (!Number.isInteger(id)) return json(response, 400, { error: 'please provide numeric product id' });
  json(response, 200, {
    id,
    author: 'William Shakespeare',
    year: 1595,
    type: 'paperback',
    pages: 200,
    publisher: 'PublisherA',
    language: 'English',
    'ISBN-10': '1234567890',
    'ISBN-13': '123-1234567890',
  });
});
