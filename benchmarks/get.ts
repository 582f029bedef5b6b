import { from } from 'rxjs'
import { lookupKV } from 'rxkeeper'
import { begin, connectOurs, counted, OUR_IN_FLIGHT } from './contenders/ours.ts'
import { type Connect, SINGLES_IN_FLIGHT, singles } from './contenders/single.ts'
import { framesOf, readFrame, Wire } from './contenders/wire.ts'
import type { Comparison, Contender, Place, Question, Task } from './runner/question.ts'
import { inFlight, keyAt } from './runner/work.ts'

const KEYS = 20_000
/** What a slow client reads in one pass; the next pass goes on from there. */
const SLICE = 5000

const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))

async function ours({ servers, root }: Place): Promise<Task> {
  const store = await connectOurs(servers, root)
  return {
    pass: () => inFlight(KEYS, OUR_IN_FLIGHT, (i, done) => begin(store.get$(keys[i]!), done)),
    close: () => store.close(),
  }
}

export async function oursLookup({ servers, root, tls }: Place): Promise<Task> {
  const store = await connectOurs(servers, root, { tls })
  return {
    pass: () => counted(from(keys).pipe(lookupKV(store, key => key))),
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
        inFlight(SLICE, SINGLES_IN_FLIGHT, (_, done) => client.get(`${root}/${keys[next++ % KEYS]!}`, done)),
      close: async () => client.close(),
    }
  }

async function wire({ servers, root }: Place): Promise<Task> {
  const client = await Wire.connect(servers)
  const paths = keys.map(key => `${root}/${key}`)
  const frames = framesOf(paths, 256, readFrame)
  return {
    pass: () => client.sendAll(frames, 4).then(() => KEYS),
    close: async () => client.close(),
  }
}

export const getContenders: readonly Contender[] = [
  { name: 'rxkeeper/get$', run: ours },
  { name: 'rxkeeper/lookupKV', run: oursLookup },
  { name: 'plain', run: single(singles.plain) },
  { name: 'wire', run: wire },
  { name: 'native', run: single(singles.native) },
  { name: 'curator', run: { program: 'curator', work: 'get' } },
  { name: 'kazoo', run: { program: 'kazoo', work: 'get' } },
]

export const getComparison: Comparison = {
  name: 'get',
  title: 'Reads, pipelined: every read a round trip',
  unit: 'reads/s',
  server: 'zookeeper',
  keys: KEYS,
  contenders: getContenders,
  targets: { plain: 28 },
}

export const get: Question = {
  name: 'get',
  about: 'How many values a second are read from the server, many in flight?',
  comparisons: [getComparison],
  headlines: ['get'],
}
