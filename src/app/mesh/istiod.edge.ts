/** Asks istiod on its socket, as the command line does. */
import { Fault, messageOf } from '../../base/index.ts';
import type { InstancePaths } from '../instance/paths.ts';
import { askSocket } from '../node/admin-socket.edge.ts';
import type { ProxyStatus } from './istiod.ts';

const TIMEOUT_MS = 20_000;

/** How far each proxy that is connected has come; throws a `Fault` when the control plane does not answer. */
export async function proxyStatuses(paths: InstancePaths): Promise<readonly ProxyStatus[]> {
  try {
    return JSON.parse(await askSocket(paths.istiodSocket, { path: '/debug/syncz', timeoutMs: TIMEOUT_MS })) as ProxyStatus[];
  } catch (error) {
    throw new Fault('NotUp', `the control plane of "${paths.name}" does not answer: ${messageOf(error)}`, {
      hint: 'Start it with "sluice up".',
    });
  }
}
