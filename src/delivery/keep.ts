/** Makes, wakes and drops the copy of the version before, and brings that version back (`previous.ts`). */
import type { ConfigMap, Secret } from 'kubernetes-types/core/v1.js';
import { ConfigMaps, keyOf, Secrets, type Key } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { isControlledBy, type Client } from '../control/index.ts';
import { kindOf, type Observation } from './decision.ts';
import { previousName, primaryName } from './names.ts';
import { FIELD_MANAGER } from './objects.ts';
import { configsOfPrevious, previousOf, restoredPrimary, restoredTarget } from './previous.ts';
import type { Objects } from './routers/router.ts';
import { configRefs, copiedConfig, type ConfigRef } from './tracking.ts';

export interface Keeper {
  /** Copies the primary, unless that was done for this release. It must not have begun to follow. */
  keep(o: Observation): Promise<void>;
  wake(o: Observation): Promise<void>;
  drop(o: Observation): Promise<void>;
  /** The target's spec is what it was. Its ConfigMaps and Secrets are their author's. */
  restoreTarget(o: Observation): Promise<void>;
  /** The primary, and its copies of ConfigMaps and Secrets, are what they were. */
  restorePrimary(o: Observation): Promise<void>;
}

export function createKeeper(client: Client, objects: Objects): Keeper {
  const by = { fieldManager: FIELD_MANAGER };
  const config = (kind: ConfigRef['kind'], key: Key): Promise<ConfigMap | Secret | undefined> =>
    kind === 'secret' ? client.get(Secrets, key) : client.get(ConfigMaps, key);

  async function copyConfig(o: Observation, kind: ConfigRef['kind'], from: string, to: string): Promise<void> {
    const original = await config(kind, { namespace: o.settings.namespace, name: from });
    if (!original) return;
    if (kind === 'secret') await objects.apply(Secrets, copiedConfig(kind, original, to, o.canary), o);
    else await objects.apply(ConfigMaps, copiedConfig(kind, original, to, o.canary), o);
  }

  /** The ConfigMaps and Secrets that were copied for the primary, by the names their author gave them. */
  async function configsOfPrimary(o: Observation): Promise<ConfigRef[]> {
    const suffix = primaryName('');
    const found: ConfigRef[] = [];
    for (const { kind, name } of configRefs(kindOf(o).pods(o.primary!))) {
      if (!name.endsWith(suffix)) continue;
      const copy = await config(kind, { namespace: o.settings.namespace, name });
      if (copy && isControlledBy(copy, o.canary)) found.push({ kind, name: name.slice(0, -suffix.length) });
    }
    return found;
  }

  return {
    async keep(o) {
      if (!o.primary || o.previous) return;
      const configs = await configsOfPrimary(o);
      for (const { kind, name } of configs) await copyConfig(o, kind, primaryName(name), previousName(name));
      // Last, since it says that all is copied.
      await client.create(kindOf(o).resource, previousOf(o, configs), by);
    },
    async wake(o) {
      if (!o.previous || !o.primary) return;
      const body = kindOf(o).scaled(o.previous, kindOf(o).replicas(o.primary) ?? 1);
      if (body) await client.patch(kindOf(o).resource, keyOf(o.previous), { type: 'merge', body }, by);
    },
    async drop(o) {
      if (!o.previous) return;
      for (const { kind, name } of configsOfPrevious(o.previous)) {
        const key = { namespace: o.settings.namespace, name: previousName(name) };
        await (kind === 'secret' ? client.delete(Secrets, key) : client.delete(ConfigMaps, key));
      }
      await client.delete(kindOf(o).resource, keyOf(o.previous));
    },
    async restoreTarget(o) {
      if (!o.target || !o.previous) return;
      const next = restoredTarget(o, o.previous);
      if (canonicalJson(next.spec) !== canonicalJson(o.target.spec)) await client.update(kindOf(o).resource, next, by);
    },
    async restorePrimary(o) {
      if (!o.primary || !o.previous) return;
      for (const { kind, name } of configsOfPrevious(o.previous)) await copyConfig(o, kind, previousName(name), primaryName(name));
      const primary = (await client.get(kindOf(o).resource, keyOf(o.primary))) ?? o.primary;
      const next = restoredPrimary(o, primary, o.previous);
      if (canonicalJson(next.spec) !== canonicalJson(primary.spec)) await client.update(kindOf(o).resource, next, by);
    },
  };
}
