export { backUpStore, restoreStore, verifyStore, type StoreFacts } from './backup.edge.ts';
export { deepFreeze } from './freeze.ts';
export { openStore } from './journal.edge.ts';
export { memoryStore } from './store.ts';
export { StoreError, type Listing, type Store, type StoreEvent, type Stored } from './types.ts';
