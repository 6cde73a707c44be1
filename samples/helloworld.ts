/** helloworld: says which version and which pod answered. */
import { serve, text } from './lib/server.ts';

serve(Number(process.argv[2] ?? 5000), (request, response) => {
  if (request.url.pathname === '/health') return text(response, 200, 'Helloworld is healthy');
  if (request.url.pathname !== '/hello') return text(response, 404, 'not found\n');
  text(response, 200, `Hello version: ${process.env.SERVICE_VERSION ?? 'v1'}, instance: ${process.env.HOSTNAME ?? ''}\n`);
});
