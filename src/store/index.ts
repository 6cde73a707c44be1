export { deepFreeze } from './freeze.ts';
export { openStore } from './lmdb.edge.ts';
export { memoryStore, type StoreOptions } from './store.ts';
export { StoreError, type Listing, type Store, type StoreErrorCode, type StoreEvent, type Stored, type Watch } from './types.ts';
