/** Pages on Unix sockets: those of the instance's proxies, and its own. */
import { request } from 'node:http';
import { join } from 'node:path';
import { proxySocketDir } from './images.ts';

/** Configuration of a proxy in a large mesh. */
const MAX_BYTES = 512 * 1024 * 1024;

export interface PageRequest {
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly timeoutMs: number;
}

/** Asks the proxy of a pod, as {@link askSocket} does. */
export function askAdmin(proxyDir: string, podUid: string, asked: PageRequest): Promise<string> {
  return askSocket(join(proxySocketDir(proxyDir, podUid), 'admin.sock'), asked);
}

/** The body of what is answered there; rejects with what went wrong when that is not a 200 in time. */
export function askSocket(socketPath: string, { path, method = 'GET', timeoutMs }: PageRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const r = request({ socketPath, path, method, timeout: timeoutMs, headers: { host: 'admin' } }, (response) => {
      let bytes = 0;
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > MAX_BYTES) r.destroy(new Error('it says too much'));
        else parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${response.statusCode} ${text.trim().slice(0, 200)}`));
      });
    });
    r.on('timeout', () => r.destroy(new Error(`nothing within ${timeoutMs / 1000} s`)));
    r.on('error', reject);
    r.end();
  });
}

/** Requests of HTTP and connections of TCP that came to a sidecar's pod from others. */
const TAKEN = `/stats?filter=${encodeURIComponent(String.raw`^(http\.inbound_[0-9]+\.downstream_rq|tcp\.inbound.*\.downstream_cx)_total$`)}`;
const TAKEN_MS = 900;

/** How many of these there were so far; undefined when the proxy does not say. */
export async function takenByProxy(proxyDir: string, podUid: string): Promise<number | undefined> {
  const said = await askAdmin(proxyDir, podUid, { path: TAKEN, timeoutMs: TAKEN_MS }).catch(() => undefined);
  return said?.split('\n').reduce((sum, line) => sum + Number(/: (\d+)$/.exec(line)?.[1] ?? 0), 0);
}
