import { concatMap, lastValueFrom, Observable, take, tap, toArray } from 'rxjs'
import { expect, it } from 'vitest'
import { json, type KVStore, lookupKV, memoryStore } from '../../src/index.ts'
import { hookedStore } from '../operators/engines.ts'

const KEYS = 20_000
const keys = Array.from({ length: KEYS }, (_, i) => `key${String(i).padStart(5, '0')}`)

async function filled(): Promise<KVStore<number>> {
  const store = memoryStore({ value: json<number>() })
  await lastValueFrom(store.putAll$(keys.map((key, i) => [key, i])))
  return store
}

it.each(['entries$', 'keys$'] as const)(
  '%s is read no faster than an operator with its own bound takes it',
  async method => {
    const listed = await filled()
    const waiting: (() => void)[] = []
    // Answers one lookup after the other, each when it is told to.
    const slow = hookedStore({ value: json<number>() }, (_, answer$) =>
      new Observable<void>(subscriber => {
        waiting.push(() => subscriber.next())
      }).pipe(
        take(1),
        concatMap(() => answer$),
      ),
    )
    let listedCount = 0
    let ahead = 0
    let done = 0
    const list$: Observable<unknown> = listed[method]()
    const work = lastValueFrom(
      list$.pipe(
        tap(() => {
          listedCount++
          ahead = Math.max(ahead, listedCount - done)
        }),
        lookupKV(slow, () => 'k', { concurrency: 100 }),
        tap(() => done++),
        toArray(),
      ),
    )
    let working = true
    void work.finally(() => {
      working = false
    })
    while (working) {
      waiting.shift()?.()
      await new Promise(resolve => setImmediate(resolve))
    }
    expect((await work).length).toBe(KEYS)
    // What one page of the listing has comes at once.
    expect(ahead).toBeLessThanOrEqual(100 + 4096)
    await listed.close()
    await slow.close()
  },
)
