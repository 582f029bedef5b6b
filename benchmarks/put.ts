import { from } from 'rxjs'
import { upsertKV } from 'rxkeeper'
import { begin, connectOurs, counted, OUR_IN_FLIGHT } from './contenders/ours.ts'
import { ANY_VERSION, type Connect, SINGLES_IN_FLIGHT, singles } from './contenders/single.ts'
import { framesOf, Wire, writeFrame } from './contenders/wire.ts'
import type { Comparison, Contender, Place, Question, Task } from './runner/question.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const KEYS = 20_000
const SLICE = 5000

const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))
const value = filled('written')

async function ours({ servers, root }: Place): Promise<Task> {
  const store = await connectOurs(servers, root)
  return {
    pass: () => inFlight(KEYS, OUR_IN_FLIGHT, (i, done) => begin(store.put$(keys[i]!, value), done)),
    close: () => store.close(),
  }
}

export async function oursUpsert({ servers, root, tls }: Place): Promise<Task> {
  const store = await connectOurs(servers, root, { tls })
  return {
    pass: () => counted(from(keys).pipe(upsertKV(store, key => [key, value]))),
    close: () => store.close(),
  }
}

const single =
  (connect: Connect) =>
  async ({ servers, root }: Place): Promise<Task> => {
    const client = await connect(servers)
    let next = 0
    return {
      pass: () =>
        inFlight(SLICE, SINGLES_IN_FLIGHT, (_, done) =>
          client.set(`${root}/${keys[next++ % KEYS]!}`, value, ANY_VERSION, done),
        ),
      close: async () => client.close(),
    }
  }

async function wire({ servers, root }: Place): Promise<Task> {
  const client = await Wire.connect(servers)
  const paths = keys.map(key => `${root}/${key}`)
  const frames = framesOf(paths, 128, group => writeFrame(group, value))
  return {
    pass: () => client.sendAll(frames, 4).then(() => KEYS),
    close: async () => client.close(),
  }
}

export const putContenders: readonly Contender[] = [
  { name: 'rxkeeper/put$', run: ours },
  { name: 'rxkeeper/upsertKV', run: oursUpsert },
  { name: 'plain', run: single(singles.plain) },
  { name: 'wire', run: wire },
  { name: 'native', run: single(singles.native) },
  { name: 'curator', run: { program: 'curator', work: 'put' } },
  { name: 'kazoo', run: { program: 'kazoo', work: 'put' } },
]

export const putComparison: Comparison = {
  name: 'put',
  title: 'Writes of keys that exist, pipelined',
  unit: 'writes/s',
  server: 'zookeeper',
  keys: KEYS,
  contenders: putContenders,
  targets: { plain: 10 },
}

export const put: Question = {
  name: 'put',
  about: 'How many values a second are written durably, many in flight?',
  comparisons: [putComparison],
  headlines: ['put'],
}
