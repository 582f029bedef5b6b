import fc from 'fast-check'
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import { json, KVError, type ZooKeeperStoreOptions, zookeeperStore } from 'rxkeeper'
import { expect, it } from 'vitest'
import { KeyLayout } from '../../src/engines/zookeeper/layout/key-layout.ts'
import { called, connectPlain, plain } from '../faults/support/plain.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

const open = (root: string, options: Partial<ZooKeeperStoreOptions<number>> = {}) =>
  zookeeperStore({ servers, root, value: json<number>(), ...options })

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    error => (error instanceof KVError ? `${error.code}: ${error.message}` : String(error)),
  )

it('every key has one path, and every path its key', () => {
  const key = fc.string({ unit: 'binary', minLength: 1 }).filter(text => text.isWellFormed())
  fc.assert(
    fc.property(key, fc.integer({ min: 0, max: 4096 }), (name, buckets) => {
      const layout = new KeyLayout('/r', buckets)
      const path = layout.pathOf(name)
      expect(layout.keyOf(path)).toBe(name)
      const parent = path.slice(0, path.lastIndexOf('/'))
      const place = layout.parents.indexOf(parent)
      expect(place).toBeGreaterThanOrEqual(0)
      expect(layout.keyIn(place, path.slice(parent.length + 1))).toBe(name)
      // In another bucket it is no key's.
      if (buckets > 1)
        expect(layout.keyIn((place + 1) % buckets, path.slice(parent.length + 1))).toBeUndefined()
    }),
    { numRuns: 300 },
  )
})

it('puts a key where it has always been put', () => {
  const layout = new KeyLayout('/r', 256)
  expect(['alice', 'bob', 'a/b', '日本'].map(key => layout.pathOf(key))).toMatchInlineSnapshot(`
    [
      "/r/0a3/alice",
      "/r/059/bob",
      "/r/0dd/a%2Fb",
      "/r/05d/日本",
    ]
  `)
})

it('spreads similar keys evenly', () => {
  const layout = new KeyLayout('/r', 64)
  const counts = new Map<string, number>()
  for (let i = 0; i < 64_000; i++) {
    const path = layout.pathOf(`key-${String(i).padStart(8, '0')}`)
    const parent = path.slice(0, path.lastIndexOf('/'))
    counts.set(parent, (counts.get(parent) ?? 0) + 1)
  }
  expect(counts.size).toBe(64)
  expect(Math.max(...counts.values())).toBeLessThan(1300)
})

it('lists and watches keys across buckets, in their order', async () => {
  const root = freshRoot('buckets')
  await using one = open(root, { buckets: 16 })
  await using other = open(root, { buckets: 16 })
  const keys = Array.from({ length: 2000 }, (_, i) => `k${String(i).padStart(5, '0')}`)
  await Promise.all(keys.map((key, i) => firstValueFrom(one.put$(key, i))))
  expect(await lastValueFrom(other.keys$().pipe(toArray()))).toEqual(keys)
  const page = await lastValueFrom(
    other.entries$({ from: 'k00100', limit: 50, reverse: true }).pipe(toArray()),
  )
  expect(page.map(entry => entry.key)).toEqual(keys.slice(-50).reverse())

  const fold = new Map<string, number>()
  let synced = false
  other.changes$().subscribe(change => {
    if (change.type === 'put') fold.set(change.key, change.value)
    else if (change.type === 'delete') fold.delete(change.key)
    else synced = true
  })
  await expect.poll(() => synced).toBe(true)
  expect(fold.size).toBe(2000)
  await firstValueFrom(one.put$('new', -1))
  await firstValueFrom(one.delete$('k00000'))
  await expect.poll(() => [fold.size, fold.get('new'), fold.has('k00000')]).toEqual([2000, -1, false])
})

