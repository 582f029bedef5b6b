import { defer, from, lastValueFrom, map, merge, of, Subject, throwError, toArray } from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { json, KVError, type KVStore, Memory, processKV } from '../../src/index.ts'
import { failureOf, virtually } from './cases.ts'
import { before, hookedStore, logging, refusing } from './engines.ts'
import { elsewhere, increment, logged, numbers, stateOf, word } from './process.ts'

describe('processKV against other writers', () => {
  test('reads the keys of the batch again, and runs only the records of those that were written', async () => {
    const memory = new Memory()
    const { log, store } = logged({ memory, hooks: [before('commit', elsewhere(memory, 'a', 10))] })
    const runs: string[] = []
    const count = (record: string, value = 0) => {
      runs.push(record)
      return value + 1
    }
    const result$ = from('aba').pipe(processKV(store, word, count), toArray())
    expect(await lastValueFrom(result$)).toEqual([
      ['a', 11],
      ['b', 1],
      ['a', 12],
    ])
    expect(runs.join('')).toBe('aba' + 'aa')
    expect(log).toEqual([
      'read a b',
      'put a=2@absent, put b=1@absent',
      'read a b',
      'put a=12@0, put b=1@absent',
    ])
    expect(await stateOf(store)).toEqual(['a=12@1', 'b=1@0'])
  })

  test('a key that was deleted and created again has the same version, and is run again all the same', async () => {
    const memory = new Memory()
    elsewhere(memory, 'a', 5)()
    // The commit finds the key deleted; when it is read again, it has come back.
    const { store } = logged({
      memory,
      hooks: [
        before('commit', elsewhere(memory, 'a', undefined)),
        before('read', () => {}, elsewhere(memory, 'a', 100)),
      ],
    })
    expect(await lastValueFrom(of('a').pipe(processKV(store, word, increment)))).toEqual(['a', 101])
    expect(await stateOf(store)).toEqual(['a=101@1'])
  })

  test('a remembered value that another writer has changed is read again', async () => {
    const memory = new Memory()
    const { log, store } = logged({ memory })
    const source = new Subject<string>()
    const outputs: unknown[] = []
    source.pipe(processKV(store, word, increment, { remember: 10 })).subscribe(output => outputs.push(output))
    source.next('a')
    await vi.waitFor(() => expect(outputs).toEqual([['a', 1]]))
    elsewhere(memory, 'a', 10)()
    source.next('a')
    await vi.waitFor(() => expect(outputs.at(-1)).toEqual(['a', 11]))
    expect(log).toEqual(['read a', 'put a=1@absent', 'put a=2@0', 'read a', 'put a=11@1'])
  })

  test('two pipelines that count into one store never lose an increment', async () => {
    const memory = new Memory()
    const keys = Array.from({ length: 20_000 }, (_, i) => `key${(i * 7919) % 50}`)
    const count = () => from(keys).pipe(processKV(numbers(memory), word, increment, { commitSize: 64 }))
    await lastValueFrom(merge(count(), count(), count()))
    const counts = await lastValueFrom(numbers(memory).getAll$(keys))
    expect([...counts.values()]).toEqual(Array.from({ length: 50 }, () => 1200))
  })

  test('many conflicts in a row: smaller commits, and no end but success', async () => {
    const memory = new Memory()
    const writes = Array.from({ length: 20 }, (_, i) => elsewhere(memory, 'a', 100 * (i + 1)))
    const { commits, store } = logged({ memory, hooks: [before('commit', ...writes)] })
    const result$ = from('abcd').pipe(processKV(store, word, increment), toArray())
    expect(await lastValueFrom(result$)).toEqual([
      ['a', 2001],
      ['b', 1],
      ['c', 1],
      ['d', 1],
    ])
    const sizes = commits().map(commit => commit.split(', ').length)
    expect(sizes.slice(0, 4)).toEqual([4, 4, 2, 1])
    expect(sizes).toHaveLength(22)
  })

  test('a conflict that nothing explains is tried again after a pause that grows', () => {
    virtually(scheduler => {
      const at: number[] = []
      const refuse = refusing(() => {
        at.push(scheduler.now())
        return at.length <= 10 ? new KVError('VERSION_CONFLICT', 'so it says') : undefined
      })
      const store = hookedStore({ value: json<number>(), scheduler }, refuse)
      of('a')
        .pipe(processKV(store, word, increment))
        .subscribe()
      scheduler.flush()
      expect(at).toEqual([0, 2, 6, 14, 30, 62, 126, 226, 326, 426, 526])
    })
  })

  test('another error while the keys are read again ends the stream', async () => {
    const memory = new Memory()
    const error = new KVError('TIMEOUT', 'too late')
    let reads = 0
    const { store } = logged({
      memory,
      hooks: [
        before('commit', elsewhere(memory, 'b', 7)),
        ({ name }, answer$) =>
          defer(() => (name === 'read' && reads++ > 0 ? throwError(() => error) : answer$)),
      ],
    })
    const failure = await failureOf(from('ab').pipe(processKV(store, word, increment)))
    expect(failure).toEqual({ error, outputs: [] })
  })

  describe('a value that does not change', () => {
    const lowest = (record: { key: string; value: number }, low = Number.POSITIVE_INFINITY) =>
      Math.min(low, record.value)
    const process = (store: KVStore<number>, ...values: number[]) =>
      lastValueFrom(
        from(values).pipe(
          map(value => ({ key: 'a', value })),
          processKV(store, ({ key }) => key, lowest, { commitSize: 1, remember: 10 }),
          map(([, low]) => low),
          toArray(),
        ),
      )

    test('is not written where it was just read', async () => {
      const memory = new Memory()
      elsewhere(memory, 'a', 3)()
      const { log, store } = logged({ memory })
      expect(await process(store, 5)).toEqual([3])
      expect(log).toEqual(['read a'])
    })

    test('is checked where it was remembered', async () => {
      const { log, store } = logged()
      expect(await process(store, 3, 5, 2)).toEqual([3, 3, 2])
      expect(log).toEqual(['read a', 'put a=3@absent', 'check a@0', 'put a=2@0'])
    })

    test('is read again where another writer has changed it meanwhile', async () => {
      const memory = new Memory()
      const { commits, store } = logged({
        memory,
        hooks: [before('commit', () => {}, elsewhere(memory, 'a', 1))],
      })
      expect(await process(store, 3, 5)).toEqual([3, 1])
      expect(commits()).toEqual(['put a=3@absent', 'check a@0'])
    })

    test('objects are written, for they may have been changed in place, unless `unchanged` says otherwise', async () => {
      const log: string[] = []
      const store = hookedStore({ value: json<{ first: string }>() }, logging(log))
      const first = (record: string, seen?: { first: string }) => seen ?? { first: record }
      await lastValueFrom(from('ab').pipe(processKV(store, () => 'a', first, { commitSize: 1 })))
      await lastValueFrom(
        from('cd').pipe(processKV(store, () => 'a', first, { commitSize: 1, unchanged: Object.is })),
      )
      expect(log.filter(line => !line.startsWith('read'))).toEqual([
        'put a={"first":"a"}@absent',
        'put a={"first":"a"}@0',
        'check a@1',
      ])
    })
  })
})
