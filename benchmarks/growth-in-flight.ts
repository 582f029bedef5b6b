import { begin, connectOurs } from './contenders/ours.ts'
import { ANY_VERSION, type Connect, singles } from './contenders/single.ts'
import type { Comparison, Place, Question, Task } from './runner/question.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const KEYS = 20_000
const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))
const value = filled('written')

/** A pass long enough to be in full flight most of the time, and short enough with one in flight. */
const passFor = (point: number): number => Math.min(KEYS, Math.max(200, 20 * point))

const ours =
  (write: boolean) =>
  async ({ servers, root, point }: Place): Promise<Task> => {
    const store = await connectOurs(servers, root)
    return {
      pass: () =>
        inFlight(passFor(point), point, (i, done) =>
          begin(write ? store.put$(keys[i]!, value) : store.get$(keys[i]!), done),
        ),
      close: () => store.close(),
    }
  }

const single =
  (connect: Connect, write: boolean) =>
  async ({ servers, root, point }: Place): Promise<Task> => {
    const client = await connect(servers)
    return {
      pass: () =>
        inFlight(Math.min(5000, passFor(point)), point, (i, done) =>
          write
            ? client.set(`${root}/${keys[i]!}`, value, ANY_VERSION, done)
            : client.get(`${root}/${keys[i]!}`, done),
        ),
      close: async () => client.close(),
    }
  }

const common = {
  server: 'zookeeper',
  keys: KEYS,
  points: [1, 4, 16, 64, 256, 1000, 4000, 10_000],
  pointUnit: 'in flight',
  rounds: 3,
} as const

const comparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'growth-in-flight/get',
    title: 'Reads, by how many are in flight',
    unit: 'reads/s',
    contenders: [
      { name: 'rxkeeper/get$', run: ours(false) },
      { name: 'plain', run: single(singles.plain, false) },
    ],
  },
  {
    ...common,
    name: 'growth-in-flight/put',
    title: 'Writes, by how many are in flight',
    unit: 'writes/s',
    contenders: [
      { name: 'rxkeeper/put$', run: ours(true) },
      { name: 'plain', run: single(singles.plain, true) },
    ],
  },
]

export const growthInFlight: Question = {
  name: 'growth-in-flight',
  about: 'What happens as the operations in flight grow from 1 to 10,000?',
  comparisons,
}
