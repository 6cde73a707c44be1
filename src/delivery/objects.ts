/** How objects of a canary are written: only the fields we mean, and what was there before us can be given back. */
import { keyOf, type KubeObject } from '../api/index.ts';
import { isControlledBy, type Client } from '../control/index.ts';
import type { Objects } from './routers/router.ts';

export const FIELD_MANAGER = 'flagger';

/** What an object's spec was before a canary came, as JSON. */
const ORIGINAL = 'flagger.kubernetes.io/original-configuration';

type WithSpec = KubeObject & { spec?: unknown };

export function createObjects(client: Client): Objects {
  return {
    get: (resource, key) => client.get(resource, key),
    async apply(resource, wanted, o) {
      const key = keyOf(wanted);
      const existing: WithSpec | undefined = await client.get(resource, key);
      let body: KubeObject = wanted;
      if (existing && !isControlledBy(existing, o.canary)) {
        const { ownerReferences: _, ...metadata } = wanted.metadata ?? {};
        const original = existing.metadata?.annotations?.[ORIGINAL] ?? JSON.stringify(existing.spec ?? {});
        body = { ...wanted, metadata: { ...metadata, annotations: { ...metadata.annotations, [ORIGINAL]: original } } };
      }
      await client.patch(resource, key, { type: 'apply', body }, { fieldManager: FIELD_MANAGER, force: true });
    },
    async restore(resource, key, o) {
      const existing: WithSpec | undefined = await client.get(resource, key);
      const original = existing?.metadata?.annotations?.[ORIGINAL];
      if (!existing || original === undefined || isControlledBy(existing, o.canary)) return;
      const { [ORIGINAL]: _, ...annotations } = existing.metadata!.annotations!;
      const spec: unknown = JSON.parse(original);
      const restored = { ...existing, spec, metadata: { ...existing.metadata, annotations } };
      await client.update(resource, restored as typeof existing as never, { fieldManager: FIELD_MANAGER });
    },
  };
}
