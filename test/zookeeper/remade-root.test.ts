import { firstValueFrom, lastValueFrom, type Observable, timeout, toArray } from 'rxjs'
import { KVError, type KVStore, text, type ZooKeeperStoreOptions, zookeeperStore } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import { called, connectPlain, type PlainClient } from '../faults/support/plain.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

/*
 * A root that is made with other buckets while a store is open: nothing is read, listed or deleted beside the keys.
 */

const open = (root: string, options: Partial<ZooKeeperStoreOptions<string>> = {}) =>
  zookeeperStore({ servers, root, value: text, ...options })

const codeOf = (answer: Observable<unknown>): Promise<unknown> =>
  firstValueFrom(answer.pipe(timeout(10_000), toArray())).then(
    values => values,
    (error: KVError) => (error instanceof KVError ? error.code : error),
  )

const operations: Record<string, (store: KVStore<string>) => Observable<unknown>> = {
  get$: store => store.get$('alice'),
  getAll$: store => store.getAll$(['alice', 'bob']),
  keys$: store => store.keys$(),
  entries$: store => store.entries$(),
  delete$: store => store.delete$('alice'),
  deleteAll$: store => store.deleteAll$(['alice', 'bob']),
  'delete$ if': store => store.delete$('alice', { ifVersion: 0 }),
  transact$: store => store.transact$([{ type: 'check', key: 'alice', ifVersion: 'absent' }]),
  update$: store => store.update$('alice', value => value),
  put$: store => store.put$('alice', 'mine'),
  watch$: store => store.watch$('alice'),
  changes$: store => store.changes$(),
}

/** The buckets of the store under test, and those of the root that is made. */
const layouts = [
  [0, 16],
  [16, 0],
  [16, 8],
  [8, 16],
] as const

async function removeTree(client: PlainClient, path: string): Promise<void> {
  for (const name of await called<string[]>(done => client.getChildren(path, done))) {
    await removeTree(client, `${path}/${name}`)
  }
  await called(done => client.remove(path, -1, done))
}

async function remade(root: string, buckets: number): Promise<void> {
  const client = await connectPlain(servers)
  await removeTree(client, root)
  client.close()
  await using writer = open(root, { buckets })
  await firstValueFrom(writer.put$('alice', 'here'))
}

describe.each(layouts)('a store with %i buckets, and a root made with %i', (mine, others) => {
  it.each(Object.keys(operations))('after it was opened: %s is INVALID_ARGUMENT', async name => {
    const root = freshRoot('made-later')
    await using store = open(root, { buckets: mine })
    expect(await firstValueFrom(store.get$('alice'))).toBeUndefined()
    await using writer = open(root, { buckets: others })
    await firstValueFrom(writer.put$('alice', 'here'))
    expect(await codeOf(operations[name]!(store))).toBe('INVALID_ARGUMENT')
    expect(await firstValueFrom(writer.get$('alice'))).toBe('here')
  })

  it.each(Object.keys(operations))('again, in place of its own: %s is INVALID_ARGUMENT', async name => {
    const root = freshRoot('remade')
    await using store = open(root, { buckets: mine })
    await firstValueFrom(store.put$('alice', 'mine'))
    await remade(root, others)
    expect(await codeOf(operations[name]!(store))).toBe('INVALID_ARGUMENT')
    await using reader = open(root, { buckets: others })
    expect(await lastValueFrom(reader.entries$().pipe(toArray()))).toMatchObject([
      { key: 'alice', value: 'here' },
    ])
  })

  it('while changes are followed: ends them with INVALID_ARGUMENT, with nothing else asked for', async () => {
    const root = freshRoot('followed')
    await using store = open(root, { buckets: mine })
    let error: unknown
    let synced = false
    store.changes$().subscribe({
      next: change => {
        if (change.type === 'synced') synced = true
        else expect(change.key).toBe('alice')
      },
      error: each => {
        error = each
      },
    })
    await expect.poll(() => synced).toBe(true)
    await firstValueFrom(store.put$('alice', 'mine'))
    await remade(root, others)
    await expect.poll(() => error).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe.each([0, 16])('a store with %i buckets', buckets => {
  it('goes on when its root is deleted and made again as it was', async () => {
    const root = freshRoot('same')
    await using store = open(root, { buckets })
    await firstValueFrom(store.put$('alice', 'mine'))
    await remade(root, buckets)
    expect(await firstValueFrom(store.get$('alice'))).toBe('here')
    expect(await firstValueFrom(store.put$('alice', 'mine'))).toMatchObject({ version: 1 })
  })

  it('goes on when its root is deleted, and makes it again', async () => {
    const root = freshRoot('deleted')
    await using store = open(root, { buckets })
    await firstValueFrom(store.put$('alice', 'mine'))
    const client = await connectPlain(servers)
    await removeTree(client, root)
    client.close()
    expect(await firstValueFrom(store.get$('alice'))).toBeUndefined()
    expect(await firstValueFrom(store.delete$('alice'))).toBe(false)
    expect(await codeOf(store.keys$())).toEqual([])
    expect(await codeOf(store.delete$('alice', { ifVersion: 0 }))).toBe('VERSION_CONFLICT')
    expect(await firstValueFrom(store.put$('alice', 'again'))).toMatchObject({ version: 0 })
    expect(await codeOf(store.keys$())).toEqual(['alice'])
  })
})

it('a root that may not be read is AUTH for all, because nobody can tell where the keys are', async () => {
  const root = freshRoot('unreadable')
  {
    const credentials = { user: 'alice', password: 'secret' }
    await using owner = open(root, { buckets: 16, credentials })
    await firstValueFrom(owner.put$('alice', 'here'))
  }
  for (const [name, operation] of Object.entries(operations)) {
    await using stranger = open(root)
    expect([name, await codeOf(operation(stranger))]).toEqual([name, 'AUTH'])
  }
})
