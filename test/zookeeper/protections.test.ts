import { firstValueFrom } from 'rxjs'
import { expect, it, vi } from 'vitest'
import type { Engine } from '../../src/contract/engine.ts'
import { called, connectPlain, type PlainClient, plain } from '../faults/support/plain.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { openEngine, put, within } from './opening.ts'

const DAY = 86_400_000

/** What is below the node that marks are below, by another client. */
const marksOf = (client: PlainClient, root: string): Promise<string[]> =>
  called<string[]>(done => client.getChildren(`${root}/%writers`, done))

const writeIfAbsent = async (engine: Engine, key: string): Promise<void> => {
  expect(await firstValueFrom(engine.write([put(key, '', 'absent')], within(20_000)))).toMatchObject([
    { version: 0 },
  ])
}

async function plainClient(): Promise<PlainClient & Disposable> {
  const client = await connectPlain(servers)
  return Object.assign(client, { [Symbol.dispose]: () => client.close() })
}

it('a store that is closed leaves no marks behind, and the folder only where others use it', async () => {
  using client = await plainClient()
  const root = freshRoot('marks')
  await using one = openEngine(servers, { root })
  await using other = openEngine(servers, { root })
  await writeIfAbsent(one, 'a')
  await writeIfAbsent(other, 'b')
  expect(await marksOf(client, root)).toHaveLength(2)
  await one.close()
  expect(await marksOf(client, root)).toHaveLength(1)
  await other.close()
  expect((await called<string[]>(done => client.getChildren(root, done))).sort()).toEqual(['a', 'b'])
})

it('unconditional puts need no mark', async () => {
  using client = await plainClient()
  const root = freshRoot('marks')
  await using engine = openEngine(servers, { root })
  await firstValueFrom(engine.write([put('a', '1'), put('a', '2')], within(20_000)))
  expect(await called<string[]>(done => client.getChildren(root, done))).toEqual(['a'])
})

it('what a killed process left behind is deleted after a day, what others use is not', async () => {
  using client = await plainClient()
  const root = freshRoot('marks')
  await using other = openEngine(servers, { root })
  await writeIfAbsent(other, 'a')
  const [used] = await marksOf(client, root)
  const leave = (name: string, data: Buffer) =>
    called<string>(done => client.create(`${root}/%writers/${name}`, data, plain.CreateMode.PERSISTENT, done))
  const setAt = (time: number): Buffer => {
    const data = Buffer.alloc(16)
    data.writeDoubleBE(7)
    data.writeDoubleBE(time, 8)
    return data
  }
  await leave('old-0', setAt(Date.now() - DAY - 1000))
  await leave('recent-0', setAt(Date.now() - DAY + 60_000))
  await leave('foreign', Buffer.from('somebody else’s'))
  await using engine = openEngine(servers, { root })
  await writeIfAbsent(engine, 'b')
  await vi.waitFor(async () => expect(await marksOf(client, root)).not.toContain('old-0'), 20_000)
  expect(await marksOf(client, root)).toEqual(expect.arrayContaining([used, 'recent-0', 'foreign']))
})
