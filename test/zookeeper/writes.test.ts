import fc from 'fast-check'
import { firstValueFrom, lastValueFrom } from 'rxjs'
import { startZooKeeper } from 'rxkeeper/testing'
import { describe, expect, it } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import type { Engine, Write, Written } from '../../src/contract/engine.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { KeyLayout } from '../../src/engines/zookeeper/layout/key-layout.ts'
import { limitsOf } from '../../src/engines/zookeeper/operations/limits.ts'
import { ReplySize } from '../../src/engines/zookeeper/operations/reply-size.ts'
import { PacketLimit } from '../../src/engines/zookeeper/session/packet-limit.ts'
import { encodeAcl } from '../../src/engines/zookeeper/wire/requests.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, OPEN_ACL, openEngine, put, valuesOf, within } from './opening.ts'

const write = (engine: Engine, ...writes: Write[]) => firstValueFrom(engine.write(writes, within(20_000)))
const commit = (engine: Engine, ...writes: Write[]) => firstValueFrom(engine.commit(writes, within(20_000)))
const remove = (key: string, ifVersion?: number): Write => ({ type: 'delete', key, ifVersion })
const check = (key: string, ifVersion: number | 'absent'): Write => ({ type: 'check', key, ifVersion })

describe('writes', () => {
  const keys = fc.constantFrom('a', 'b', 'c/d', '.')
  const conditions = fc.option(fc.oneof(fc.nat({ max: 3 }), fc.constant('absent' as const)), {
    nil: undefined,
    freq: 2,
  })
  const writes: fc.Arbitrary<Write> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(keys, fc.string(), conditions)
        .map(([key, value, ifVersion]) => put(key, value, ifVersion)),
    },
    fc
      .tuple(keys, fc.option(fc.nat({ max: 3 }), { nil: undefined }))
      .map(([key, ifVersion]) => remove(key, ifVersion)),
    fc
      .tuple(keys, fc.oneof(fc.nat({ max: 3 }), fc.constant('absent' as const)))
      .map(([key, ifVersion]) => check(key, ifVersion)),
  )
  const batches = fc.array(fc.record({ atomic: fc.boolean(), writes: fc.array(writes, { maxLength: 10 }) }), {
    maxLength: 6,
  })

  /** What can be compared: revisions are the engine's own. */
  const comparable = (results: readonly (Written | KVError)[]) =>
    results.map(result => (result instanceof KVError ? result.code : [result.existed, result.version]))
  const outcome = async (engine: Engine, atomic: boolean, batch: readonly Write[]) => {
    const due = within(20_000)
    try {
      return comparable(await lastValueFrom(atomic ? engine.commit(batch, due) : engine.write(batch, due)))
    } catch (error) {
      return (error as KVError).code
    }
  }

  it('do what they do in memory, each for itself and all or none', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async sequence => {
        await using engine = openEngine(servers, { root: freshRoot('writes') })
        const model = new MemoryEngine(new Memory())
        for (const { atomic, writes } of sequence) {
          expect(await outcome(engine, atomic, writes)).toEqual(await outcome(model, atomic, writes))
        }
        const all = ['a', 'b', 'c/d', '.']
        const stored = async (from: Engine) =>
          (await firstValueFrom(from.read(all, within(20_000)))).map(each =>
            each === undefined || each instanceof KVError ? each : [String(each.value), each.version],
          )
        expect(await stored(engine)).toEqual(await stored(model))
      }),
      { numRuns: 150 },
    )
  })

  it('tell the revision that reads show', async () => {
    await using engine = openEngine(servers, { root: freshRoot('writes') })
    const results = await write(engine, put('a', '1'), put('b', '1'))
    const again = await commit(engine, put('a', '2'), put('c', '1', 'absent'))
    const [a, b, c] = await firstValueFrom(engine.read(['a', 'b', 'c'], within(20_000)))
    expect([a, b, c]).toMatchObject([
      { version: 1, revision: again[0]!.revision },
      { version: 0, revision: (results[1] as Written).revision },
      { version: 0, revision: again[1]!.revision },
    ])
  })

  it('take no version for any version', async () => {
    await using engine = openEngine(servers, { root: freshRoot('writes') })
    await write(engine, put('k', '0'), put('k', '1'))
    for (const version of [-1, 0.5, Number.NaN, 2 ** 31, -(2 ** 31), Number.POSITIVE_INFINITY]) {
      const attempts: Write[] = [put('k', 'x', version), remove('k', version), check('k', version)]
      expect(await write(engine, ...attempts)).toMatchObject(
        attempts.map(() => ({ code: 'VERSION_CONFLICT', key: 'k' })),
      )
      for (const each of attempts) {
        expect((await failureOf(engine.commit([each], within(20_000)))).code).toBe('VERSION_CONFLICT')
      }
    }
    // Version 0 is a version, too: a stale one here.
    expect(await write(engine, put('k', 'x', 0))).toMatchObject([{ code: 'VERSION_CONFLICT' }])
    expect(await valuesOf(engine, 'k')).toEqual(['1'])
  })

  it('name key, expected and actual version in a conflict', async () => {
    await using engine = openEngine(servers, { root: freshRoot('writes') })
    await write(engine, put('a', '0'), put('b', '0'))
    const [first, second] = await write(engine, put('b', 'x', 5), put('a', 'x', 5), put('b', 'y'))
    expect((first as KVError).message).toBe('expected "b" at version 5, it is not')
    expect((second as KVError).message).toBe('expected "a" at version 5, it is at version 0')
    expect(await failureOf(engine.commit([put('c', 'x', 3)], within(20_000)))).toMatchObject({
      message: 'expected "c" at version 3, it is absent',
      key: 'c',
    })
  })

  it('create the root again when another client has deleted it', async () => {
    const root = `${freshRoot('writes')}/deep/er`
    await using engine = openEngine(servers, { root })
    expect(await valuesOf(engine, 'k')).toEqual([undefined])
    expect(await firstValueFrom(engine.keys({}).next(within(20_000)))).toEqual([])
    await commit(engine, put('k', '0', 'absent'))
    await using above = openEngine(servers, { root: root.slice(0, root.lastIndexOf('/')) })
    await commit(engine, remove('k'))
    // Its writer mark is below it until then.
    await engine.close()
    await write(above, remove('er'))
    await using again = openEngine(servers, { root })
    expect(
      await write(again, put('k', '1'), put('l', '1', 'absent'), check('m', 'absent'), remove('n')),
    ).toMatchObject([{ version: 0 }, { version: 0 }, { existed: false }, { existed: false }])
    expect(await valuesOf(again, 'k', 'l')).toEqual(['1', '1'])
  })

  it('of many writers at once are all carried out, each version once', async () => {
    const root = freshRoot('writes')
    await using one = openEngine(servers, { root })
    await using other = openEngine(servers, { root })
    const versions: number[] = []
    await Promise.all(
      [one, other].flatMap(engine =>
        Array.from({ length: 4 }, async () => {
          for (let i = 0; i < 25; i++) {
            const results = await write(
              engine,
              ...Array.from({ length: 5 }, (_, n) => put(`k${n}`, String(i))),
            )
            versions.push((results[0] as Written).version)
          }
        }),
      ),
    )
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i))
  })

  it('of keys that others create and delete all the time are carried out', async () => {
    const root = freshRoot('writes')
    await using engine = openEngine(servers, { root })
    await using other = openEngine(servers, { root })
    let stop = false
    const disturbing = (async () => {
      while (!stop) await write(other, put('k1', 'other'), remove('k1'), put('k3', 'other'), remove('k3'))
    })()
    for (let i = 0; i < 30; i++) {
      const results = await write(engine, ...Array.from({ length: 5 }, (_, n) => put(`k${n}`, 'mine')))
      for (const result of results) expect(result).not.toBeInstanceOf(KVError)
    }
    stop = true
    await disturbing
  })
})

