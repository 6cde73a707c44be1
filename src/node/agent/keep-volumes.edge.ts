import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, type Log } from '../../base/index.ts';
import type { Informer } from '../../control/index.ts';
import type { PersistentVolume } from '../objects.ts';

/**
 * Removes the directory of a volume that is seen to go: what was made for a claim goes with its volume. What nobody speaks of stays, since
 * a store that was brought back from a backup may only have forgotten it. Resolves once the volumes are known.
 */
export function keepVolumes(volumes: Informer<PersistentVolume>, directory: string, log: Log): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  volumes.onChange(({ type, object }) => {
    const { name = '' } = object.metadata ?? {};
    const path = join(directory, name);
    if (type !== 'deleted' || object.spec?.hostPath?.path !== path) return;
    log.info('removing the directory of a volume that is gone', { volume: name });
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      log.warn('the directory of a volume could not be removed', { volume: name, error: messageOf(error) });
    }
  });
  return volumes.synced;
}
