/** Serves what istiod tells of itself on a Unix socket: the pod `istiod` and the command line come by it. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { Fault, messageOf, type Log } from '../../base/index.ts';
import { answer, type Istiod, type ProxyStatus } from './istiod.ts';
import type { InstancePaths } from '../instance/paths.ts';

const TIMEOUT_MS = 20_000;

/** Resolves once it listens, with what ends it. */
export async function serveIstiod(socketPath: string, istiod: Istiod, log: Log): Promise<{ close(): Promise<void> }> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    try {
      const { status, body } = answer(istiod, new URL(incoming.url ?? '/', 'http://istiod'));
      const text = typeof body === 'string' ? body : `${JSON.stringify(body, null, 2)}\n`;
      response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain; version=0.0.4' : 'application/json' }).end(text);
    } catch (error) {
      log.error('a question to istiod could not be answered', { path: incoming.url, error: messageOf(error) });
      response.writeHead(500).end(`${messageOf(error)}\n`);
    }
  });
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  chmodSync(socketPath, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** How far each proxy that is connected has come; throws a `Fault` when the control plane does not answer. */
export async function proxyStatuses(paths: InstancePaths): Promise<readonly ProxyStatus[]> {
  return (await askIstiod(paths, '/debug/syncz')) as ProxyStatus[];
}

function askIstiod(paths: InstancePaths, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const failed = (why: string): void =>
      reject(new Fault('NotUp', `the control plane of "${paths.name}" does not answer: ${why}`, { hint: 'Start it with "sluice up".' }));
    const r = request({ socketPath: paths.istiodSocket, path, timeout: TIMEOUT_MS, headers: { host: 'istiod' } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (p: Buffer) => parts.push(p));
      response.on('error', (error) => failed(messageOf(error)));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else failed(`${response.statusCode} ${text.trim()}`);
      });
    });
    r.on('timeout', () => r.destroy(new Error(`nothing within ${TIMEOUT_MS / 1000} s`)));
    r.on('error', (error) => failed(messageOf(error)));
    r.end();
  });
}
