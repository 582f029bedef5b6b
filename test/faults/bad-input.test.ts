import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { config, firstValueFrom, from, lastValueFrom, type Observable, of, take, toArray } from 'rxjs'
import {
  type Codec,
  json,
  KVError,
  type KVStore,
  lookupKV,
  processKV,
  text,
  updateKV,
  upsertKV,
  zookeeperStore,
} from 'rxkeeper'
import { startProxy, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshRoot } from '../setup/fresh-root.ts'
import { patience, times } from './support/knobs.ts'
import { seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'

/*
 * What users do wrong hurts the operation it is done to, and no other; who goes away at any moment leaves nothing behind.
 * (Each limit to the byte, for one write, a transaction and a batch: test/zookeeper/writes.test.ts.)
 */

let server: ZooKeeperServer

beforeAll(async () => {
  server = await startServer()
}, patience)
afterAll(() => server?.stop())

const open = <V>(value: Codec<V>, root = freshRoot('bad')): KVStore<V> =>
  zookeeperStore({ servers: server.servers, root, value })

const codeOf = (answer: Observable<unknown>): Promise<string> =>
  lastValueFrom(answer, { defaultValue: undefined }).then(
    () => 'done',
    error => (error instanceof KVError ? error.code : `not a KVError: ${error}`),
  )

/** Does what is wrong amid what is right, all in one turn. */
async function amid(store: KVStore<string>, wrong: () => Observable<unknown>): Promise<string> {
  const before = Array.from({ length: 5 }, (_, i) => firstValueFrom(store.put$(`before-${i}`, 'right')))
  const outcome = codeOf(wrong())
  const after = Array.from({ length: 5 }, (_, i) => firstValueFrom(store.put$(`after-${i}`, 'right')))
  for (const { value } of await Promise.all([...before, ...after])) expect(value).toBe('right')
  expect(await firstValueFrom(store.get$('after-4'))).toBe('right')
  return outcome
}

describe('values', () => {
  it('at every size around the limit are taken, or refused for themselves', async () => {
    await using store = open(text)
    const sizes = Array.from({ length: 400 }, (_, i) => 1_048_575 - i)
    const outcomes: string[] = []
    for (const size of sizes) {
      // The limit is somewhere here; beyond it nothing is sent, so that this is quick.
      const outcome = await amid(store, () => store.put$('k', 'x'.repeat(size)))
      outcomes.push(outcome)
      if (outcome === 'done') break
    }
    expect(outcomes.at(-1)).toBe('done')
    expect(new Set(outcomes.slice(0, -1))).toEqual(new Set(['VALUE_TOO_LARGE']))
    expect(await codeOf(store.put$('k', 'x'.repeat(sizes[outcomes.length - 1]! - 1)))).toBe('done')
    expect((await firstValueFrom(store.get$('k')))?.length).toBe(sizes[outcomes.length - 1]! - 1)
  })

  it('that cannot be encoded or decoded are CODEC', async () => {
    const root = freshRoot('bad')
    await using store = open(text, root)
    const lies = 7 as unknown as string
    expect(await amid(store, () => store.put$('k', lies))).toBe('CODEC')
    expect(
      await amid(store, () =>
        store.putAll$([
          ['k', 'a'],
          ['l', lies],
        ]),
      ),
    ).toBe('CODEC')
    expect(await amid(store, () => store.update$('k', () => lies))).toBe('CODEC')
    expect(await amid(store, () => store.put$('k', '\ud800'))).toBe('CODEC')
    expect(await firstValueFrom(store.getAll$(['k', 'l']))).toEqual(new Map())

    await using numbers = open<number>(json(), root)
    await firstValueFrom(store.put$('k', 'not JSON'))
    await firstValueFrom(numbers.put$('l', 1))
    const reads: Observable<unknown>[] = [
      numbers.get$('k'),
      numbers.get$('l'),
      numbers.entryAll$(['k', 'l']),
      numbers.watch$('k'),
    ]
    expect(
      await Promise.all(reads.map(read => firstValueFrom(read).catch((error: KVError) => error.code))),
    ).toEqual(['CODEC', 1, 'CODEC', 'CODEC'])
  })

  it('of which a codec throws anything are CODEC, with it as the cause', async () => {
    for (const thrown of [new Error('no'), 'no', undefined, null]) {
      const codec: Codec<string> = {
        encode: value => {
          if (value === 'bad') throw thrown
          return text.encode(value)
        },
        decode: text.decode,
      }
      await using store = open(codec)
      expect(await amid(store, () => store.put$('k', 'bad'))).toBe('CODEC')
    }
  })
})

describe('keys', () => {
  it(
    'of every character there is are taken, kept apart and listed in order',
    async () => {
      await using store = open(text)
      const characters = Array.from({ length: 0x1_0000 }, (_, unit) => String.fromCharCode(unit)).filter(
        character => character.isWellFormed(),
      )
      // Beyond the basic plane, where UTF-16 and UTF-8 order differently.
      characters.push('\u{10000}', '\u{1f600}', '\u{10ffff}')
      await Promise.all(characters.map(character => firstValueFrom(store.put$(character, character))))
      const listed = await lastValueFrom(store.keys$().pipe(toArray()))
      const ordered = characters.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(listed.length).toBe(ordered.length)
      expect(listed.findIndex((key, i) => key !== ordered[i])).toBe(-1)
      const found = await firstValueFrom(store.getAll$(characters))
      for (const [key, value] of found) if (key !== value) expect(value).toBe(key)
      expect(found.size).toBe(characters.length)
    },
    patience,
  )

  it('that are none are INVALID_KEY', async () => {
    await using store = open(text)
    const none = [
      '',
      '\ud800',
      'a\udfff',
      '\udfff\ud800',
      'x'.repeat(1_048_576),
      1,
      null,
      undefined,
      {},
      Symbol('key'),
    ]
    for (const key of none as string[]) {
      for (const wrong of [
        () => store.get$(key),
        () => store.getAll$(['k', key]),
        () => store.put$(key, 'v'),
        () =>
          store.putAll$([
            ['k', 'v'],
            [key, 'v'],
          ]),
        () => store.delete$(key),
        () => store.deleteAll$(['k', key]),
        () => store.update$(key, () => 'v'),
        () => store.transact$([{ type: 'check', key, ifVersion: 0 }]),
        () => store.watch$(key),
      ]) {
        expect(await codeOf(wrong())).toBe('INVALID_KEY')
      }
    }
    expect(await amid(store, () => store.get$(''))).toBe('INVALID_KEY')
    expect(await firstValueFrom(store.get$('k'))).toBeUndefined()
  })
})

describe('versions', () => {
  it('that are none are INVALID_ARGUMENT', async () => {
    await using store = open(text)
    await firstValueFrom(store.put$('k', 'v'))
    const none = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '0', null, true, 'present', {}]
    for (const ifVersion of none as number[]) {
      expect(await amid(store, () => store.put$('k', 'w', { ifVersion }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(store.delete$('k', { ifVersion }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(store.transact$([{ type: 'check', key: 'k', ifVersion }]))).toBe('INVALID_ARGUMENT')
    }
    expect(await firstValueFrom(store.get$('k'))).toBe('v')
  })
})

describe('functions that throw', () => {
  const fail = (): never => {
    throw new Error('thrown by the user')
  }

  it('are CALLBACK for their record', async () => {
    await using store = open(text)
    const records = ['a', 'b']
    const source = from(records)
    for (const wrong of [
      () => store.update$('k', fail),
      () => source.pipe(lookupKV(store, fail)),
      () => source.pipe(lookupKV(store, record => record, { project: fail })),
      () => source.pipe(upsertKV(store, fail)),
      () => source.pipe(updateKV(store, record => record, fail)),
      () => source.pipe(processKV(store, fail, () => 'v')),
      () => source.pipe(processKV(store, record => record, fail)),
      () =>
        source.pipe(
          processKV(
            store,
            record => record,
            () => 'v',
            { project: fail },
          ),
        ),
    ]) {
      expect(await amid(store, wrong)).toBe('CALLBACK')
    }
    expect(await firstValueFrom(store.getAll$(['k', ...records]))).toEqual(new Map())
  })

  it('as subscribers are told by RxJS, and stop nothing', async () => {
    const told: unknown[] = []
    config.onUnhandledError = error => told.push(error)
    try {
      await using store = open(text)
      let expected = 0
      for (const begin of [
        () => store.put$('k', 'v'),
        () => store.get$('k'),
        () => store.getAll$(['k']),
        () => store.entries$(),
        () => store.watch$('k'),
        () => store.changes$(),
        () => of('k').pipe(lookupKV(store, key => key)),
        () =>
          of('k').pipe(
            processKV(
              store,
              key => key,
              () => 'w',
            ),
          ),
      ] as (() => Observable<unknown>)[]) {
        await amid(store, () => {
          begin().subscribe(fail)
          return begin().pipe(take(1))
        })
        expected++
        await until('RxJS has told', () => told.length >= expected)
      }
      expect(String(told[0])).toContain('thrown by the user')
    } finally {
      config.onUnhandledError = null
    }
  })
})

const collect = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

describe('who goes away', () => {
  const begin: Record<string, (store: KVStore<string>, key: string) => Observable<unknown>> = {
    get$: (store, key) => store.get$(key),
    getAll$: (store, key) => store.getAll$([key, 'other']),
    put$: (store, key) => store.put$(key, 'v'),
    'put$ if': (store, key) => store.put$(key, 'v', { ifVersion: 'absent' }),
    putAll$: (store, key) =>
      store.putAll$([
        [key, 'v'],
        ['other', 'v'],
      ]),
    delete$: (store, key) => store.delete$(key),
    update$: (store, key) => store.update$(key, value => `${value}v`.slice(-50)),
    transact$: (store, key) => store.transact$([{ type: 'put', key, value: 'v' }]),
    entries$: store => store.entries$(),
    keys$: store => store.keys$(),
    watch$: (store, key) => store.watch$(key),
    changes$: store => store.changes$(),
    lookupKV: (store, key) => from([key, 'other', key]).pipe(lookupKV(store, each => each)),
    processKV: (store, key) =>
      from([key, 'other', key]).pipe(
        processKV(
          store,
          each => each,
          () => 'v',
        ),
      ),
  }

  it(
    'at any moment is not answered, and what follows works',
    async () => {
      const random = seeded('who goes away')
      await using proxy = await startProxy(server.servers)
      await using store = zookeeperStore({ servers: proxy.servers, root: freshRoot('bad'), value: text })
      const names = Object.keys(begin)
      let answeredAfter = 0
      for (let round = 0; round < times(300, 3000); round++) {
        if (round % 20 === 0) proxy.set({ toClient: { delay: random.whole(0, 5) } })
        if (random.chance(0.03)) proxy.reset()
        const leaving: Promise<void>[] = []
        for (let i = 0; i < 5; i++) {
          let gone = false
          const subscription = begin[random.pick(names)]!(store, `k${random.whole(0, 5)}`).subscribe({
            next: () => gone && answeredAfter++,
            error: () => gone && answeredAfter++,
          })
          const leave = (): void => {
            subscription.unsubscribe()
            gone = true
          }
          const when = random.whole(0, 4)
          leaving.push(
            new Promise<void>(resolve => {
              if (when === 0) resolve(leave())
              else if (when === 1) queueMicrotask(() => resolve(leave()))
              else if (when === 2) process.nextTick(() => resolve(leave()))
              else if (when === 3) setImmediate(() => resolve(leave()))
              else setTimeout(() => resolve(leave()), random.whole(0, 8))
            }),
          )
        }
        const value = `${round}`
        await firstValueFrom(store.put$('mine', value))
        expect(await firstValueFrom(store.get$('mine'))).toBe(value)
        await Promise.all(leaving)
      }
      expect(answeredAfter).toBe(0)
    },
    patience,
  )

  it(
    '10,000 times leaves no listener, no watch on the server, and no memory behind',
    async () => {
      await using store = open(text)
      await firstValueFrom(store.put$('k', 'v'))
      const watches = async () => Number(/Total watches:(\d+)/.exec(await server.fourLetterWord('wchs'))![1])
      const before = await watches()
      const rounds = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          const all: Observable<unknown>[] = [
            store.watch$('k'),
            store.watch$(`k${i}`),
            store.changes$(),
            store.status$,
            store.get$(`k${i}`),
          ]
          const subscriptions = all.map(each => each.subscribe())
          if (i % 10 === 0) await firstValueFrom(store.get$('k'))
          for (const subscription of subscriptions) subscription.unsubscribe()
        }
        await until('no watch is left', async () => (await watches()) === before)
      }
      const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
      await rounds(1000)
      collect()
      const heap = process.memoryUsage().heapUsed
      const listening = listeners()
      await rounds(10_000)
      collect()
      // A hundred bytes a round would be a megabyte.
      expect(process.memoryUsage().heapUsed - heap).toBeLessThan(1_000_000)
      expect(listeners()).toBe(listening)
    },
    patience,
  )
})
