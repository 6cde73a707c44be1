/** Asks istiod on its socket, as the command line does. */
import { request } from 'node:http';
import { Fault, messageOf } from '../../base/index.ts';
import type { InstancePaths } from '../instance/paths.ts';
import type { ProxyStatus } from './istiod.ts';

const TIMEOUT_MS = 20_000;

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
