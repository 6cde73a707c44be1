/** Asks istiod on its socket, as the command line does. */
import { Fault, messageOf } from '../../base/index.ts';
import type { Problem } from '../../mesh/index.ts';
import type { InstancePaths } from '../instance/paths.ts';
import { askSocket } from '../node/admin-socket.edge.ts';
import type { ProxyStatus } from './istiod.ts';

const TIMEOUT_MS = 20_000;

/** How far each proxy that is connected has come; throws a `Fault` when the control plane does not answer. */
export const proxyStatuses = (paths: InstancePaths): Promise<readonly ProxyStatus[]> => page(paths, '/debug/syncz');

/** What only proxies that run can tell of objects: refusals, and patches that change nothing; throws as {@link proxyStatuses}. */
export const toldProblems = (paths: InstancePaths): Promise<readonly Problem[]> => page(paths, '/debug/problems');

async function page<T>(paths: InstancePaths, path: string): Promise<T> {
  try {
    return JSON.parse(await askSocket(paths.istiodSocket, { path, timeoutMs: TIMEOUT_MS })) as T;
  } catch (error) {
    throw new Fault('NotUp', `the control plane of "${paths.name}" does not answer: ${messageOf(error)}`, {
      hint: 'Start it with "sluice up".',
    });
  }
}
