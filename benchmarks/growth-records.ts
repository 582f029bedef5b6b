import { json, type KVStore, memoryStore, processKV, pull$, zookeeperStore } from 'rxkeeper'
import { connected, counted } from './contenders/ours.ts'
import type { Comparison, Place, Question, Task } from './runner/question.ts'
import { add, type Item, initialSum, type Sum } from './runner/records.ts'
import { randomFrom } from './runner/statistics.ts'
import { keyAt } from './runner/work.ts'

const KEYS = 2000

/** Records made when they are asked for: nothing but the pipeline can hold them. */
function* records(count: number): Generator<Item> {
  const random = randomFrom(42)
  for (let i = 0; i < count; i++) yield { key: keyAt(Math.floor(random() * KEYS)), amount: i % 100 }
}

const processing =
  (open: (place: Place) => Promise<KVStore<Sum>>) =>
  async (place: Place): Promise<Task> => {
    const store = await open(place)
    return {
      pass: () => counted(pull$(records(place.point)).pipe(processKV(store, item => item.key, add))),
      close: () => store.close(),
    }
  }

async function onZooKeeper({ servers, root }: Place): Promise<KVStore<Sum>> {
  const store = zookeeperStore({ servers, root, value: json<Sum>() })
  await connected(store)
  return store
}

const common = {
  server: 'zookeeper',
  keys: KEYS,
  value: initialSum,
  points: [10_000, 100_000, 1_000_000, 10_000_000],
  pointUnit: 'records',
  rounds: 1,
  contenders: [
    { name: 'rxkeeper/ZooKeeper', run: processing(onZooKeeper) },
    {
      name: 'rxkeeper/memory',
      run: processing(async () => memoryStore({ value: json<Sum>() })),
      server: 'none',
    },
  ],
} as const

const comparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'growth-records',
    title: 'The process loop over a source that can be paused, by the number of records',
    unit: 'records/s',
  },
]

export const growthRecords: Question = {
  name: 'growth-records',
  about: 'Is the rate kept, and memory flat, from 10,000 to 10,000,000 records through processKV?',
  comparisons,
}
