import { from, map } from 'rxjs'
import { lookupKV } from 'rxkeeper'
import { begin, connectOurs, counted } from './contenders/ours.ts'
import { singles } from './contenders/single.ts'
import type { Place, Question, Task } from './runner/question.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const KEYS = 2000
const RECORDS = 100_000
/** One after the other, a slow client's pass is shorter. */
const SLICE = 200

const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))
const records = Array.from({ length: RECORDS }, (_, i) => ({ key: keys[(i * 7919) % KEYS]! }))

/** The cache is filled before the first pass, and guarded by a watch from then on. */
async function cachedStore({ servers, root }: Place) {
  const store = await connectOurs(servers, root, { cache: KEYS })
  await counted(from(keys).pipe(lookupKV(store, key => key)))
  await counted(from(keys).pipe(lookupKV(store, key => key)))
  return store
}

async function lookups(place: Place): Promise<Task> {
  const store = await cachedStore(place)
  return {
    pass: () => counted(from(records).pipe(lookupKV(store, record => record.key))),
    close: () => store.close(),
  }
}

async function gets(place: Place): Promise<Task> {
  const store = await cachedStore(place)
  return {
    pass: () => inFlight(RECORDS, 1, (i, done) => begin(store.get$(records[i]!.key), done)),
    close: () => store.close(),
  }
}

async function sequential({ servers, root }: Place): Promise<Task> {
  const client = await singles.plain(servers)
  let next = 0
  return {
    pass: () =>
      inFlight(SLICE, 1, (_, done) => client.get(`${root}/${records[next++ % RECORDS]!.key}`, done)),
    close: async () => client.close(),
  }
}

async function overMap(): Promise<Task> {
  const state = new Map(keys.map(key => [key, filled(key)]))
  return { pass: () => counted(from(records).pipe(map(record => [record, state.get(record.key)] as const))) }
}

export const cached: Question = {
  name: 'cached',
  about: 'How near to local state is a hot key of a store with a cache?',
  comparisons: [
    {
      name: 'cached',
      title: 'Lookups of hot keys, from the coherent cache',
      unit: 'lookups/s',
      server: 'zookeeper',
      keys: KEYS,
      contenders: [
        { name: 'rxkeeper/lookupKV', run: lookups },
        { name: 'rxkeeper/get$', run: gets, notQuick: true },
        { name: 'plain', run: sequential },
        { name: 'rxjs-map', run: overMap, server: 'none' },
      ],
      targets: { plain: 100, 'rxkeeper/lookupKV:rxjs-map': 0.5 },
    },
  ],
  headlines: ['cached'],
}
