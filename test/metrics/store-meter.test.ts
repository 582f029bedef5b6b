import {
  BehaviorSubject,
  delay,
  firstValueFrom,
  forkJoin,
  lastValueFrom,
  mergeMap,
  Observable,
  throwError,
  timer,
  toArray,
} from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import { text } from '../../src/codecs.ts'
import type { Engine, Status } from '../../src/contract/engine.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'
import { meterStore } from '../../src/metrics/store-meter.ts'
import type { StoreSnapshot } from '../../src/metrics/store-snapshot.ts'
import type { KVStore } from '../../src/store/kv-store.ts'
import { kvStore } from '../../src/store/store.ts'

/** A memory engine that takes its time: `read` 10 ms, `write` 20 ms, `commit` 30 ms, a page 5 ms. */
function slowEngine(status: BehaviorSubject<Status>): Engine {
  const engine = new MemoryEngine(new Memory())
  const slow: Engine = {
    name: 'slow',
    limits: { ...engine.limits, inFlight: 4 },
    status$: status,
    read: keys => engine.read(keys).pipe(delay(10)),
    write: writes => engine.write(writes).pipe(delay(20)),
    commit: writes =>
      writes.some(({ key }) => key === 'bad')
        ? timer(7).pipe(mergeMap(() => throwError(() => new KVError('QUOTA', 'full'))))
        : engine.commit(writes).pipe(delay(30)),
    entries: span => {
      const scan = engine.entries(span)
      return { next: due => scan.next(due).pipe(delay(5)), close: () => scan.close() }
    },
    keys: span => engine.keys(span),
    watch: () => engine.watch(),
    close: () => engine.close(),
  }
  return slow
}

const connected: Status = { state: 'connected', reason: 'test' }

const virtually = (
  test: (store: KVStore<string>, scheduler: TestScheduler, status: BehaviorSubject<Status>) => () => void,
): void => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(() => {
    const status = new BehaviorSubject<Status>(connected)
    const check = test(kvStore(slowEngine(status), { value: text, scheduler }), scheduler, status)
    scheduler.flush()
    check()
  })
}