it('refuses a root that is laid out otherwise, before anything is missed', async () => {
  const root = freshRoot('layout')
  {
    await using made = open(root, { buckets: 8 })
    await firstValueFrom(made.put$('alice', 1))
  }
  for (const buckets of [0, 16]) {
    await using wrong = open(root, { buckets })
    const problem = `\`buckets\`: the keys below ${root} are in 8 hash buckets, this store was opened with`
    expect(await codeOf(firstValueFrom(wrong.get$('alice')))).toMatch(/^INVALID_ARGUMENT/)
    expect(await codeOf(firstValueFrom(wrong.get$('alice')))).toContain(problem)
    expect(await codeOf(firstValueFrom(wrong.put$('alice', 2)))).toContain(problem)
    expect(await codeOf(firstValueFrom(wrong.watch$('alice')))).toContain(problem)
  }
  await using right = open(root, { buckets: 8 })
  expect(await firstValueFrom(right.get$('alice'))).toBe(1)
})

it('divides a root that nobody has put keys into, not one that somebody has', async () => {
  const client = await connectPlain(servers)
  const root = freshRoot('divide')
  const other = freshRoot('divide')
  for (const path of [root, other]) {
    await called(done => client.create(path, null, plain.CreateMode.PERSISTENT, done))
  }
  await called(done => client.create(`${other}/alice`, Buffer.from('1'), plain.CreateMode.PERSISTENT, done))
  client.close()
  await using divided = open(root, { buckets: 8 })
  await firstValueFrom(divided.put$('alice', 2))
  expect(await lastValueFrom(divided.keys$().pipe(toArray()))).toEqual(['alice'])
  await using late = open(other, { buckets: 8 })
  expect(await codeOf(firstValueFrom(late.get$('alice')))).toContain('are in no hash buckets')
  await using plainly = open(other)
  expect(await firstValueFrom(plainly.get$('alice'))).toBe(1)
})

it('a root that somebody made belongs to the first who puts into it, however they hurry', async () => {
  const client = await connectPlain(servers)
  for (let round = 0; round < 20; round++) {
    const root = freshRoot('undecided')
    await called(done => client.create(root, null, plain.CreateMode.PERSISTENT, done))
    await using whole = open(root)
    await using divided = open(root, { buckets: 2 })
    // One has looked at it already, in half of the rounds, unless the other has divided it before.
    if (round % 2 === 0) await codeOf(firstValueFrom(whole.get$('alice')))
    const outcomes = await Promise.all([
      codeOf(firstValueFrom(whole.put$('alice', 1))),
      codeOf(firstValueFrom(divided.put$('alice', 2))),
    ])
    expect(outcomes.filter(outcome => outcome === 'no error')).toHaveLength(1)
    await using reader = open(root, { buckets: outcomes[0] === 'no error' ? 0 : 2 })
    expect(await firstValueFrom(reader.get$('alice'))).toBe(outcomes[0] === 'no error' ? 1 : 2)
  }
  client.close()
})

it("leaves the data of a root that is somebody else's alone", async () => {
  const client = await connectPlain(servers)
  const root = freshRoot('foreign')
  await called(done => client.create(root, Buffer.from('mine'), plain.CreateMode.PERSISTENT, done))
  await using whole = open(root)
  await firstValueFrom(whole.put$('alice', 1))
  await using divided = open(root, { buckets: 2 })
  expect(await codeOf(firstValueFrom(divided.get$('alice')))).toContain('has data of somebody else')
  const data = await new Promise((resolve, reject) =>
    client.getData(root, (error, bytes) => (error ? reject(error) : resolve(bytes.toString()))),
  )
  expect(data).toBe('mine')
  client.close()
})

it('two stores that make the root at once agree', async () => {
  const root = freshRoot('race')
  const stores = Array.from({ length: 6 }, () => open(root, { buckets: 32 }))
  await Promise.all(stores.map((store, i) => firstValueFrom(store.put$(`key-${i}`, i))))
  expect(await lastValueFrom(stores[0]!.keys$().pipe(toArray()))).toHaveLength(6)
  await Promise.all(stores.map(store => store.close()))
})

it('lists more buckets than a request can name', async () => {
  const root = `/${'r'.repeat(250)}${freshRoot('many').slice(1)}`
  await using store = open(root, { buckets: 4096 })
  await firstValueFrom(store.put$('a', 1))
  await firstValueFrom(store.put$('b', 2))
  const states: string[] = []
  store.status$.subscribe(({ state }) => states.push(state))
  expect(await lastValueFrom(store.keys$().pipe(toArray()))).toEqual(['a', 'b'])
  expect(states).toEqual(['connected'])
})
