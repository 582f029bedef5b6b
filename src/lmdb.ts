export { type LmdbStoreOptions, lmdbStore } from './engines/lmdb/store.ts'
