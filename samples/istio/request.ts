/** `request.ts PORT METHOD PATH`: one request to a port of this pod; what is answered goes to standard output. */
import { request } from 'node:http';

const [port = '', method = '', path = ''] = process.argv.slice(2);
if (!/^(GET|POST)$/i.test(method) || !path) {
  process.stderr.write('Name a method, GET or POST, and a path.\n');
  process.exit(1);
}
const r = request({ host: '127.0.0.1', port, method: method.toUpperCase(), path: path.startsWith('/') ? path : `/${path}` }, (response) => {
  if (response.statusCode !== 200) process.exitCode = 1;
  response.pipe(response.statusCode === 200 ? process.stdout : process.stderr);
});
r.on('error', (error) => {
  process.stderr.write(`127.0.0.1:${port} does not answer: ${error.message}\n`);
  process.exitCode = 1;
});
r.end();
