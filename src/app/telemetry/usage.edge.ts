/** Asks the node's agent for its counters. */
import { request } from 'node:http';
import type { Look } from './usage.ts';

const TIMEOUT_MS = 2_000;

/** Undefined when the agent does not answer. */
export function askUsage(socketPath: string): Promise<Look | undefined> {
  return new Promise((resolve) => {
    const none = (): void => resolve(undefined);
    const r = request({ socketPath, path: '/metrics/pods', timeout: TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('error', none).on('end', () => {
        try {
          resolve(response.statusCode === 200 ? (JSON.parse(body) as Look) : undefined);
        } catch {
          none();
        }
      });
    });
    r.on('error', none).on('timeout', () => r.destroy());
    r.end();
  });
}
