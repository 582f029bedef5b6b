import { once } from 'node:events'
import { from } from 'rxjs'
import { bytes, type KVStore, lookupKV, processKV, pull$, upsertKV, zookeeperStore } from 'rxkeeper'
import { Placement } from '../../src/engines/sharded/placement.ts'
import { connected, counted } from '../contenders/ours.ts'
import { randomFrom } from '../runner/statistics.ts'
import { filled, keyAt } from '../runner/work.ts'

/** What is to be measured. */
export interface Order {
  readonly keys: number
  readonly ensembles: readonly string[]
}

/** What is told of a step, in a second where it is work. The next is begun when that was heard. */
export interface Step {
  readonly name: string
  readonly value?: number | undefined
}

/** How many keys a step works on at most. */
const SAMPLE = 100_000
const RESTARTS = 7

const { keys, ensembles }: Order = JSON.parse(process.argv[2]!)
const root = '/growth'
const value = filled('written')
const random = randomFrom(11)
const sample = Array.from({ length: SAMPLE }, () => keyAt(Math.floor(random() * keys)))

const tell = async (name: string, value?: number): Promise<void> => {
  const heard = once(process, 'message')
  process.send!({ name, value } satisfies Step)
  await heard
}

const open = async (): Promise<KVStore<Uint8Array>> => {
  const buckets = keys / ensembles.length > 100_000 ? 4096 : 256
  const store = zookeeperStore({ ensembles, root, value: bytes, buckets })
  await connected(store)
  return store
}

/** How many are done in a second; the best of three, for others use the machine, too. */
async function rate(work: () => Promise<number>, rounds = 3): Promise<number> {
  let best = 0
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    const count = await work()
    best = Math.max(best, (count * 1000) / (performance.now() - begun))
  }
  return best
}

const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

function* allKeys(): Generator<string> {
  for (let i = 0; i < keys; i++) yield keyAt(i)
}

const looped = (store: KVStore<Uint8Array>, some: readonly string[]) =>
  counted(
    from(some).pipe(
      processKV(
        store,
        key => key,
        () => filled('looped'),
      ),
    ),
  )

async function restarts(): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < RESTARTS; i++) {
    const begun = performance.now()
    const store = await open()
    await counted(store.get$(sample[i]!))
    times.push((performance.now() - begun) * 1000)
    await store.close()
  }
  return times.sort((a, b) => a - b)[RESTARTS >> 1]!
}

const before = heap()
const store = await open()
await tell('load', await rate(() => counted(pull$(allKeys()).pipe(upsertKV(store, key => [key, value]))), 1))
await tell('client heap, bytes a key', (heap() - before) / keys)
await tell('lookup', await rate(() => counted(from(sample).pipe(lookupKV(store, key => key)))))
await tell('loop', await rate(() => looped(store, sample)))
await tell('range', await rate(() => counted(store.entries$({ from: sample[0]!, limit: SAMPLE }))))
await tell('list', await rate(() => counted(store.keys$({ limit: 10 * SAMPLE }))))
await tell('restart, µs', await restarts())
if (ensembles.length > 1) {
  const placement = new Placement(ensembles.length)
  const others = sample.filter(key => placement.indexOf(key) < ensembles.length - 1)
  await tell('loop of the others', await rate(() => looped(store, others)))
  await tell('outage')
  await tell('loop of the others while one is down', await rate(() => looped(store, others)))
  await tell('outage is over')
}
await store.close()
process.disconnect()
