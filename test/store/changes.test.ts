import { concatMap, firstValueFrom, lastValueFrom, map, of, Subject, take, takeWhile, toArray } from 'rxjs'
import { expect, it } from 'vitest'
import {
  type Change,
  type Engine,
  KVError,
  kvStore,
  Memory,
  MemoryEngine,
  memoryStore,
  text,
} from '../../src/index.ts'

it('changes$ is synced only when what changed while it was listed has been read, at the second attempt too', async () => {
  const memory = new Memory()
  const engine = new MemoryEngine(memory)
  const listNow = new Subject<void>()
  const attempts: string[] = []
  const failing: Engine = {
    name: 'failing',
    limits: engine.limits,
    status$: engine.status$,
    // The first read of `a` fails for a reason that passes.
    read: keys =>
      engine.read(keys).pipe(
        map(results =>
          results.map((result, i) => {
            const key = keys[i]!
            attempts.push(key)
            const first = attempts.filter(each => each === key).length === 1
            return key === 'a' && first ? new KVError('TIMEOUT', 'out of time', { key }) : result
          }),
        ),
      ),
    write: writes => engine.write(writes),
    commit: writes => engine.commit(writes),
    // What was there before the changes, told after them.
    entries: () => ({
      next: () =>
        listNow.pipe(
          take(1),
          concatMap(() => of([])),
        ),
      close() {},
    }),
    keys: span => engine.keys(span),
    watch: () => engine.watch(),
    close: () => engine.close(),
  }
  await using store = kvStore(failing, { value: text })
  await using other = memoryStore({ value: text, memory })
  const changes: Promise<Change<string>[]> = lastValueFrom(
    store.changes$().pipe(
      takeWhile(({ type }) => type !== 'synced', true),
      toArray(),
    ),
  )
  await firstValueFrom(other.put$('a', 'one'))
  await firstValueFrom(other.put$('b', 'two'))
  while (attempts.length < 2) await new Promise(resolve => setImmediate(resolve))
  listNow.next()
  expect((await changes).map(change => (change.type === 'put' ? change.value : change.type))).toEqual([
    'two',
    'one',
    'synced',
  ])
  expect(attempts).toEqual(['a', 'b', 'a'])
})
