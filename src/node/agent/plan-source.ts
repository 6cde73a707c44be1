import { ConfigMaps, Secrets, Services } from '../../api/index.ts';
import type { Informers } from '../../control/index.ts';
import type { ImageCatalog } from '../images.ts';
import type { PlanSource } from '../lifecycle/ports.ts';
import type { NodeFacts } from '../plan/types.ts';

/** Plans from what the informers hold. */
export function planSource(informers: Informers, catalog: ImageCatalog, node: NodeFacts): PlanSource {
  const configMaps = informers.of(ConfigMaps);
  const secrets = informers.of(Secrets);
  const services = informers.of(Services);
  return {
    inputs(pod, podIP) {
      const namespace = pod.metadata?.namespace ?? 'default';
      const kubernetes = namespace === 'default' ? undefined : services.get({ namespace: 'default', name: 'kubernetes' });
      return {
        configMap: (name) => configMaps.get({ namespace, name }),
        secret: (name) => secrets.get({ namespace, name }),
        services: [...(kubernetes ? [kubernetes] : []), ...services.list(namespace)],
        catalog,
        podIP,
        node,
      };
    },
  };
}