describe('meterStore', () => {
  it('counts and times the calls of the engine by their kind', () => {
    virtually((store, scheduler) => {
      const meter = meterStore(store, { scheduler })
      let final: StoreSnapshot | undefined
      forkJoin([store.put$('a', '12345'), store.put$('b', '123')])
        .pipe(
          mergeMap(() => forkJoin([store.get$('a'), store.get$('b'), store.get$('none')])),
          mergeMap(() =>
            store.putAll$([
              ['a', '1'],
              ['c', '12'],
            ]),
          ),
          mergeMap(() => store.entries$().pipe(toArray())),
        )
        .subscribe(entries => {
          expect(entries).toHaveLength(3)
          final = meter.snapshot()
        })
      return () => {
        const { total, inFlight } = final!
        // Pages: the three entries, and an empty one that is the end.
        expect(total.elapsed).toBe(20 + 10 + 30 + 5 + 5)
        expect(inFlight).toBe(0)
        expect(total.writes).toMatchObject({
          calls: 1,
          items: 2,
          bytes: 8,
          batchSize: 2,
          latency: 20,
          failed: 0,
        })
        expect(total.reads).toMatchObject({
          calls: 1,
          items: 3,
          bytes: 8,
          batchSize: 3,
          latency: 10,
          errors: {},
        })
        expect(total.reads.throughput).toBeCloseTo(3 / 0.07, 9)
        expect(total.reads.bytesPerSecond).toBeCloseTo(8 / 0.07, 9)
        expect(total.commits).toMatchObject({ calls: 1, items: 2, bytes: 3, latency: 30 })
        expect(total.commits.batchSizes.max).toBe(2)
        expect(total.commits.percentiles.p99).toBe(30)
        expect(total.scans).toMatchObject({ calls: 2, items: 3, bytes: 6, latency: 5 })
        expect(total.availability).toBe(1)
      }
    })
  })

  it('counts errors of items and of calls, and times failed calls apart', () => {
    virtually((store, scheduler) => {
      const meter = meterStore(store, { scheduler })
      const codes: string[] = []
      const code = (error: KVError): void => void codes.push(error.code)
      store.put$('a', '1').subscribe()
      store.put$('b', '1', { ifVersion: 3 }).subscribe({ error: code })
      store.putAll$([['bad', '1']]).subscribe({ error: code })
      return () => {
        const { total } = meter.snapshot()
        expect(codes.sort()).toEqual(['QUOTA', 'VERSION_CONFLICT'])
        expect(total.writes).toMatchObject({
          calls: 1,
          items: 2,
          bytes: 1,
          failed: 0,
          failureLatency: Number.NaN,
          errors: { VERSION_CONFLICT: 1 },
        })
        expect(total.commits).toMatchObject({
          calls: 0,
          items: 0,
          batchSize: Number.NaN,
          latency: Number.NaN,
          failed: 1,
          failureLatency: 7,
          errors: { QUOTA: 1 },
        })
      }
    })
  })

  it('shows what is under way, and the figures by interval', () => {
    virtually((store, scheduler) => {
      const meter = meterStore(store, { scheduler, interval: 15 })
      const snapshots: StoreSnapshot[] = []
      meter.snapshots$.subscribe(snapshot => snapshots.push(snapshot))
      store.get$('a').subscribe()
      timer(12)
        .pipe(mergeMap(() => store.get$('b')))
        .subscribe()
      timer(40).subscribe(() => meter.close())
      return () => {
        expect(snapshots.map(({ inFlight }) => inFlight)).toEqual([1, 0, 0])
        expect(snapshots.map(({ interval }) => interval.reads.calls)).toEqual([1, 1, 0])
        expect(snapshots.map(({ total }) => total.reads.calls)).toEqual([1, 2, 2])
        expect(snapshots.map(({ interval }) => interval.elapsed)).toEqual([15, 15, 10])
        expect(snapshots.map(({ final }) => final)).toEqual([false, false, true])
        expect(meter.snapshot()).toBe(snapshots[2])
      }
    })
  })

  it('tells when the store was up', () => {
    virtually((store, scheduler, status) => {
      const meter = meterStore(store, { scheduler })
      timer(30).subscribe(() => status.next({ state: 'suspended', reason: 'cable' }))
      timer(40).subscribe(() => status.next({ state: 'lost', reason: 'expired' }))
      timer(70).subscribe(() => status.next(connected))
      timer(100).subscribe(() => {
        status.next({ state: 'closed', reason: 'user' })
        status.complete()
      })
      return () => {
        const { total, timeline, final } = meter.snapshot()
        expect(final).toBe(true)
        expect(total).toMatchObject({ elapsed: 100, availability: 0.6 })
        expect(timeline).toEqual([
          { state: 'connected', reason: 'test', at: 0 },
          { state: 'suspended', reason: 'cable', at: 30 },
          { state: 'lost', reason: 'expired', at: 40 },
          { state: 'connected', reason: 'test', at: 70 },
          { state: 'closed', reason: 'user', at: 100 },
        ])
      }
    })
  })

  it('keeps the last hundred states', () => {
    virtually((store, scheduler, status) => {
      const meter = meterStore(store, { scheduler })
      for (let i = 0; i < 150; i++) status.next({ state: 'suspended', reason: `${i}` })
      const { timeline } = meter.snapshot()
      return () => {
        expect(timeline).toHaveLength(100)
        expect(timeline[99]!.reason).toBe('149')
        meter.close()
      }
    })
  })

  it('counts what the cache answers, from when it was asked', async () => {
    await using store = memoryStore({ value: text, cache: 10 })
    const get = (key: string): Promise<string | undefined> => firstValueFrom(store.get$(key))
    await get('before')
    using meter = meterStore(store)
    for (let i = 0; i < 3; i++) await get('a')
    expect(meter.snapshot().total).toMatchObject({ cacheHits: 2, cacheMisses: 1, reads: { items: 1 } })
    expect(meter.snapshot().interval).toMatchObject({ cacheHits: 2, cacheMisses: 1 })
    await get('a')
    meter.close()
    expect(meter.snapshot().total).toMatchObject({ cacheHits: 3, cacheMisses: 1 })
  })

  it('shares the cache counts out by interval', async () => {
    await using store = memoryStore({ value: text, cache: 10 })
    const meter = meterStore(store, { interval: 1 })
    const snapshots$ = meter.snapshots$.pipe(toArray())
    const all = lastValueFrom(snapshots$)
    for (let i = 0; i < 20; i++) {
      await firstValueFrom(store.get$('a'))
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    meter.close()
    const snapshots = await all
    expect(snapshots.length).toBeGreaterThan(1)
    expect(snapshots.reduce((sum, { interval }) => sum + interval.cacheHits, 0)).toBe(19)
    expect(snapshots.at(-1)!.total).toMatchObject({ cacheHits: 19, cacheMisses: 1 })
  })

  it('ends with the store', async () => {
    const store = memoryStore({ value: text })
    const meter = meterStore(store)
    const last = lastValueFrom(meter.snapshots$)
    await firstValueFrom(store.put$('a', 'x'))
    await store.close()
    expect(await last).toMatchObject({ final: true, total: { writes: { items: 1 } } })
    const late = meterStore(store)
    expect(late.snapshot()).toMatchObject({ final: true, timeline: [{ state: 'closed' }] })
  })

  it('lets go of the store, and several look at one independently', async () => {
    await using store = memoryStore({ value: text })
    const first = meterStore(store)
    await firstValueFrom(store.get$('a'))
    using second = meterStore(store)
    await firstValueFrom(store.get$('a'))
    first.close()
    await firstValueFrom(store.get$('a'))
    expect(first.snapshot().total.reads.calls).toBe(2)
    expect(second.snapshot().total.reads.calls).toBe(2)
  })

  it('leaves the store alone once it is closed', async () => {
    let subscribers = 0
    const engine = new MemoryEngine(new Memory())
    const counted: Engine = Object.assign(Object.create(engine), {
      limits: engine.limits,
      read: (keys: readonly string[]) => engine.read(keys),
      close: () => engine.close(),
      status$: new Observable<Status>(subscriber => {
        subscribers++
        subscriber.add(() => subscribers--)
        engine.status$.subscribe(subscriber)
      }),
    })
    await using store = kvStore(counted, { value: text })
    const before = subscribers
    const scheduler = new TestScheduler(() => {})
    let looks = 0
    scheduler.now = () => ++looks
    const meter = meterStore(store, { scheduler })
    await firstValueFrom(store.get$('a'))
    expect(subscribers).toBeGreaterThan(before)
    meter.close()
    expect(subscribers).toBe(before)
    const looked = looks
    await firstValueFrom(store.get$('a'))
    expect(looks).toBe(looked)
  })

  it('refuses stores of another make, and intervals that are none', () => {
    const stranger = Object.create(null) as KVStore<string>
    expect(() => meterStore(stranger)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
    expect(() => meterStore(memoryStore({ value: text }), { interval: 0 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})
