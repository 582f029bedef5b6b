import { takeWhile } from 'rxjs'
import { connectOurs, counted } from './contenders/ours.ts'
import { type Connect, SINGLES_IN_FLIGHT, singles } from './contenders/single.ts'
import type { Comparison, Place, Question, Task } from './runner/question.ts'
import { inFlight } from './runner/work.ts'

const KEYS = 20_000
const SLICE = 5000

function expectAll(count: number): number {
  if (count !== KEYS) throw new Error(`${count} entries of ${KEYS}`)
  return count
}

export async function entries({ servers, root, tls }: Place): Promise<Task> {
  const store = await connectOurs(servers, root, { tls })
  return {
    pass: async () => expectAll(await counted(store.entries$())),
    close: () => store.close(),
  }
}

async function changes({ servers, root }: Place): Promise<Task> {
  const store = await connectOurs(servers, root)
  return {
    pass: async () =>
      expectAll(await counted(store.changes$().pipe(takeWhile(({ type }) => type !== 'synced')))),
    close: () => store.close(),
  }
}

/** Lists, then reads each; a part in each pass, because all of it takes seconds. */
const single =
  (connect: Connect) =>
  async ({ servers, root }: Place): Promise<Task> => {
    const client = await connect(servers)
    let names: string[] = []
    let next = 0
    return {
      async pass() {
        if (next === names.length) {
          names = await new Promise<string[]>((resolve, reject) =>
            client.children(root, (error, found) => (error ? reject(error) : resolve(found))),
          )
          expectAll(names.length)
          next = 0
        }
        return inFlight(SLICE, SINGLES_IN_FLIGHT, (_, done) => client.get(`${root}/${names[next++]!}`, done))
      },
      close: async () => client.close(),
    }
  }

export const readAllComparison: Comparison = {
  name: 'read-all',
  title: 'Reading all 20,000 entries',
  unit: 'entries/s',
  server: 'zookeeper',
  keys: KEYS,
  contenders: [
    { name: 'rxkeeper/entries$', run: entries },
    { name: 'rxkeeper/changes$', run: changes, notQuick: true },
    { name: 'plain', run: single(singles.plain) },
    { name: 'native', run: single(singles.native) },
    { name: 'curator', run: { program: 'curator', work: 'read-all' } },
    { name: 'kazoo', run: { program: 'kazoo', work: 'read-all' } },
  ],
  targets: { plain: 18 },
}

export const readAll: Question = {
  name: 'read-all',
  about: 'How fast does a client get everything that a store holds?',
  comparisons: [readAllComparison],
  headlines: ['read-all'],
}
