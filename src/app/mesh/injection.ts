/** Puts the sidecar into pods as they are created, in namespaces and pods that ask for one. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import { ConfigMaps, Namespaces, ProxyConfigs, type AnyObject } from '../../api/index.ts';
import type { Admission } from '../../apiserver/index.ts';
import type { Client } from '../../control/index.ts';
import { byAge, defaultInjection, defaultMeshConfig, injectSidecar, meshConfigOf, type InjectionConfig } from '../../mesh/index.ts';

/** What a namespace says of sidecars, and what proxies are started with there. */
export interface InjectionPlace {
  readonly labels: Readonly<Record<string, string>>;
  readonly config: InjectionConfig;
}

export async function injectionPlace(client: Client, namespace: string): Promise<InjectionPlace> {
  const { rootNamespace } = defaultMeshConfig;
  const [object, configs, map] = await Promise.all([
    client.get(Namespaces, { name: namespace }),
    client.list(ProxyConfigs),
    client.get(ConfigMaps, { namespace: rootNamespace, name: 'istio' }),
  ]);
  const { proxies } = map ? meshConfigOf(defaultMeshConfig, map) : defaultMeshConfig;
  return {
    labels: object?.metadata?.labels ?? {},
    config: { ...defaultInjection, proxies: { rootNamespace, defaults: proxies, configs: configs.items.toSorted(byAge) } },
  };
}

export function sidecarAdmission(placeOf: (namespace: string) => Promise<InjectionPlace>): Admission {
  return {
    async mutate({ operation, def, namespace = 'default', subresource, object }) {
      if (operation !== 'CREATE' || subresource || def.resource.kind !== 'Pod' || def.resource.group !== '') return;
      const { labels, config } = await placeOf(namespace);
      const injected = injectSidecar(object as Pod, labels, config) as unknown as AnyObject;
      if (injected === object) return;
      Object.assign(object, injected);
      // The container that came with it has not been given its defaults.
      def.default?.(object, undefined);
    },
  };
}
