import { BehaviorSubject, NEVER, type Observable, retry, Subject } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import {
  type Engine,
  json,
  KVError,
  type KVStore,
  kvStore,
  Memory,
  MemoryEngine,
  type Status,
  text,
} from '../../src/index.ts'

/** An engine that has no connection, and takes one call of each kind at a time, which it never answers. */
class Unconnected {
  readonly status = new BehaviorSubject<Status>({ state: 'suspended', reason: 'no server' })
  readonly engine: Engine

  constructor() {
    const memory = new MemoryEngine(new Memory())
    const never = (): Observable<never> => NEVER
    this.engine = {
      name: 'unconnected',
      limits: { ...memory.limits, inFlight: 1 },
      status$: this.status,
      read: never,
      write: never,
      commit: never,
      entries: span => memory.entries(span),
      keys: span => memory.keys(span),
      watch: never,
      close: async () => {},
    }
  }
}

/** When, on virtual time, and with which code or value each of these ends. */
const ends = (
  body: (scheduler: TestScheduler, note: (name: string, answer$: Observable<unknown>) => void) => void,
): string[] => {
  const log: string[] = []
  const scheduler = new TestScheduler(() => {})
  scheduler.run(({ flush }) => {
    body(scheduler, (name, answer$) =>
      answer$.subscribe({
        next: value => log.push(`${name} ${JSON.stringify(value)} at ${scheduler.now()}`),
        error: error => log.push(`${name} ${error.code} at ${scheduler.now()}`),
      }),
    )
    flush()
  })
  return log
}

const open = (engine: Engine, scheduler: TestScheduler): KVStore<number> =>
  kvStore(engine, { value: json<number>(), scheduler })

describe('operations in an outage', () => {
  it('that are asked for again as they fail are not lost', () => {
    const log = ends((scheduler, note) => {
      const store = open(new Unconnected().engine, scheduler)
      // One read and one write fill the engine, so that all others wait in the store.
      note('first', store.get$('a', { timeout: 5000 }))
      store.put$('a', 1).subscribe()
      scheduler.schedule(() => {
        note('get', store.get$('k', { timeout: 200 }).pipe(retry(2)))
        note('put', store.put$('k', 1, { timeout: 300 }).pipe(retry(1)))
        note('behind', store.get$('k', { timeout: 1000 }))
      }, 1)
    })
    expect(log.map(line => line.split(' at ')[0])).toEqual([
      'put TIMEOUT',
      'get TIMEOUT',
      'behind TIMEOUT',
      'first TIMEOUT',
    ])
  })

  it('of one key with different timeouts end each in its own time', () => {
    const log = ends((scheduler, note) => {
      const { engine } = new Unconnected()
      const store = open(engine, scheduler)
      const plus = (count = 0) => count + 1
      note('short update', store.update$('n', plus, { timeout: 200 }))
      note('long update', store.update$('n', plus, { timeout: 1000 }))
      note('put', store.put$('n', 1, { timeout: 500 }))
      note('get', store.get$('n', { timeout: 700 }))
    })
    expect(log).toEqual([
      expect.stringMatching(/^short update TIMEOUT at 2[0-2]\d$/),
      expect.stringMatching(/^put TIMEOUT at 5[0-2]\d$/),
      expect.stringMatching(/^get TIMEOUT at 7[0-2]\d$/),
      expect.stringMatching(/^long update TIMEOUT at 10[0-2]\d$/),
    ])
  })

  it('count in what may wait only while they wait', () => {
    const codes = new Set<string>()
    const megabyte = 'x'.repeat(1_000_000)
    ends(scheduler => {
      const store = kvStore(new Unconnected().engine, { value: text, scheduler })
      store.put$('a', '').subscribe()
      const put = (left: number): void => {
        if (left === 0) return
        store.put$('k', megabyte, { timeout: 20 }).subscribe({
          error: ({ code }) => {
            codes.add(code)
            put(left - 1)
          },
        })
      }
      scheduler.schedule(() => put(100), 1)
    })
    expect([...codes]).toEqual(['TIMEOUT'])
  })
})

it('a store without a connection is closed though whoever hears of it closes it again', async () => {
  const { engine } = new Unconnected()
  const store = kvStore(engine, { value: json<number>() })
  // The engine fails what it was given when it is closed, as engines do.
  const given = new Subject<never>()
  engine.read = () => given
  engine.write = () => given
  engine.close = async () => {
    if (!given.closed) given.error(new KVError('CLOSED', 'closed'))
  }
  const heard: Promise<void>[] = []
  for (let i = 0; i < 10; i++) store.get$(`k${i}`).subscribe({ error: () => heard.push(store.close()) })
  store.put$('k', 1).subscribe({ error: () => heard.push(store.close()) })
  await new Promise(resolve => setImmediate(resolve))
  await store.close()
  await Promise.all(heard)
  expect(heard).toHaveLength(11)
})
