import { of, Subject } from 'rxjs'
import { json, type OwnedPartition, ownPartitions$, processKV, pull$, zookeeperStore } from 'rxkeeper'
import { handWrittenLoop } from './contenders/hand-written-loop.ts'
import { connected, counted } from './contenders/ours.ts'
import { ANY_VERSION, singles } from './contenders/single.ts'
import { HOT_KEYS, hotItems, processed } from './loop.ts'
import type { Comparison, Place, Question, Task } from './runner/question.ts'
import { add, encode, type Item, initialSum, type Sum } from './runner/records.ts'
import { keyAt, oneByOne } from './runner/work.ts'

/** What a slow client processes in one pass. */
const SLICE = 5000
/** Records in a pass of one at a time. */
const ALONE = 50

/** A record of a partition, and where it is. */
interface Delivered extends Item {
  readonly position: number
}

const delivered = hotItems.map((item, position): Delivered => ({ ...item, position }))

/** A store, and a partition that it owns. */
async function owning({ servers, root }: Place) {
  const store = zookeeperStore({ servers, root, value: json<Sum>() })
  await connected(store)
  const leave$ = new Subject<void>()
  const owned$ = ownPartitions$(store, { group: 'bench', partitions$: of(['items']), leave$ })
  const owned = await new Promise<OwnedPartition>((resolve, reject) => {
    owned$.subscribe({ next: resolve, error: reject })
  })
  const process = processKV(
    store,
    (item: Delivered) => item.key,
    (item: Delivered, sum: Sum | undefined) => add(item, sum),
    { partition: owned, positionOf: ({ position }) => position },
  )
  const close = async (): Promise<void> => {
    owned.done()
    leave$.next()
    await store.close()
  }
  return { process, close }
}

async function ownedLoop(place: Place): Promise<Task> {
  const { process, close } = await owning(place)
  return { pass: () => counted(pull$(delivered).pipe(process)), close }
}

/** Each record is sent when the one before is durable; its key is known after the first time. */
async function ownedOneByOne(place: Place): Promise<Task> {
  const { process, close } = await owning(place)
  const records = new Subject<Delivered>()
  let done = (): void => {}
  records.pipe(process).subscribe(() => done())
  let next = 0
  return {
    pass: samples =>
      oneByOne(ALONE, samples, (_, end) => {
        done = end
        records.next({ key: keyAt(next % HOT_KEYS), amount: 1, position: next++ })
      }),
    close,
  }
}

async function plainOneByOne({ servers, root }: Place): Promise<Task> {
  const client = await singles.plain(servers)
  const value = encode({ count: 1, total: 1, note: 'n'.repeat(60) })
  let next = 0
  return {
    pass: samples =>
      oneByOne(ALONE, samples, (_, done) =>
        client.set(`${root}/${keyAt(next++ % HOT_KEYS)}`, value, ANY_VERSION, done),
      ),
    close: async () => client.close(),
  }
}

async function plainLoop({ servers, root }: Place): Promise<Task> {
  const client = await singles.plain(servers)
  let next = 0
  return {
    pass() {
      const first = next
      next += SLICE
      return handWrittenLoop(client, root, hotItems, first, SLICE)
    },
    close: async () => client.close(),
  }
}

const common = { server: 'zookeeper', keys: HOT_KEYS, value: initialSum } as const

const ownedComparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'owned',
    title:
      'The process loop of an owned partition: 40,000 records over 2,000 keys, position and fence in each commit',
    unit: 'records/s',
    contenders: [
      { name: 'rxkeeper/owned', run: ownedLoop },
      { name: 'rxkeeper/processKV', run: processed(hotItems), notQuick: true },
      { name: 'plain', run: plainLoop },
    ],
    targets: { 'rxkeeper/owned:plain': 100 },
  },
  {
    ...common,
    name: 'owned/alone',
    title: 'One record of an owned partition at a time, against one setData',
    unit: 'µs, p50',
    measure: 'latency',
    contenders: [
      { name: 'rxkeeper/owned', run: ownedOneByOne },
      { name: 'plain', run: plainOneByOne },
    ],
    targets: { plain: 1.1 },
  },
]

export const owned: Question = {
  name: 'owned',
  about: 'What do ownership, fence and position cost the process loop, and what do commits in flight bring?',
  comparisons: ownedComparisons,
  headlines: ['owned'],
}
