import { join } from 'node:path';
import { ConfigMaps, PersistentVolumeClaims, PersistentVolumes, Secrets, Services } from '../../api/index.ts';
import type { Informers } from '../../control/index.ts';
import type { ImageCatalog } from '../images.ts';
import type { PlanSource } from '../lifecycle/ports.ts';
import type { NodeFacts } from '../plan/types.ts';
import type { PodTokens } from './pod-tokens.ts';

/** What pods are told of this machine. */
export interface Machine {
  readonly node: NodeFacts;
  /** Volumes below it were made for claims: any pod may have them. */
  readonly volumesDir: string;
}

/** Plans from what the informers hold, and the pods' tokens. */
export function planSource(informers: Informers, catalog: ImageCatalog, tokens: PodTokens, { node, volumesDir }: Machine): PlanSource {
  const configMaps = informers.of(ConfigMaps);
  const secrets = informers.of(Secrets);
  const services = informers.of(Services);
  const claims = informers.of(PersistentVolumeClaims);
  const volumes = informers.of(PersistentVolumes);
  return {
    fetch: (pod) => tokens.fetch(pod),
    forget: (uid) => tokens.forget(uid),
    inputs(pod, podIP) {
      const namespace = pod.metadata?.namespace ?? 'default';
      const kubernetes = namespace === 'default' ? undefined : services.get({ namespace: 'default', name: 'kubernetes' });
      return {
        configMap: (name) => configMaps.get({ namespace, name }),
        secret: (name) => secrets.get({ namespace, name }),
        volumeOf(name) {
          const claim = claims.get({ namespace, name });
          if (!claim) return { problem: `persistentvolumeclaim "${name}" not found` };
          const volume =
            claim.status?.phase === 'Bound' && claim.spec?.volumeName ? volumes.get({ name: claim.spec.volumeName }) : undefined;
          if (!volume) return { problem: `PVC ${namespace}/${name} is not bound` };
          const path = volume.spec?.hostPath?.path ?? volume.spec?.local?.path;
          if (path === undefined) return { problem: `volume "${volume.metadata?.name}" is neither a hostPath nor local` };
          return { path, own: path === join(volumesDir, volume.metadata?.name ?? '') };
        },
        token: (source) => tokens.of(pod, source),
        services: [...(kubernetes ? [kubernetes] : []), ...services.list(namespace)],
        catalog,
        podIP,
        node,
      };
    },
  };
}
