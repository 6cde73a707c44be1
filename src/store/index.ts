export { StoreError, type Listing, type Store, type StoreErrorCode, type StoreEvent, type Stored, type Watch } from './types.ts';
