import fc, * as wholeFastCheck from 'fast-check'
import { json, type KVStore, Memory, memoryStore } from 'rxkeeper'
import {
  arbitraries,
  explain,
  faultyStore,
  KVModel,
  kvStoreContract,
  type Operation,
  type Outcome,
  type Performed,
  performOperation,
  type StoreFault,
  startProxy,
  type ZooKeeperEnsemble,
  type ZooKeeperServer,
} from 'rxkeeper/testing'
import { type } from './expect.ts'

const { key, value, entry, entries, operations, faults } = arbitraries(fc)
arbitraries(wholeFastCheck)
type<fc.Arbitrary<string>>()(key())
type<fc.Arbitrary<fc.JsonValue>>()(value())
type<fc.Arbitrary<[key: string, value: number]>>()(entry(fc.nat()))
type<fc.Arbitrary<[key: string, value: number][]>>()(entries(fc.nat()))
type<fc.Arbitrary<Operation<number>[]>>()(operations(fc.nat(), { types: ['get', 'put'] }))

type<fc.Arbitrary<StoreFault[]>>()(faults({ types: ['lost'], keys: ['a'], within: 10 }))

const written: StoreFault = { type: 'write', at: 1, key: 'a' }
const counts = { value: json<number>(), faults: [written] }
type<KVStore<number>>()(faultyStore({ ...counts, otherWriter: (count = 0) => count + 1 }))
// @ts-expect-error an outage says what becomes of the writes on their way
faultyStore({ ...counts, faults: [{ type: 'lost', at: 1, lasts: 1 }] })
// @ts-expect-error another type of value
faultyStore({ ...counts, otherWriter: () => 'a' })

const model = new KVModel<number>()
type<number | undefined>()(model.get('a'))
type<Outcome>()(model.perform({ type: 'update', key: 'a', next: (count = 0) => count + 1 }))
type<Performed<number>[] | undefined>()(explain<number>([], [], model.entries()))

declare const server: ZooKeeperServer
declare const ensemble: ZooKeeperEnsemble
type<Promise<boolean>>()(server.expireSession(1n))
type<Promise<ZooKeeperServer>>()(ensemble.leader())
await using proxy = await startProxy(server.servers)
proxy.set({ toClient: { cut: true, delay: 1 }, connect: 'hang' })

kvStoreContract({
  name: 'mine',
  fastCheck: fc,
  place: () => ({ open: options => memoryStore({ ...options, memory: new Memory() }) }),
})

declare const performed: Operation<string>
// @ts-expect-error an operation of another type of value
model.perform(performed)
// @ts-expect-error no such fault
proxy.set({ toClient: { slow: true } })
// @ts-expect-error a place opens stores of any type
kvStoreContract({ name: 'mine', place: () => ({ open: () => memoryStore({ value: 1 }) }) })
// @ts-expect-error a session id is a bigint
server.expireSession(1)
// @ts-expect-error a store is needed
performOperation(undefined, { type: 'get', key: 'a' })