describe('a write that the server refuses', () => {
  const secret = encodeAcl([{ perms: 31, scheme: 'auth', id: '' }])
  const credentials = { user: 'alice', password: 'secret' }

  it('for want of permission is AUTH, its neighbours are carried out', async () => {
    const root = freshRoot('writes')
    await using open = openEngine(servers, { root })
    await using owner = openEngine(servers, { root, credentials, acl: secret })
    await write(open, put('root', ''))
    await write(owner, put('mine', '0'), put('mine too', '0'))
    const results = await write(
      open,
      put('a', '1'),
      put('mine', '1'),
      put('b', '1'),
      remove('mine too', 0),
      put('c', '1'),
    )
    expect(results).toMatchObject([
      { version: 0 },
      { code: 'AUTH', key: 'mine' },
      { version: 0 },
      // Whoever may change the root's children may delete them.
      { existed: true },
      { version: 0 },
    ])
    const read = await firstValueFrom(open.read(['a', 'mine', 'b'], within(20_000)))
    expect(read).toMatchObject([{ version: 0 }, { code: 'AUTH', key: 'mine' }, { version: 0 }])
    expect((await failureOf(open.commit([put('a', '2'), put('mine', '2')], within(20_000)))).code).toBe(
      'AUTH',
    )
    expect(await valuesOf(open, 'a')).toEqual(['1'])
    expect(await valuesOf(owner, 'mine')).toEqual(['0'])
  })

  it('under a root of another user is AUTH, for reads and writes, listing and all', async () => {
    const root = freshRoot('writes')
    await using owner = openEngine(servers, { root, credentials, acl: secret })
    await using stranger = openEngine(servers, { root })
    await commit(owner, put('k', '0', 'absent'))
    expect(await firstValueFrom(stranger.read(['k'], within(20_000)))).toMatchObject([{ code: 'AUTH' }])
    for (const each of [
      put('k', '1'),
      put('k', '1', 0),
      put('new', '1'),
      put('new', '1', 'absent'),
      remove('k'),
      remove('k', 0),
    ]) {
      expect(await write(stranger, each)).toMatchObject([{ code: 'AUTH', key: each.key }])
      expect((await failureOf(stranger.commit([each], within(20_000)))).code).toBe('AUTH')
    }
    expect((await failureOf(stranger.keys({}).next(within(20_000)))).code).toBe('AUTH')
    expect((await failureOf(stranger.entries({}).next(within(20_000)))).code).toBe('AUTH')
    await using wrong = openEngine(servers, {
      root,
      credentials: { ...credentials, password: 'guess' },
      acl: secret,
    })
    expect(await write(wrong, put('k', '1'))).toMatchObject([{ code: 'AUTH' }])
    await using right = openEngine(servers, { root, credentials, acl: secret })
    expect(await write(right, put('k', '1', 0))).toMatchObject([{ version: 1 }])
  })

  it('because a foreign client put nodes below it is ENGINE', async () => {
    const root = freshRoot('writes')
    await using engine = openEngine(servers, { root })
    await write(engine, put('k', '0'), put('l', '0'))
    await using below = openEngine(servers, { root: `${root}/k` })
    await write(below, put('deep', '0'))
    const results = await write(engine, remove('l'), remove('k'), put('m', '0'))
    expect(results).toMatchObject([{ existed: true }, { code: 'ENGINE', key: 'k' }, { version: 0 }])
    expect((results[1] as KVError).message).toContain('nodes below it')
  })

  it('for a quota is QUOTA, its neighbours are carried out', async () => {
    await using server = await startZooKeeper({ enforceQuota: true })
    await using engine = openEngine(server.servers, { root: '/limited' })
    await write(engine, put('a', 'x'), put('b', 'x'))
    // As `setquota -B 200` of zkCli.sh does.
    await using quota = openEngine(server.servers, { root: '/zookeeper/quota/limited' })
    const bytes = (limit: number) => `count=-1,bytes=-1=;byteHardLimit=${limit};countHardLimit=-1`
    await write(quota, put('zookeeper_limits', bytes(200)), put('zookeeper_stats', 'count=3,bytes=2'))
    const results = await write(engine, put('a', 'y'), put('b', Buffer.alloc(300)), put('c', 'y'))
    expect(results).toMatchObject([{ version: 1 }, { code: 'QUOTA', key: 'b' }, { version: 0 }])
    expect((await failureOf(engine.commit([put('b', Buffer.alloc(300), 0)], within(20_000)))).code).toBe(
      'QUOTA',
    )
  })
})

