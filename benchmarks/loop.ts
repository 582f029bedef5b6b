import { from, map } from 'rxjs'
import { json, lookupKV, perKey, processKV, pull$, upsertKV, zookeeperStore } from 'rxkeeper'
import { handWrittenLoop } from './contenders/hand-written-loop.ts'
import { connected, counted } from './contenders/ours.ts'
import { type Connect, singles } from './contenders/single.ts'
import type { Comparison, Contender, Place, Question, Task } from './runner/question.ts'
import { add, type Item, initialSum, randomItems, roundRobinItems, type Sum } from './runner/records.ts'

const RECORDS = 40_000
export const HOT_KEYS = 2000
const MANY_KEYS = 20_000
/** What a slow client processes in one pass. */
const SLICE = 5000

export const hotItems = randomItems(RECORDS, HOT_KEYS)
const spread = roundRobinItems(RECORDS, MANY_KEYS)

export const processed =
  (items: readonly Item[], options: { remember?: number } = {}) =>
  async ({ servers, root, tls }: Place): Promise<Task> => {
    const store = zookeeperStore({ servers, root, tls, acl: 'open', value: json<Sum>() })
    await connected(store)
    return {
      pass: () => counted(pull$(items).pipe(processKV(store, item => item.key, add, options))),
      close: () => store.close(),
    }
  }

/** Composed by hand, each record a lookup and a write of its own. */
const composed =
  (items: readonly Item[]) =>
  async ({ servers, root }: Place): Promise<Task> => {
    const store = zookeeperStore({ servers, root, value: json<Sum>() })
    await connected(store)
    const loop = perKey(
      (item: Item) => item.key,
      item$ =>
        item$.pipe(
          lookupKV(store, item => item.key),
          map(([item, sum]) => [item.key, add(item, sum)] as const),
          upsertKV(store, entry => entry),
        ),
    )
    return {
      pass: () => counted(from(items).pipe(loop)),
      close: () => store.close(),
    }
  }

const byHand =
  (connect: Connect, items: readonly Item[]) =>
  async ({ servers, root }: Place): Promise<Task> => {
    const client = await connect(servers)
    let next = 0
    return {
      pass() {
        const first = next
        next += SLICE
        return handWrittenLoop(client, root, items, first, SLICE)
      },
      close: async () => client.close(),
    }
  }

const contenders = (items: readonly Item[], work: string): readonly Contender[] => [
  { name: 'rxkeeper/processKV', run: processed(items) },
  { name: 'rxkeeper/remember', run: processed(items, { remember: MANY_KEYS }) },
  { name: 'rxkeeper/perKey', run: composed(items) },
  { name: 'plain', run: byHand(singles.plain, items) },
  { name: 'native', run: byHand(singles.native, items) },
  { name: 'curator', run: { program: 'curator', work } },
  { name: 'kazoo', run: { program: 'kazoo', work } },
]

export const loopComparisons: readonly Comparison[] = [
  {
    name: 'loop',
    title: 'The process loop: 40,000 records over 2,000 keys, order per key, no lost update',
    unit: 'records/s',
    server: 'zookeeper',
    keys: HOT_KEYS,
    value: initialSum,
    contenders: contenders(hotItems, 'loop'),
    targets: { 'rxkeeper/processKV:plain': 30 },
  },
  {
    name: 'loop/new-keys',
    title: 'The process loop, no key twice in a commit: 40,000 records over 20,000 keys in turn',
    unit: 'records/s',
    server: 'zookeeper',
    keys: MANY_KEYS,
    value: initialSum,
    contenders: contenders(spread, 'loop-new-keys'),
    targets: { 'rxkeeper/processKV:plain': 12 },
  },
]

export const loop: Question = {
  name: 'loop',
  about: 'How many records a second go through lookup, transform and durable write?',
  comparisons: loopComparisons,
  headlines: ['loop', 'loop/new-keys'],
}
