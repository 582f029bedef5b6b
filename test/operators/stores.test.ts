import { expect, test } from 'vitest'
import {
  deleteKV,
  historyKV,
  insertKV,
  json,
  type KVStore,
  lookupKV,
  memoryStore,
  processKV,
  type Sessions,
  sessionKV,
  updateKV,
  upsertKV,
  type Window,
  windowKV,
} from '../../src/index.ts'

const { get$, put$ } = memoryStore({ value: json<never>() })
/** What somebody has made around a store of ours. */
const wrapper = <V>() => ({ get$, put$ }) as unknown as KVStore<V>
const key = (record: string): string => record
const never = (): never => {
  throw new Error('not to be called')
}

test.each([
  ['lookupKV', () => lookupKV(wrapper(), key)],
  ['upsertKV', () => upsertKV(wrapper(), never)],
  ['insertKV', () => insertKV(wrapper(), never)],
  ['deleteKV', () => deleteKV(wrapper(), key)],
  ['updateKV', () => updateKV(wrapper(), key, never)],
  ['processKV', () => processKV(wrapper(), key, never)],
  ['historyKV', () => historyKV(wrapper<readonly string[]>(), key)],
  ['sessionKV', () => sessionKV(wrapper<Sessions<never>>(), key, never, { timeOf: never, gap: 1 })],
  ['windowKV', () => windowKV(wrapper<Window<never>>(), key, never, { timeOf: never, size: 1 })],
] as const)('%s works on stores that `kvStore` made, and refuses others at once', (_, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
})
