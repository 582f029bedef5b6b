import { firstValueFrom, lastValueFrom, of, take, toArray } from 'rxjs'
import {
  insertKV,
  json,
  type KVError,
  kvStore,
  Memory,
  MemoryEngine,
  memoryStore,
  ShardedEngine,
  sweep$,
  upsertKV,
} from 'rxkeeper'
import { expect, test } from 'vitest'
import { virtually } from './cases.ts'
import { before, hookedStore, writeElsewhere } from './engines.ts'

test('deletes what has expired, pass after pass, and nothing else', () => {
  virtually(scheduler => {
    const memory = new Memory()
    const store = memoryStore({ value: json<number>(), memory, scheduler })
    for (let n = 0; n < 3000; n++) store.put$(`short ${n}`, n, { expireAfter: 100 }).subscribe()
    store.put$('long', 1, { expireAfter: 5000 }).subscribe()
    store.put$('ever', 1).subscribe()
    const passes: unknown[] = []
    sweep$(store, { every: 1000 })
      .pipe(take(3))
      .subscribe(pass => passes.push(pass))
    scheduler.flush()
    expect(passes).toEqual([
      { seen: 3002, deleted: 0, lateness: 0 },
      { seen: 3002, deleted: 3000, lateness: 900 },
      { seen: 2, deleted: 0, lateness: 0 },
    ])
    expect([...memory.entries.keys()]).toEqual(['long', 'ever'])
  })
})

test('what is written again while it is being deleted stays', async () => {
  const memory = new Memory()
  const refresh = (): void => writeElsewhere(memory, json<number>(), 'b', 2)
  const store = hookedStore(
    { value: json<number>(), memory },
    before('commit', () => {}, refresh),
  )
  const old = memoryStore({ value: json<number>(), memory })
  for (const key of ['a', 'b', 'c']) await firstValueFrom(old.put$(key, 1, { expireAfter: 1 }))
  while ((await firstValueFrom(old.get$('c'))) !== undefined);
  expect(await firstValueFrom(sweep$(store))).toMatchObject({ seen: 3, deleted: 2 })
  expect([...memory.entries.keys()]).toEqual(['b'])
})

test('who begins takes over from who sweeps', async () => {
  const memory = new Memory()
  const [one, other] = [1, 2].map(() => memoryStore({ value: json<number>(), memory }))
  const first = lastValueFrom(sweep$(one!, { every: 5 }))
  await firstValueFrom(sweep$(other!))
  const expiring = async (): Promise<void> => {
    await firstValueFrom(one!.put$('a', 1, { expireAfter: 1 }))
  }
  const feeding = setInterval(expiring, 3)
  await expect(first).rejects.toMatchObject({ code: 'FENCED' } satisfies Partial<KVError>)
  clearInterval(feeding)
})

test('a store over several engines is swept, too', async () => {
  const memories = [new Memory(), new Memory()]
  const store = kvStore(new ShardedEngine(memories.map(memory => new MemoryEngine(memory))), {
    value: json<number>(),
  })
  for (const key of ['a', 'b', 'c', 'd']) await firstValueFrom(store.put$(key, 1, { expireAfter: 1 }))
  while ((await firstValueFrom(store.get$('d'))) !== undefined);
  expect(await firstValueFrom(sweep$(store))).toMatchObject({ seen: 4, deleted: 4 })
})

test('upsertKV and insertKV write what expires', () => {
  virtually(scheduler => {
    const store = memoryStore({ value: json<number>(), scheduler })
    const seen: unknown[] = []
    of(1)
      .pipe(upsertKV(store, n => ['a', n], { expireAfter: 10 }))
      .subscribe()
    of(1, 2)
      .pipe(
        insertKV(store, n => ['b', n], { expireAfter: 10 }),
        toArray(),
      )
      .subscribe(all => seen.push(all))
    scheduler.schedule(() => store.getAll$(['a', 'b']).subscribe(all => seen.push(all)), 9)
    scheduler.schedule(() => store.getAll$(['a', 'b']).subscribe(all => seen.push(all)), 11)
    scheduler.schedule(
      () =>
        of(3)
          .pipe(insertKV(store, n => ['b', n], { expireAfter: 10 }))
          .subscribe(all => seen.push(all)),
      12,
    )
    scheduler.flush()
    expect(seen).toEqual([
      [
        [1, true],
        [2, false],
      ],
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
      new Map(),
      [3, true],
    ])
  })
})
