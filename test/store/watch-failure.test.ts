import { firstValueFrom, lastValueFrom, merge, Subject, skipWhile } from 'rxjs'
import { expect, it } from 'vitest'
import { type Engine, json, KVError, kvStore, Memory, MemoryEngine } from '../../src/index.ts'

/** A store whose engine's watch can be made to fail. */
function failing() {
  const engine: Engine = new MemoryEngine(new Memory())
  const watch = engine.watch.bind(engine)
  let failures = new Subject<never>()
  engine.watch = () => {
    failures = new Subject()
    return merge(watch(), failures)
  }
  return {
    store: kvStore(engine, { value: json<number>(), cache: 10 }),
    fail: (error: KVError) => failures.error(error),
  }
}

it('a watch of the engine that fails for a reason that passes is set again: nobody who watches is lost', async () => {
  const { store, fail } = failing()
  const seen: Record<string, unknown[]> = { a: [], b: [] }
  for (const key of ['a', 'b']) store.watch$(key).subscribe(value => seen[key]!.push(value))
  await lastValueFrom(store.put$('a', 1))
  fail(new KVError('ENGINE', 'the watch failed'))
  await lastValueFrom(store.put$('b', 2))
  await firstValueFrom(store.watch$('b').pipe(skipWhile(value => value !== 2)))
  expect([seen.a!.at(-1), seen.b!.at(-1)]).toEqual([1, 2])
  await store.close()
})

it('one that fails for good ends those who watch, who can watch again', async () => {
  const { store, fail } = failing()
  const codes: unknown[] = []
  const again: Promise<unknown>[] = []
  for (const key of ['a', 'b']) {
    store.watch$(key).subscribe({
      error: ({ code }) => {
        codes.push(code)
        again.push(firstValueFrom(store.watch$(key).pipe(skipWhile(value => value !== 3))))
      },
    })
  }
  await lastValueFrom(store.put$('a', 1))
  fail(new KVError('AUTH', 'not permitted any more'))
  expect(codes).toEqual(['AUTH', 'AUTH'])
  await lastValueFrom(store.put$('a', 3))
  await lastValueFrom(store.put$('b', 3))
  expect(await Promise.all(again)).toEqual([3, 3])
  await store.close()
})
