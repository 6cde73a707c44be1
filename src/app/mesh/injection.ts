/** Puts the sidecar into pods as they are created, in namespaces and pods that ask for one. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { AnyObject } from '../../api/index.ts';
import type { Admission } from '../../apiserver/index.ts';
import { defaultInjection, injectSidecar } from '../../mesh/index.ts';

export function sidecarAdmission(labelsOf: (namespace: string) => Promise<Readonly<Record<string, string>>>): Admission {
  return {
    async mutate({ operation, def, namespace, subresource, object }) {
      if (operation !== 'CREATE' || subresource || def.resource.kind !== 'Pod' || def.resource.group !== '') return;
      const injected = injectSidecar(object as Pod, await labelsOf(namespace ?? 'default'), defaultInjection) as unknown as AnyObject;
      if (injected === object) return;
      Object.assign(object, injected);
      // The container that came with it has not been given its defaults.
      def.default?.(object, undefined);
    },
  };
}
