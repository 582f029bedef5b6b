import { firstValueFrom, timer } from 'rxjs'
import { json, type KVError } from 'rxkeeper'
import { simulate } from 'rxkeeper/testing'
import { expect, test } from 'vitest'

test('hours go by while nobody waits', async () => {
  const began = performance.now()
  const value = await simulate({}, async simulation => {
    const store = simulation.process().store({ root: '/r', value: json<number>() })
    await firstValueFrom(store.put$('a', 1))
    await simulation.sleep(3_000_000)
    return firstValueFrom(store.get$('a'))
  })
  expect(value).toBe(1)
  expect(performance.now() - began).toBeLessThan(60_000)
})

test('the same seed does the same, another one something else', async () => {
  const scenario = (seed: string) =>
    simulate({ seed }, async simulation => {
      const store = simulation.process().store({ root: '/r', value: json<number>() })
      await firstValueFrom(store.put$('a', 1))
      simulation.leader?.kill()
      await firstValueFrom(store.put$('a', 2))
      return simulation.now
    })
  const first = await scenario('one')
  expect(await scenario('one')).toBe(first)
  expect(await scenario('two')).not.toBe(first)
})

test('what is thrown in a simulated timer fails the scenario', async () => {
  const scenario = simulate({}, async simulation => {
    simulation.process().scheduler.schedule(() => {
      throw new Error('in a timer')
    }, 10)
    await simulation.sleep(1000)
  })
  await expect(scenario).rejects.toThrow('in a timer')
})

test('a scenario that never ends is ended', async () => {
  const scenario = simulate({ limit: 1000 }, () => new Promise(() => {}))
  await expect(scenario).rejects.toMatchObject({ code: 'TIMEOUT' } satisfies Partial<KVError>)
})

test('a process that is killed does nothing more; what it has sent is carried out', async () => {
  const [ticks, value] = await simulate({}, async simulation => {
    const process = simulation.process()
    const store = process.store({ root: '/r', value: json<number>() })
    let seen = 0
    timer(0, 100, process.scheduler).subscribe(() => seen++)
    await firstValueFrom(store.put$('a', 1))
    store.put$('b', 2).subscribe()
    // It is on its way, and no answer has come.
    await simulation.sleep(0.01)
    process.kill()
    const before = seen
    await simulation.sleep(10_000)
    const other = simulation.process().store({ root: '/r', value: json<number>() })
    return [seen - before, await firstValueFrom(other.get$('b'))] as const
  })
  expect(ticks).toBe(0)
  expect(value).toBe(2)
})

test('a session that expires while its client is there is replaced by a new one', async () => {
  const states = await simulate({}, async simulation => {
    const store = simulation.process().store({ root: '/r', value: json<number>(), sessionTimeout: 4000 })
    const seen: string[] = []
    store.status$.subscribe(({ state }) => seen.push(state))
    await firstValueFrom(store.put$('a', 1))
    simulation.expireSessions()
    await simulation.sleep(100)
    await firstValueFrom(store.put$('a', 2))
    await store.close()
    return seen
  })
  expect(states).toEqual(['suspended', 'connected', 'suspended', 'lost', 'connected', 'closed'])
})

test('a server that lags shows old values to those who are connected to it, but not after a sync', async () => {
  const [old, synced] = await simulate({ servers: 3 }, async simulation => {
    const writer = simulation.process().store({ root: '/r', value: json<number>() })
    await firstValueFrom(writer.put$('a', 0))
    const open = (consistency: 'session' | 'linearizable') =>
      Array.from({ length: 6 }, () =>
        simulation.process().store({ root: '/r', value: json<number>(), consistency }),
      )
    const [sessions, syncing] = [open('session'), open('linearizable')]
    const read = (stores: typeof sessions) =>
      Promise.all(stores.map(store => firstValueFrom(store.get$('a'))))
    await Promise.all([read(sessions), read(syncing)])
    const behind: number[] = []
    const behindAfterSync: number[] = []
    for (const [i, server] of simulation.servers.entries()) {
      server.lag(5000, 500)
      await firstValueFrom(writer.put$('a', i + 1))
      for (const value of await read(sessions)) behind.push(i + 1 - value!)
      for (const value of await read(syncing)) behindAfterSync.push(i + 1 - value!)
      await simulation.sleep(10_000)
    }
    return [behind, behindAfterSync]
  })
  expect(old).toContain(1)
  expect(synced).not.toContain(1)
})
