import { from } from 'rxjs'
import { lookupKV, upsertKV } from 'rxkeeper'
import { connectOurs, counted } from './contenders/ours.ts'
import { ANY_VERSION, type Connect, singles } from './contenders/single.ts'
import type { Comparison, Place, Question, Task } from './runner/question.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const POINTS = [10, 100, 1000, 10_000, 100_000, 1_000_000]

/** So many keys that a pass moves at most 20 MB. */
const keysFor = (bytes: number): number => Math.min(5000, Math.max(20, Math.floor(20_000_000 / bytes)))
/** Not more bytes in flight than memory is good for. */
const limitFor = (bytes: number): number => Math.min(1024, Math.max(4, Math.floor(20_000_000 / bytes)))

const keysOf = (point: number): string[] => Array.from({ length: keysFor(point) }, (_, i) => keyAt(i))

async function lookups({ servers, root, point }: Place): Promise<Task> {
  const store = await connectOurs(servers, root)
  const keys = keysOf(point)
  return {
    pass: () => counted(from(keys).pipe(lookupKV(store, key => key))),
    close: () => store.close(),
  }
}

async function upserts({ servers, root, point }: Place): Promise<Task> {
  const store = await connectOurs(servers, root)
  const keys = keysOf(point)
  const value = filled('written', point)
  return {
    pass: () => counted(from(keys).pipe(upsertKV(store, key => [key, value]))),
    close: () => store.close(),
  }
}

const single =
  (connect: Connect, write: boolean) =>
  async ({ servers, root, point }: Place): Promise<Task> => {
    const client = await connect(servers)
    const keys = keysOf(point)
    const value = filled('written', point)
    return {
      pass: () =>
        inFlight(keys.length, limitFor(point), (i, done) =>
          write
            ? client.set(`${root}/${keys[i]!}`, value, ANY_VERSION, done)
            : client.get(`${root}/${keys[i]!}`, done),
        ),
      close: async () => client.close(),
    }
  }

const common = {
  server: 'zookeeper',
  keys: keysFor,
  value: (point: number) => filled('initial', point),
  points: POINTS,
  pointUnit: 'bytes a value',
  rounds: 3,
} as const

const comparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'growth-values/get',
    title: 'Reads, by the size of the value',
    unit: 'reads/s',
    contenders: [
      { name: 'rxkeeper/lookupKV', run: lookups },
      { name: 'plain', run: single(singles.plain, false) },
    ],
  },
  {
    ...common,
    name: 'growth-values/put',
    title: 'Writes, by the size of the value',
    unit: 'writes/s',
    contenders: [
      { name: 'rxkeeper/upsertKV', run: upserts },
      { name: 'plain', run: single(singles.plain, true) },
    ],
  },
]

export const growthValues: Question = {
  name: 'growth-values',
  about: 'What happens as values grow from 10 bytes to 1 MB?',
  comparisons,
}
