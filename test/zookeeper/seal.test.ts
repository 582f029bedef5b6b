import { firstValueFrom, type Observable, toArray } from 'rxjs'
import { type KVError, type KVStore, text, zookeeperStore } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import type { Seal } from '../../src/contract/seal.ts'
import { called, connectPlain, type PlainClient } from '../faults/support/plain.ts'
import { until } from '../faults/support/until.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

/*
 * What the root says of a store that is moved, set by a plain client: who has looked at the root long ago is refused by the
 * server, in the transaction of his write.
 */

const open = (root: string, timeout = 30_000): KVStore<string> =>
  zookeeperStore({ servers, root, value: text, timeout })

/** Sets the seal of a root, and leaves no notice of it. */
const seal = (client: PlainClient, root: string, state: Seal['state'] | undefined): Promise<unknown> => {
  const sealed = state && { state, move: 'm', by: 'b', place: 'zookeeper://other/place' }
  const data = Buffer.from(JSON.stringify({ rxkeeper: { buckets: 0, seal: sealed } }))
  return called(done => client.setData(root, data, -1, done))
}

const notice = (client: PlainClient, root: string): Promise<unknown> =>
  called(done => client.create(`${root}/%notice`, null, 0, done))

const failureOf = (answer: Observable<unknown>): Promise<KVError> =>
  firstValueFrom(answer.pipe(toArray())).then(
    values => {
      throw new Error(`expected a failure, got ${JSON.stringify(values)}`)
    },
    (error: KVError) => error,
  )

/** Whether a write is certainly not carried out, for this reason; before the store has heard of it, its answer may be late. */
const isHeld = async (store: KVStore<string>, reason: string): Promise<boolean> => {
  const { code, message } = await failureOf(store.put$('alice', 'late', { timeout: 200 }))
  return code === 'TIMEOUT' && message.includes(reason)
}

const writes: Record<string, (store: KVStore<string>) => Observable<unknown>> = {
  'a put': store => store.put$('alice', 'late'),
  'a put of a new key': store => store.put$('bob', 'late'),
  'a conditional put': store => store.put$('alice', 'late', { ifVersion: 0 }),
  'an insert': store => store.put$('bob', 'late', { ifVersion: 'absent' }),
  'a delete': store => store.delete$('alice'),
  'a transaction': store => store.putAll$([['alice', 'late']]),
  'an update': store => store.update$('alice', () => 'late'),
}

describe('a store that was moved while nobody was told', () => {
  it.each(Object.keys(writes))('%s is MOVED, and nothing is written', async name => {
    const root = freshRoot('sealed')
    const client = await connectPlain(servers)
    await using store = open(root)
    await firstValueFrom(store.put$('alice', 'here'))
    await seal(client, root, 'moved')
    const error = await failureOf(writes[name]!(store))
    expect(error).toMatchObject({ code: 'MOVED', movedTo: 'zookeeper://other/place' })
    expect(await called<string[]>(done => client.getChildren(root, done))).not.toContain('bob')
    expect((await called<Buffer>(done => client.getData(`${root}/alice`, done))).toString()).toBe('here')
    client.close()
  })
})

describe('a notice', () => {
  it('tells who only reads and watches', async () => {
    const root = freshRoot('sealed')
    const client = await connectPlain(servers)
    await using store = open(root)
    await firstValueFrom(store.put$('alice', 'here'))
    const followed = failureOf(store.changes$())
    const watched = failureOf(store.watch$('alice'))
    await seal(client, root, 'moved')
    await notice(client, root)
    expect([(await followed).code, (await watched).code]).toEqual(['MOVED', 'MOVED'])
    expect((await failureOf(store.get$('alice'))).code).toBe('MOVED')
    client.close()
  })

  it('lets those in who wait', async () => {
    const root = freshRoot('sealed')
    const client = await connectPlain(servers)
    await using store = open(root)
    await firstValueFrom(store.put$('alice', 'here'))
    await seal(client, root, 'arriving')
    await until('it is told to wait', () => isHeld(store, 'is being moved here'))
    const written = firstValueFrom(store.put$('alice', 'later'))
    const read = firstValueFrom(store.get$('alice'))
    await using other = open(root)
    const opened = firstValueFrom(other.get$('alice'))
    await seal(client, root, undefined)
    await notice(client, root)
    expect(await written).toMatchObject({ version: 1 })
    expect([await read, await opened]).toEqual(['later', expect.any(String)])
    client.close()
  })
})

it('a pause holds as long as its notice is there', async () => {
  const root = freshRoot('sealed')
  const client = await connectPlain(servers)
  await using store = open(root)
  await firstValueFrom(store.put$('alice', 'here'))
  await notice(client, root)
  await seal(client, root, 'paused')
  await until('it is told to wait', () => isHeld(store, 'a savepoint'))
  const written = firstValueFrom(store.put$('alice', 'later'))
  await called(done => client.remove(`${root}/%notice`, -1, done))
  expect(await written).toMatchObject({ version: 1 })
  client.close()
})
