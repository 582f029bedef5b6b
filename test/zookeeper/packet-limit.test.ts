import fc from 'fast-check'
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import { bytes, type KVError, type KVStore, zookeeperStore } from 'rxkeeper'
import { startZooKeeper } from 'rxkeeper/testing'
import { describe, expect, it } from 'vitest'
import { PacketLimit } from '../../src/engines/zookeeper/session/packet-limit.ts'

/** Does on connections what is to be found out, of servers that take so much, until there is nothing; `breaks` in between. */
function measure(limit: PacketLimit, taken: number, breaks: (size: number) => boolean): number {
  let connections = 0
  for (let size = limit.next(); size !== undefined; size = limit.next()) {
    if (size <= taken && !breaks(size)) limit.answered(size)
    else {
      connections++
      limit.closedOn(size)
    }
  }
  return connections
}

describe('the limit', () => {
  const sizes = fc.record({ taken: fc.integer({ min: 2000, max: 2_000_000 }), over: fc.integer({ min: 1 }) })

  it('is found exactly, in few connections', () => {
    fc.assert(
      fc.property(sizes, ({ taken, over }) => {
        const limit = new PacketLimit(5_000_000)
        limit.closedOn(Math.min(taken + over, 5_000_000))
        expect(measure(limit, taken, () => false)).toBeLessThan(28)
        expect(limit.bytes).toBe(taken)
        expect(limit.reason).toContain('jute.maxbuffer')
      }),
    )
  })

  it('is not found where the size is not the reason, however connections break', () => {
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.integer({ max: 3, min: 0 })), ({ taken, over }, chance) => {
        const limit = new PacketLimit(5_000_000)
        limit.closedOn(Math.min(taken + over, 5_000_000))
        // Not with one size three times in a row, which is what it takes.
        const inARow = new Map<number, number>()
        measure(limit, 5_000_000, size => {
          const before = inARow.get(size) ?? 0
          const breaks = chance.next().value === 0 && before < 2
          inARow.set(size, breaks ? before + 1 : 0)
          return breaks
        })
        expect(limit.bytes).toBe(5_000_000)
      }),
    )
  })

  it('is not looked for where what is larger was answered', () => {
    const limit = new PacketLimit(5_000_000)
    limit.answered(70_000)
    expect(limit.closedOn(70_000)).toBe(false)
    expect(limit.next()).toBeUndefined()
    expect(limit.reason).toBe('`maxPacketBytes` is 5000000')
  })
})

describe('a server that takes less than `maxPacketBytes`', () => {
  const TAKEN = 65_536
  const failure = (promise: Promise<unknown>): Promise<KVError> =>
    promise.then(
      value => Promise.reject(new Error(`expected an error, got ${value}`)),
      (error: KVError) => error,
    )

  async function opened(): Promise<{ store: KVStore<Uint8Array> } & AsyncDisposable> {
    const server = await startZooKeeper({ systemProperties: { 'jute.maxbuffer': String(TAKEN) } })
    const store = zookeeperStore({ servers: server.servers, root: '/r', value: bytes, timeout: 30_000 })
    return {
      store,
      [Symbol.asyncDispose]: async () => {
        await store.close()
        await server.stop()
      },
    }
  }

  it('fails what is too large for it, says what is configured wrongly, and carries out the rest', async () => {
    await using place = await opened()
    const { store } = place
    let suspended = 0
    store.status$.subscribe(({ state }) => (suspended += state === 'suspended' ? 1 : 0))
    await firstValueFrom(store.put$('a', new Uint8Array(10)))
    const before = suspended
    const large = failure(firstValueFrom(store.put$('large', new Uint8Array(100_000))))
    const small = Array.from({ length: 50 }, (_, i) =>
      firstValueFrom(store.put$(`small${i}`, new Uint8Array(3000))),
    )
    const counts = Array.from({ length: 50 }, () =>
      firstValueFrom(store.update$('n', value => new Uint8Array((value?.length ?? 0) + 1))),
    )
    const error = await large
    expect(error).toMatchObject({ code: 'VALUE_TOO_LARGE', key: 'large' })
    expect(error.message).toContain(
      `up to ${TAKEN} bytes (their jute.maxbuffer), although \`maxPacketBytes\` is 1048575`,
    )
    await Promise.all([...small, ...counts])
    expect((await firstValueFrom(store.get$('n')))?.length).toBe(50)
    expect(await lastValueFrom(store.keys$().pipe(toArray()))).toHaveLength(52)

    // From now on nothing breaks any more.
    const known = suspended
    expect(known).toBeGreaterThan(before)
    expect((await failure(firstValueFrom(store.put$('large', new Uint8Array(100_000))))).code).toBe(
      'VALUE_TOO_LARGE',
    )
    expect((await failure(firstValueFrom(store.update$('large', () => new Uint8Array(100_000))))).code).toBe(
      'VALUE_TOO_LARGE',
    )
    const pairs = Array.from({ length: 10 }, (_, i) => [`p${i}`, new Uint8Array(10_000)] as const)
    expect((await failure(firstValueFrom(store.putAll$(pairs)))).code).toBe('VALUE_TOO_LARGE')
    expect(await firstValueFrom(store.get$('k'.repeat(80_000)))).toBeUndefined()
    await firstValueFrom(store.put$('fits', new Uint8Array(65_000)))
    expect(suspended).toBe(known)
  })

  it('finds out too where a write is conditional, and where it is the first', async () => {
    await using place = await opened()
    const { store } = place
    const error = await failure(
      firstValueFrom(store.put$('large', new Uint8Array(100_000), { ifVersion: 'absent' })),
    )
    expect(error).toMatchObject({ code: 'VALUE_TOO_LARGE', key: 'large' })
    expect(await firstValueFrom(store.get$('large'))).toBeUndefined()
  })
})
