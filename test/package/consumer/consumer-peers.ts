import fc from 'fast-check'
import { json, type KVStore } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import * as otel from 'rxkeeper/otel'
import { arbitraries, KVModel, kvStoreContract, startZooKeeper } from 'rxkeeper/testing'

export const store: KVStore<number> = lmdbStore({ path: 'state', value: json<number>() })
export const keys: fc.Arbitrary<string> = arbitraries(fc).key()
export const model: KVModel<number> = new KVModel<number>()
export { kvStoreContract, otel, startZooKeeper }
