import { from, takeWhile } from 'rxjs'
import { type KVStore, lookupKV, pull$, upsertKV } from 'rxkeeper'
import { connectOurs, counted } from './contenders/ours.ts'
import { type Connect, SINGLES_IN_FLIGHT, singles } from './contenders/single.ts'
import type { Comparison, Place, Question, Task } from './runner/question.ts'
import { randomFrom } from './runner/statistics.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const POINTS = [1000, 10_000, 100_000, 1_000_000]
/** What one pass asks for, of all keys. */
const SAMPLE = 20_000
const SLICE = 5000

const value = filled('written')

/** Keys drawn at random from all that are there. */
function sampleOf(point: number, count: number): string[] {
  const random = randomFrom(7)
  return Array.from({ length: count }, () => keyAt(Math.floor(random() * point)))
}

const ours =
  (work: (store: KVStore<Uint8Array>, place: Place) => Promise<number>) =>
  async (place: Place): Promise<Task> => {
    const store = await connectOurs(place.servers, place.root)
    return { pass: () => work(store, place), close: () => store.close() }
  }

const single =
  (connect: Connect, write: boolean) =>
  async ({ servers, root, point }: Place): Promise<Task> => {
    const client = await connect(servers)
    const keys = sampleOf(point, SLICE)
    return {
      pass: () =>
        inFlight(SLICE, SINGLES_IN_FLIGHT, (i, done) =>
          write
            ? client.set(`${root}/${keys[i]!}`, value, -1, done)
            : client.get(`${root}/${keys[i]!}`, done),
        ),
      close: async () => client.close(),
    }
  }

/** The same on a store with hash buckets, which is filled before the passes: only it knows where its keys are. */
const inBuckets =
  (work: (store: KVStore<Uint8Array>) => Promise<number>) =>
  async ({ servers, root, point }: Place): Promise<Task> => {
    const store = await connectOurs(servers, `${root}/buckets`, { buckets: 256 })
    const keys = Array.from({ length: point }, (_, i) => keyAt(i))
    await counted(pull$(keys).pipe(upsertKV(store, key => [key, value])))
    return { pass: () => work(store), close: () => store.close() }
  }

const reads = ours((store, { point }) =>
  counted(from(sampleOf(point, SAMPLE)).pipe(lookupKV(store, key => key))),
)
const writes = ours((store, { point }) =>
  counted(from(sampleOf(point, SAMPLE)).pipe(upsertKV(store, key => [key, value]))),
)
const listing = (store: KVStore<Uint8Array>) => counted(store.keys$())
const scan = (store: KVStore<Uint8Array>) => counted(store.entries$())

/** From nothing to the first value of a job that starts again: nothing is loaded beforehand. */
async function restart({ servers, root }: Place): Promise<Task> {
  return {
    async pass(samples) {
      const begun = performance.now()
      const store = await connectOurs(servers, root)
      await counted(store.get$(keyAt(0)))
      samples.push((performance.now() - begun) * 1000)
      await store.close()
      return 1
    },
  }
}

/** A feed of everything is synced: what a cache or a copy of the whole store needs before it can be used. */
const synced = (store: KVStore<Uint8Array>) =>
  counted(store.changes$().pipe(takeWhile(({ type }) => type === 'put')))

const common = {
  server: 'zookeeper',
  keys: (point: number) => point,
  points: POINTS,
  pointUnit: 'keys',
  rounds: 3,
} as const

const comparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'growth-keys/get',
    title: 'Reads of random keys, by the number of keys',
    unit: 'reads/s',
    contenders: [
      { name: 'rxkeeper/lookupKV', run: reads },
      { name: 'plain', run: single(singles.plain, false) },
    ],
  },
  {
    ...common,
    name: 'growth-keys/put',
    title: 'Writes of random keys, by the number of keys',
    unit: 'writes/s',
    contenders: [
      { name: 'rxkeeper/upsertKV', run: writes },
      { name: 'plain', run: single(singles.plain, true) },
    ],
  },
  {
    ...common,
    name: 'growth-keys/list',
    title: 'Listing all keys, by their number',
    unit: 'keys/s',
    contenders: [
      { name: 'rxkeeper/keys$', run: ours(listing) },
      { name: 'rxkeeper/keys$, 256 buckets', run: inBuckets(listing) },
    ],
  },
  {
    ...common,
    name: 'growth-keys/read-all',
    title: 'Reading all entries, by their number',
    unit: 'entries/s',
    contenders: [
      { name: 'rxkeeper/entries$', run: ours(scan) },
      { name: 'rxkeeper/entries$, 256 buckets', run: inBuckets(scan) },
    ],
  },
  {
    ...common,
    name: 'growth-keys/watch-all',
    title: 'changes$ up to synced, by the number of keys',
    unit: 'entries/s',
    contenders: [
      { name: 'rxkeeper/changes$', run: ours(synced) },
      { name: 'rxkeeper/changes$, 256 buckets', run: inBuckets(synced) },
    ],
  },
  {
    ...common,
    name: 'growth-keys/restart',
    title: 'From starting a store to its first value, by the number of keys',
    unit: 'µs, p50',
    measure: 'latency',
    contenders: [{ name: 'rxkeeper/get$', run: restart }],
  },
]

export const growthKeys: Question = {
  name: 'growth-keys',
  about: 'What happens as a store grows from 1,000 to 1,000,000 keys?',
  comparisons,
}
