export { deepFreeze } from './freeze.ts';
export { openStore } from './lmdb.edge.ts';
export { memoryStore } from './store.ts';
export { StoreError, type Listing, type Store, type StoreEvent, type Stored } from './types.ts';
