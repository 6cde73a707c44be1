/** What is known of an instance from outside: its files, its processes, whether it answers. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { readPidFile, type ProcessId } from '../../base/index.ts';
import { createHttpClient, type Client } from '../../control/index.ts';
import { adoptNode } from '../../node/index.ts';
import { parseRecord, type InstanceRecord } from './config.ts';
import { withRunDir, type InstancePaths } from './paths.ts';

/** The processes of an instance, by the names of their pid files. */
export type Part = 'control-plane' | 'agent' | 'edge/outside' | 'edge/inside';

export const pidFile = (paths: InstancePaths, part: Part): string => join(paths.runDir, `${part}.pid`);

/** The process of a part; undefined when it does not run. */
export const processOf = (paths: InstancePaths, part: Part): ProcessId | undefined => readPidFile(pidFile(paths, part));

/** What an earlier run has left; undefined when there was none, or its file is damaged. */
export function readRecord(paths: InstancePaths): InstanceRecord | undefined {
  try {
    return parseRecord(readFileSync(paths.instanceFile, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whether anything of the instance runs. */
export function anythingRuns(paths: InstancePaths): boolean {
  return (
    processOf(paths, 'control-plane') !== undefined ||
    processOf(paths, 'edge/outside') !== undefined ||
    adoptNode(paths.runDir) !== undefined
  );
}

/** The instance where it runs: it may have been started in a shell with another XDG_RUNTIME_DIR. */
export function located(paths: InstancePaths): InstancePaths {
  const last = readRecord(paths)?.runDir;
  if (last === undefined || last === paths.runDir) return paths;
  const there = withRunDir(paths, last);
  return anythingRuns(there) ? there : paths;
}

export function clientOf(paths: InstancePaths): Client {
  return createHttpClient({ socketPath: paths.apiSocket });
}

export interface HttpProbe {
  readonly status: number;
  readonly body: string;
}

/** GET over a socket or a loopback port; undefined when nobody answers within 2 s. */
export function probe(at: { readonly socketPath: string } | { readonly port: number }, path: string): Promise<HttpProbe | undefined> {
  return new Promise((resolve) => {
    const r = request({ ...('port' in at ? { host: '127.0.0.1' } : {}), ...at, path, timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve(undefined));
    });
    r.on('timeout', () => r.destroy());
    r.on('error', () => resolve(undefined));
    r.end();
  });
}
