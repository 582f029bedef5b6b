import { commit, connectPlain, type PlainClient } from '../contenders/plain.ts'
import { filled, keyAt } from './work.ts'

/*
 * The process of the other client, whose writes watchers are to see: as fast as multi makes it.
 */

/** What it is asked for. */
export interface WriteOrder {
  readonly servers: string
  readonly root: string
  readonly count: number
  readonly stamp: string
}

const GROUP = 100
let client: PlainClient | undefined

async function write({ servers, root, count, stamp }: WriteOrder): Promise<void> {
  client ??= await connectPlain(servers)
  const value = filled(stamp)
  const groups: Promise<void>[] = []
  for (let from = 0; from < count; from += GROUP) {
    groups.push(
      commit(client, transaction => {
        for (let i = from; i < Math.min(from + GROUP, count); i++) {
          transaction.setData(`${root}/${keyAt(i)}`, value)
        }
      }),
    )
  }
  await Promise.all(groups)
}

process.on('message', (order: WriteOrder) => {
  write(order).then(
    () => process.send!('written'),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
