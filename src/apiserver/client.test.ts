import { createCatalog, type AnyObject } from '../api/index.ts';
import { seededRng, silentLog, systemClock } from '../base/index.ts';
import { clientContract } from '../control/testing.ts';
import { memoryStore } from '../store/index.ts';
import { createRegistry } from './create-registry.ts';

clientContract('the in-process client', async () => {
  const store = memoryStore<AnyObject>();
  const registry = createRegistry({ store, catalog: createCatalog(), clock: systemClock, rng: seededRng(1), log: silentLog });
  return {
    client: registry.client({ name: 'tester', groups: [] }),
    compact: () => store.compact(store.revision),
    close: () => store.close(),
  };
});
