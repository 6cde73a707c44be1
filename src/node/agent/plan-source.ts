import { ConfigMaps, Secrets, Services } from '../../api/index.ts';
import type { Informers } from '../../control/index.ts';
import type { ImageCatalog } from '../images.ts';
import type { PlanSource } from '../lifecycle/ports.ts';
import type { NodeFacts } from '../plan/types.ts';
import type { PodTokens } from './pod-tokens.ts';

/** Plans from what the informers hold, and the pods' tokens. */
export function planSource(informers: Informers, catalog: ImageCatalog, tokens: PodTokens, node: NodeFacts): PlanSource {
  const configMaps = informers.of(ConfigMaps);
  const secrets = informers.of(Secrets);
  const services = informers.of(Services);
  return {
    fetch: (pod) => tokens.fetch(pod),
    forget: (uid) => tokens.forget(uid),
    inputs(pod, podIP) {
      const namespace = pod.metadata?.namespace ?? 'default';
      const kubernetes = namespace === 'default' ? undefined : services.get({ namespace: 'default', name: 'kubernetes' });
      return {
        configMap: (name) => configMaps.get({ namespace, name }),
        secret: (name) => secrets.get({ namespace, name }),
        token: (source) => tokens.of(pod, source),
        services: [...(kubernetes ? [kubernetes] : []), ...services.list(namespace)],
        catalog,
        podIP,
        node,
      };
    },
  };
}
