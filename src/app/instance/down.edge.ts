/** Takes an instance down, and forgets it when asked to. */
import { existsSync, rmSync } from 'node:fs';
import { removeFromKubeconfig } from '../../apiserver/index.ts';
import { Fault, messageOf } from '../../base/index.ts';
import { adoptNode, stopNode } from '../../node/index.ts';
import { stopProcess } from './daemon.edge.ts';
import { anythingRuns, pidFile, processOf, type Part } from './instance.edge.ts';
import type { InstancePaths } from './paths.ts';
import { takeTurn } from './turn.edge.ts';

export interface DownOptions {
  /** Forget the state too. */
  readonly purge: boolean;
  /** The kubeconfig a purge takes the context out of; undefined: none. */
  readonly userKubeconfig: string | undefined;
  say(text: string): void;
}

const CONTROL_PLANE_GRACE_MS = 10_000;
const EDGE_GRACE_MS = 1_000;

/** Resolves when nothing of the instance runs. `existed`: there was state of it. */
export async function down(paths: InstancePaths, options: DownOptions): Promise<{ wasUp: boolean; existed: boolean }> {
  if (!existsSync(paths.stateDir) && !anythingRuns(paths)) {
    if (options.purge) forget(paths, options.userKubeconfig);
    return { wasUp: false, existed: false };
  }
  const turn = await takeTurn(paths, 'sluice down', options.say);
  try {
    const wasUp = anythingRuns(paths);
    const controlPlane = processOf(paths, 'control-plane');
    if (controlPlane) {
      options.say('stopping the control plane ...');
      await stopProcess(controlPlane, CONTROL_PLANE_GRACE_MS);
    }
    if (adoptNode(paths.runDir)) {
      options.say('stopping the node ...');
      await stopNode(paths.runDir);
    }
    const edge = processOf(paths, 'edge/outside');
    if (edge) await stopProcess(edge, EDGE_GRACE_MS);
    for (const part of ['control-plane', 'agent', 'edge/outside'] satisfies Part[]) rmSync(pidFile(paths, part), { force: true });
    if (options.purge) forget(paths, options.userKubeconfig);
    return { wasUp, existed: true };
  } finally {
    turn.release();
  }
}

function forget(paths: InstancePaths, userKubeconfig: string | undefined): void {
  rmSync(paths.runDir, { recursive: true, force: true });
  rmSync(paths.stateDir, { recursive: true, force: true });
  if (userKubeconfig === undefined) return;
  try {
    removeFromKubeconfig(userKubeconfig, paths.context);
  } catch (cause) {
    throw new Fault(
      'KubeconfigUnwritable',
      `all is stopped and forgotten, but the context is still in your kubeconfig: ${messageOf(cause)}`,
      {
        hint: `Take "${paths.context}" out of ${userKubeconfig} by hand.`,
        cause,
      },
    );
  }
}
