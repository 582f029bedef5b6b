import { begin, connectOurs } from './contenders/ours.ts'
import { ANY_VERSION, type Connect, type SingleClient, singles } from './contenders/single.ts'
import type { Comparison, Contender, Place, Question, Task } from './runner/question.ts'
import { filled, keyAt, oneByOne } from './runner/work.ts'

const KEYS = 1000
/** Operations in a pass. */
const SLICE = 50

const value = filled('written')

const single =
  (connect: Connect, start: (client: SingleClient, path: string, done: (error?: unknown) => void) => void) =>
  async ({ servers, root }: Place): Promise<Task> => {
    const client = await connect(servers)
    let next = 0
    return {
      pass: samples =>
        oneByOne(SLICE, samples, (_, done) => start(client, `${root}/${keyAt(next++ % KEYS)}`, done)),
      close: async () => client.close(),
    }
  }

const reads = (connect: Connect): Contender['run'] =>
  single(connect, (client, path, done) => client.get(path, done))
const writes = (connect: Connect): Contender['run'] =>
  single(connect, (client, path, done) => client.set(path, value, ANY_VERSION, done))

export async function oursReads({ servers, root, tls }: Place): Promise<Task> {
  const store = await connectOurs(servers, root, { tls })
  let next = 0
  return {
    pass: samples => oneByOne(SLICE, samples, (_, done) => begin(store.get$(keyAt(next++ % KEYS)), done)),
    close: () => store.close(),
  }
}

export async function oursWrites({ servers, root, tls }: Place): Promise<Task> {
  const store = await connectOurs(servers, root, { tls })
  let next = 0
  return {
    pass: samples =>
      oneByOne(SLICE, samples, (_, done) => begin(store.put$(keyAt(next++ % KEYS), value), done)),
    close: () => store.close(),
  }
}

const common = {
  unit: 'µs, p50',
  measure: 'latency',
  server: 'zookeeper',
  keys: KEYS,
  targets: { plain: 1.05 },
} as const

export const aloneComparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'alone/get',
    title: 'One read at a time',
    contenders: [
      { name: 'rxkeeper/get$', run: oursReads },
      { name: 'plain', run: reads(singles.plain) },
      { name: 'native', run: reads(singles.native) },
      { name: 'curator', run: { program: 'curator', work: 'alone-get' } },
      { name: 'kazoo', run: { program: 'kazoo', work: 'alone-get' } },
    ],
  },
  {
    ...common,
    name: 'alone/put',
    title: 'One write at a time',
    contenders: [
      { name: 'rxkeeper/put$', run: oursWrites },
      { name: 'plain', run: writes(singles.plain) },
      { name: 'native', run: writes(singles.native) },
      { name: 'curator', run: { program: 'curator', work: 'alone-put' } },
      { name: 'kazoo', run: { program: 'kazoo', work: 'alone-put' } },
    ],
  },
]

export const alone: Question = {
  name: 'alone',
  about: 'What does batching cost a lone request? The median latency with one operation in flight.',
  comparisons: aloneComparisons,
  headlines: ['alone/get', 'alone/put'],
}