describe('sizes', () => {
  const PACKET = 1_048_575
  const root = freshRoot('sizes')
  const { valueBytes, keyBytes } = limitsOf(
    new KeyLayout(root, 0),
    OPEN_ACL,
    new PacketLimit(PACKET),
    new ReplySize(),
  )

  it('are taken up to the last byte that the server takes, and refused from the next', async () => {
    await using engine = openEngine(servers, { root })
    const states: string[] = []
    engine.status$.subscribe(({ state }) => states.push(state))
    const most = valueBytes('k')
    for (let size = most - 3; size <= most + 3; size++) {
      const value = Buffer.alloc(size, size)
      const expected = size <= most ? { version: 0 } : { code: 'VALUE_TOO_LARGE', key: 'k' }
      expect(await write(engine, put('k', value), put('l', ''))).toMatchObject([expected, { existed: false }])
      if (size <= most)
        expect(await write(engine, put('k', value), put('k', value, 1))).toMatchObject([
          { version: 1 },
          { version: 2 },
        ])
      await write(engine, remove('k'), remove('l'))
    }
    expect(states).toEqual(['suspended', 'connected'])
  })

  it('of a transaction are taken up to the last byte, and refused from the next', async () => {
    await using engine = openEngine(servers, { root })
    await write(engine, put('a', ''), put('b', ''))
    const fixed = valueBytes('a')
    let least = 0
    let most = fixed
    // The size of the second value at which the transaction is refused.
    while (most - least > 1) {
      const size = (least + most) >> 1
      const answer = engine.commit(
        [put('a', Buffer.alloc(500_000)), put('b', Buffer.alloc(size))],
        within(20_000),
      )
      const code = await firstValueFrom(answer).then(
        () => undefined,
        (error: KVError) => error.code,
      )
      if (code === undefined) least = size
      else {
        expect(code).toBe('VALUE_TOO_LARGE')
        most = size
      }
    }
    // Number and type, the end; the check of the root; and for each set header, path, data and version.
    const check = 9 + 4 + root.length + 4
    const expected = PACKET - 8 - 9 - check - 2 * (9 + 4 + root.length + 2 + 4 + 4) - 500_000
    expect(least).toBe(expected)
  })

  it('of a batch are taken however they add up', async () => {
    await using engine = openEngine(servers, { root })
    const writes = Array.from({ length: 10 }, (_, n) => put(`big ${n}`, Buffer.alloc(400_000, n)))
    expect(await write(engine, ...writes)).toMatchObject(writes.map(() => ({ version: 0 })))
    const read = await firstValueFrom(
      engine.read(
        writes.map(({ key }) => key),
        within(20_000),
      ),
    )
    for (const [n, stored] of read.entries()) {
      expect(stored).toMatchObject({ version: 0 })
      if (!(stored instanceof KVError)) expect(Buffer.from(stored!.value).equals(writes[n]!.value)).toBe(true)
    }
  })

  it('of keys are taken up to the limit, many at a time', async () => {
    await using engine = openEngine(servers, { root })
    // Each of these characters takes nine bytes in a path.
    const keys = Array.from({ length: 5 }, (_, n) => `${n}${'\ue000'.repeat(Math.floor((keyBytes - 1) / 3))}`)
    expect(Buffer.byteLength(keys[0]!)).toBeGreaterThan(keyBytes - 3)
    expect(await write(engine, ...keys.map(key => put(key, '')))).toMatchObject(
      keys.map(() => ({ version: 0 })),
    )
    expect(await valuesOf(engine, ...keys)).toEqual(keys.map(() => ''))
    expect(await write(engine, ...keys.map(key => remove(key)))).toMatchObject(
      keys.map(() => ({ existed: true })),
    )
  })
})
