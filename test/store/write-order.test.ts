import { concatMap, type Observable, Subject, take } from 'rxjs'
import { expect, it } from 'vitest'
import { json, type KVStore } from '../../src/index.ts'
import { hookedStore, logging } from '../operators/engines.ts'

/** A store whose engine takes two calls at a time, and answers each when it is told to. */
function manual(): { store: KVStore<number>; log: string[]; answer(): Promise<void> } {
  const log: string[] = []
  const waiting: Subject<void>[] = []
  const held = <R>(_: unknown, answer$: Observable<R>): Observable<R> => {
    const told = new Subject<void>()
    waiting.push(told)
    return told.pipe(
      take(1),
      concatMap(() => answer$),
    )
  }
  const store = hookedStore({ value: json<number>(), limits: { inFlight: 2 } }, held, logging(log))
  return {
    store,
    log,
    /** Answers the oldest call. */
    async answer() {
      waiting.shift()!.next()
      await turn()
    },
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

it('a write does not overtake a transaction that waits for an earlier write of its key', async () => {
  const { store, log, answer } = manual()
  const begin = async (work$: Observable<unknown>): Promise<void> => {
    work$.subscribe()
    await turn()
  }
  await begin(store.put$('a', 1))
  store.put$('a', 2).subscribe()
  await begin(store.transact$([{ type: 'put', key: 'a', value: 3 }]))
  // Two calls are under way now: what comes next is not looked at before one of them is answered.
  await begin(store.put$('b', 1))
  await begin(store.put$('a', 4))
  for (let i = 0; i < 5; i++) await answer()
  expect(log).toEqual([
    'put a=1@undefined',
    'put b=1@undefined',
    'put a=2@undefined',
    'put a=3@undefined',
    'put a=4@undefined',
  ])
  await store.close()
})

it('reads of a key are sent after the writes that were asked for before them', async () => {
  const { store, log, answer } = manual()
  store.put$('a', 1).subscribe()
  store.put$('a', 2).subscribe()
  const seen: unknown[] = []
  store.get$('a').subscribe(value => seen.push(value))
  await turn()
  await answer()
  expect(seen).toEqual([])
  await answer()
  expect([log, seen]).toEqual([['put a=1@undefined, put a=2@undefined', 'read a'], [2]])
  await store.close()
})
