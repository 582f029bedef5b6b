import { from } from 'rxjs'
import type { KVStore } from 'rxkeeper'
import { upsertKV } from 'rxkeeper'
import { begin, connectOurs, counted, OUR_IN_FLIGHT } from './contenders/ours.ts'
import { type Connect, SINGLES_IN_FLIGHT, singles } from './contenders/single.ts'
import { createFrame, framesOf, Wire } from './contenders/wire.ts'
import type { Comparison, Contender, Place, Question, Task } from './runner/question.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const KEYS = 20_000
/** The slow clients create a part; keys do not cost more when there are more. */
const SLICE = 5000
/** The frames of the bare socket. */
const GROUP = 256
const WIRE_IN_FLIGHT = 8

const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))
const value = filled('created')

/** Each pass fills a store of its own. */
const oursInto =
  (fill: (store: KVStore<Uint8Array>) => Promise<number>) =>
  async ({ servers, root, tls }: Place): Promise<Task> => {
    let store: KVStore<Uint8Array>
    let number = 0
    return {
      async before() {
        store = await connectOurs(servers, `${root}/load-${process.pid}-${number++}`, { tls })
      },
      pass: () => fill(store),
      after: () => store.close(),
    }
  }

const ours = oursInto(store =>
  inFlight(KEYS, OUR_IN_FLIGHT, (i, done) => begin(store.put$(keys[i]!, value), done)),
)
const oursUpsert = oursInto(store => counted(from(keys).pipe(upsertKV(store, key => [key, value]))))

const single =
  (connect: Connect) =>
  async ({ servers, root }: Place): Promise<Task> => {
    const client = await connect(servers)
    let number = 0
    let parent: string
    return {
      async before() {
        parent = `${root}/load-${process.pid}-${number++}`
        await inFlight(1, 1, (_, done) => client.create(parent, value, done))
      },
      pass: () =>
        inFlight(SLICE, SINGLES_IN_FLIGHT, (i, done) => client.create(`${parent}/${keys[i]!}`, value, done)),
      close: async () => client.close(),
    }
  }

async function wire({ servers, root }: Place): Promise<Task> {
  const client = await Wire.connect(servers)
  let number = 0
  let frames: Buffer[]
  return {
    async before() {
      const parent = `${root}/load-${process.pid}-${number++}`
      await client.sendAll([createFrame([parent], value)], 1)
      frames = framesOf(
        keys.map(key => `${parent}/${key}`),
        GROUP,
        group => createFrame(group, value),
      )
    },
    pass: () => client.sendAll(frames, WIRE_IN_FLIGHT).then(() => KEYS),
    close: async () => client.close(),
  }
}

export const loadContenders: readonly Contender[] = [
  { name: 'rxkeeper/put$', run: ours, notQuick: true },
  { name: 'rxkeeper/upsertKV', run: oursUpsert },
  { name: 'plain', run: single(singles.plain) },
  { name: 'wire', run: wire },
  { name: 'native', run: single(singles.native) },
  { name: 'curator', run: { program: 'curator', work: 'load' } },
  { name: 'kazoo', run: { program: 'kazoo', work: 'load' } },
]

export const loadComparison: Comparison = {
  name: 'load',
  title: 'First load: every key is created',
  unit: 'creates/s',
  server: 'zookeeper',
  contenders: loadContenders,
  targets: { plain: 8 },
}

export const load: Question = {
  name: 'load',
  about: 'How fast is an empty store filled?',
  comparisons: [loadComparison],
  headlines: ['load'],
}
