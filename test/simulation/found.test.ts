/** What the simulator found, each with the shortest history that showed it. */
import { firstValueFrom } from 'rxjs'
import { type Change, json, type KVError } from 'rxkeeper'
import { simulate } from 'rxkeeper/testing'
import { expect, test } from 'vitest'

test('a read that waits for a write of its key ends in its own time', async () => {
  const [code, took] = await simulate({}, async simulation => {
    const process = simulation.process()
    const store = process.store({ value: json<number>(), root: '/found' })
    await firstValueFrom(store.get$('a'))
    process.stall(10_000)
    store.putAll$([['a', 1]], { timeout: 5000 }).subscribe({ error() {} })
    await simulation.sleep(1000)
    const asked = simulation.now
    const ended = await new Promise<string>(resolve =>
      store.get$('a', { timeout: 1000 }).subscribe({ error: (error: KVError) => resolve(error.code) }),
    )
    return [ended, simulation.now - asked] as const
  })
  expect(code).toBe('TIMEOUT')
  expect(took).toBeLessThan(1050)
})

test('changes$ does not say that it is synced when the store was closed before it was', async () => {
  const seen = await simulate({}, async simulation => {
    const follower = simulation.process()
    const store = follower.store({ value: json<number>(), root: '/found' })
    const writer = simulation.process().store({ value: json<number>(), root: '/found' })
    await firstValueFrom(writer.put$('a', 1))
    await firstValueFrom(store.get$('a'))
    const changes: Change<number>[] = []
    follower.slow(10_000, { latency: 100 })
    store.changes$().subscribe(change => changes.push(change))
    await simulation.sleep(250)
    // It waits for these, while the listing goes on.
    for (let i = 0; i < 4; i++) store.update$('b', (n = 0) => n + 1).subscribe()
    const closed = store.close()
    await firstValueFrom(writer.put$('a', 2))
    await closed
    return changes
  })
  expect(seen).not.toContainEqual({ type: 'synced' })
})

test('a watch of a key shows the value that is put while the root is made', async () => {
  const last = await simulate({}, async simulation => {
    const follower = simulation.process()
    const writer = simulation.process()
    const shown: (number | undefined)[] = []
    for (let i = 0; i < 40; i++) {
      const options = { root: `/root${i}`, value: json<number>() }
      const [watching, writing] = [follower.store(options), writer.store(options)]
      await firstValueFrom(watching.get$('a'))
      watching.watch$('a').subscribe(value => {
        shown[i] = value
      })
      await simulation.sleep(i / 4)
      await firstValueFrom(writing.put$('a', i))
    }
    await simulation.sleep(1000)
    return shown
  })
  expect(last).toEqual(Array.from({ length: 40 }, (_, i) => i))
})

test('an update that is late as it is written takes none along that travels with it', async () => {
  const failed = await simulate({}, async simulation => {
    const process = simulation.process()
    const store = process.store({ value: json<number>(), root: '/found' })
    const plus = (n = 0) => n + 1
    const codes: string[] = []
    process.slow(60_000, { latency: 6 })
    for (let i = 0; i < 100; i++) {
      store.update$('a', plus, { timeout: 8 + (i % 12) }).subscribe({ error() {} })
      store.update$('b', plus).subscribe({ error: ({ code }: KVError) => codes.push(code) })
      await simulation.sleep(100)
    }
    await store.close()
    return codes
  })
  expect(failed).toEqual([])
})

test('of a transaction that only checks it is known that it was not carried out, also when its answer was lost', async () => {
  const code = await simulate({}, async simulation => {
    const process = simulation.process()
    const store = process.store({ root: '/r', value: json<number>() })
    await firstValueFrom(store.put$('a', 1))
    process.slow(100, { latency: 50 })
    const checked = firstValueFrom(store.transact$([{ type: 'check', key: 'a', ifVersion: 7 }])).then(
      () => 'done',
      (error: KVError) => error.code,
    )
    await simulation.sleep(10)
    process.cut()
    return checked
  })
  expect(code).toBe('VERSION_CONFLICT')
})

test('a delete finds what another has put below a new root, also through a server that lags', async () => {
  const existed = await simulate({}, async simulation => {
    const found: boolean[] = []
    for (let i = 0; i < 20; i++) {
      const options = { root: `/root${i}`, value: json<number>() }
      const [writing, deleting] = [simulation.process().store(options), simulation.process().store(options)]
      await Promise.all([firstValueFrom(writing.get$('a')), firstValueFrom(deleting.get$('a'))])
      for (const server of simulation.servers) if (server !== simulation.leader) server.lag(2000, 20 * i)
      await firstValueFrom(writing.put$('a', 1))
      found.push(await firstValueFrom(deleting.delete$('a')))
      await simulation.sleep(5000)
    }
    return found
  })
  expect(existed).not.toContain(false)
})
