import assert from 'node:assert/strict'
import type { Subscription } from 'rxjs'
import { json } from '../../codecs.ts'
import type { Change } from '../../store/kv-store.ts'
import { eventually } from '../waiting.ts'
import { all, one } from './assertions.ts'
import type { Suite } from './place.ts'

const SOON = 40
const LATE = 3_600_000

/** Waits until an assertion holds. */
async function until(check: () => unknown): Promise<void> {
  let failure: unknown
  const holds = async (): Promise<true | undefined> => {
    try {
      await check()
      return true
    } catch (error) {
      failure = error
      return undefined
    }
  }
  await eventually(holds, () => failure as Error, { timeout: 10_000 })
}

/** expireAfter: what has expired reads as absent, whether or not it was deleted. */
export function expiry({ it }: Suite): void {
  it('no read shows a value that has expired', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1, { expireAfter: SOON }))
    await one(store.put$('b', 2, { expireAfter: LATE }))
    await until(async () => assert.equal(await one(store.get$('a')), undefined))
    assert.equal(await one(store.entry$('a')), undefined)
    assert.deepEqual(await one(store.getAll$(['a', 'b'])), new Map([['b', 2]]))
    assert.deepEqual(await all(store.entries$()), [{ key: 'b', value: 2, version: 0 }])
    assert.equal(await one(store.get$('b')), 2)
  })

  it('also not from the cache', async stores => {
    const store = await stores.open(json<number>(), { cache: 10 })
    await one(store.put$('a', 1, { expireAfter: SOON }))
    await until(async () => assert.equal(await one(store.get$('a')), undefined))
  })

  it('a value that is written again expires when that says, or never', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1, { expireAfter: SOON }))
    await one(store.put$('a', 2, { expireAfter: LATE }))
    await one(store.put$('b', 1, { expireAfter: SOON }))
    await one(store.put$('b', 2))
    await one(store.put$('c', 1, { expireAfter: SOON }))
    await until(async () => assert.equal(await one(store.get$('c')), undefined))
    assert.deepEqual(
      await one(store.getAll$(['a', 'b'])),
      new Map([
        ['a', 2],
        ['b', 2],
      ]),
    )
  })

  it('an update keeps when its value expires, and begins anew after that', async stores => {
    const store = await stores.open(json<number>())
    // Again, where the machine was too slow for it to be in time.
    await until(async () => {
      await one(store.put$('a', 10, { expireAfter: 5 * SOON }))
      assert.equal((await one(store.update$('a', value => (value ?? 0) + 1)))?.value, 11)
    })
    await until(async () => assert.equal(await one(store.get$('a')), undefined))
    assert.equal((await one(store.update$('a', value => (value ?? 0) + 1)))?.value, 1)
    assert.equal(await one(store.get$('a')), 1)
  })

  it('what has expired does not stand in the way of an insert', async stores => {
    const store = await stores.open(json<number>())
    const insert = { ifVersion: 'absent', expireAfter: LATE } as const
    await one(store.put$('a', 1, { expireAfter: SOON }))
    await until(async () => assert.equal((await one(store.put$('a', 2, insert))).value, 2))
    await assert.rejects(one(store.put$('a', 3, insert)), { code: 'VERSION_CONFLICT' })
    assert.equal(await one(store.get$('a')), 2)
  })

  it('who follows hears of it', async stores => {
    const store = await stores.open(json<number>())
    const values: (number | undefined)[] = []
    const changes: Change<number>[] = []
    const following: Subscription[] = [
      store.watch$('a').subscribe(value => values.push(value)),
      store.changes$().subscribe(change => changes.push(change)),
    ]
    await until(() => assert.deepEqual(changes, [{ type: 'synced' }]))
    // Again, where it had expired before it was seen.
    await until(async () => {
      if (changes.at(-1)?.type !== 'put') await one(store.put$('a', 1, { expireAfter: 5 * SOON }))
      assert.equal(
        changes.some(({ type }) => type === 'delete'),
        true,
      )
    })
    await until(() => assert.equal(values.at(-1), undefined))
    await one(store.put$('a', 2))
    await until(() => assert.equal(values.at(-1), 2))
    await until(() => assert.equal((changes.at(-1) as { value?: number }).value, 2))
    for (const each of following) each.unsubscribe()
  })

  it('a time that is no whole number of milliseconds is refused', async stores => {
    const store = await stores.open(json<number>())
    for (const expireAfter of [0, -1, 1.5, Number.NaN]) {
      await assert.rejects(one(store.put$('a', 1, { expireAfter })), { code: 'INVALID_ARGUMENT' })
    }
  })
}
