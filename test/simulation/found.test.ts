/** What the simulator found, each with the shortest history that showed it. */
import { firstValueFrom } from 'rxjs'
import { type Change, json, type KVError } from 'rxkeeper'
import { simulate } from 'rxkeeper/testing'
import { expect, test } from 'vitest'

test('a read that waits for a write of its key ends in its own time', async () => {
  const [code, took] = await simulate({}, async simulation => {
    const process = simulation.process()
    const store = process.store({ value: json<number>() })
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
    const store = follower.store({ value: json<number>() })
    const writer = simulation.process().store({ value: json<number>() })
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
