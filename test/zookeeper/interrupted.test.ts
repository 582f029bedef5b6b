import { firstValueFrom } from 'rxjs'
import { startProxy } from 'rxkeeper/testing'
import { describe, expect, it } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import type { Engine, Write, Written } from '../../src/contract/engine.ts'
import { nodeKey } from '../../src/contract/nodes.ts'
import type { ZooKeeperEngine } from '../../src/engines/zookeeper/engine.ts'
import { endSession } from '../../src/testing/expire-session.ts'
import { called, connectPlain, plain } from '../faults/support/plain.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { openEngine, put, reached, valuesOf, within } from './opening.ts'

const write = (engine: Engine, ...writes: Write[]) => firstValueFrom(engine.write(writes, within(20_000)))
const remove = (key: string, ifVersion?: number): Write => ({ type: 'delete', key, ifVersion })
const check = (key: string, ifVersion: number | 'absent'): Write => ({ type: 'check', key, ifVersion })

type Fate = 'its answer is lost' | 'it is lost'
type Proxy = Awaited<ReturnType<typeof startProxy>>

/** An engine behind a proxy, and one that goes straight to the server: another client, and the truth. */
async function place({ marks = true } = {}) {
  const root = freshRoot('interrupted')
  const proxy = await startProxy(servers)
  const engine = openEngine(proxy.servers, { root, timeout: 10_000 })
  const other = openEngine(servers, { root })
  await write(engine, put('first', ''))
  if (!marks) await forbidMarks(root)
  // The first conditional one finds out whether marks are permitted; where they are not, it is sent twice.
  await write(engine, put('second', '', 'absent'))
  return {
    root,
    proxy,
    engine,
    other,
    async [Symbol.asyncDispose]() {
      proxy.set()
      await engine.close()
      await other.close()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

/** Sends writes, which then are carried out without an answer, or never arrive; cuts the connection in the end. */
async function interrupt<T>(
  { proxy, engine }: { proxy: Proxy; engine: ZooKeeperEngine },
  fate: Fate,
  send: () => Promise<T>,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<T> {
  await reached(engine, 'connected')
  // Settles what was written before, so that its answers do not stand in for these.
  await valuesOf(engine, 'nothing')
  proxy.set(fate === 'it is lost' ? { toServer: { cut: true } } : { toClient: { cut: true } })
  const answer = send()
  answer.catch(() => {})
  await pause(100)
  await meanwhile()
  proxy.set()
  proxy.reset()
  return answer
}

/** Ends the session of `engine` on the server, while it can not hear of it. */
async function expire(engine: ZooKeeperEngine): Promise<void> {
  const id = BigInt(/session (0x[\da-f]+)/.exec((await reached(engine, 'connected')).reason)![1]!)
  const [host, port] = servers.split(':')
  expect(await endSession({ host: host!, port: Number(port) }, id)).toBe(true)
}

const fates: Fate[] = ['its answer is lost', 'it is lost']

interface Case {
  readonly before: Write[]
  readonly writes: Write[]
  readonly results: Partial<Written>[]
  /** What is stored in the end, with the version where it must be that. */
  readonly stored: Record<string, [value: string, version?: number] | undefined>
}

const CASES: Record<string, Case> = {
  // Without a condition it may be repeated, so that its version can be more than 0.
  'a put that creates': {
    before: [],
    writes: [put('k', 'v')],
    results: [{ revision: expect.any(Number) }],
    stored: { k: ['v'] },
  },
  'a put, conditional': {
    before: [put('k', '0')],
    writes: [put('k', 'v', 0)],
    results: [{ existed: true, version: 1 }],
    stored: { k: ['v', 1] },
  },
  'a put if absent': {
    before: [put('x', '0')],
    writes: [put('k', 'v', 'absent')],
    results: [{ existed: false, version: 0 }],
    stored: { k: ['v', 0] },
  },
  'a delete': {
    before: [put('k', '0')],
    writes: [remove('k')],
    results: [{ existed: true }],
    stored: { k: undefined },
  },
  'a delete of nothing': {
    before: [put('x', '0')],
    writes: [remove('k')],
    results: [{ existed: false }],
    stored: { k: undefined },
  },
  'a delete, conditional': {
    before: [put('k', '0')],
    writes: [remove('k', 0)],
    results: [{ existed: true }],
    stored: { k: undefined },
  },
  'a check': {
    before: [put('k', '0')],
    writes: [check('k', 0)],
    results: [{ existed: true }],
    stored: { k: ['0', 0] },
  },
  'a check for absence': {
    before: [put('x', '0')],
    writes: [check('k', 'absent')],
    results: [{ existed: false }],
    stored: { k: undefined },
  },
  'a mixture': {
    before: [put('a', '0'), put('b', '0'), put('b', '1'), put('c', '0')],
    writes: [
      put('a', '1'),
      put('b', '2', 1),
      remove('c'),
      put('d', '0', 'absent'),
      put('d', '1', 0),
      check('b', 2),
    ],
    results: [
      { existed: true, version: 1 },
      { existed: true, version: 2 },
      { existed: true },
      { existed: false, version: 0 },
      { existed: true, version: 1 },
      { existed: true },
    ],
    stored: { a: ['1', 1], b: ['2', 2], c: undefined, d: ['1', 1] },
  },
}

describe.each(fates)('when a request was sent and %s', fate => {
  describe.each(['write', 'commit'] as const)('a %s of', method => {
    it.each(Object.keys(CASES))('%s ends with its own result, done once', async name => {
      await using here = await place()
      const { before, writes, results, stored } = CASES[name]!
      if (before.length > 0) await write(here.engine, ...before)
      const answer = await interrupt(here, fate, () =>
        firstValueFrom(here.engine[method](writes, within(20_000)) as ReturnType<Engine['write']>),
      )
      expect(answer).toMatchObject(results)
      const keys = Object.keys(stored)
      const found = await firstValueFrom(here.other.read(keys, within(20_000)))
      for (const [i, key] of keys.entries()) {
        const [value, version = expect.any(Number)] = stored[key] ?? []
        if (value === undefined) expect(found[i]).toBeUndefined()
        else expect(found[i]).toMatchObject({ value: Buffer.from(value), version })
      }
    })

    it('a write whose condition does not hold any more is VERSION_CONFLICT, if it was not done', async () => {
      await using here = await place()
      await write(here.engine, put('k', '0'))
      const sending = interrupt(
        here,
        fate,
        () =>
          firstValueFrom(
            here.engine[method]([put('k', 'v', 0)], within(20_000)) as ReturnType<Engine['write']>,
          ),
        () => write(here.other, put('k', 'other')),
      )
      const answer = await sending.then(
        ([result]) => result!,
        (error: KVError) => error,
      )
      if (fate === 'it is lost') expect(answer).toMatchObject({ code: 'VERSION_CONFLICT' })
      else expect(answer).toMatchObject({ version: 1 })
      expect(await valuesOf(here.other, 'k')).toEqual(['other'])
    })
  })
})

/** What a request ends with whose answer, or which itself, is lost with the session; and what is stored then. */
const expired = async (
  { marks }: { marks: boolean },
  fate: Fate,
  before: Write[],
  writes: Write[],
  meanwhile: (other: Engine) => Promise<unknown> = async () => {},
) => {
  await using here = await place({ marks })
  if (before.length > 0) await write(here.engine, ...before)
  const answer = await interrupt(
    here,
    fate,
    () => write(here.engine, ...writes),
    async () => {
      await meanwhile(here.other)
      await expire(here.engine)
    },
  )
  return { answer, values: await valuesOf(here.other, ...writes.map(({ key }) => key)) }
}

/** Makes the node below which marks are, so that nobody may make any. */
async function forbidMarks(root: string): Promise<void> {
  const client = await connectPlain(servers)
  try {
    const folder = `${root}/%writers`
    await called<string>(done => client.create(folder, null, plain.CreateMode.PERSISTENT, done))
    await called(done => client.setACL(folder, plain.ACL.READ_ACL_UNSAFE, -1, done))
  } finally {
    client.close()
  }
}

describe('when the session expires after a request was sent', () => {
  const after = (
    fate: Fate,
    before: Write[],
    writes: Write[],
    meanwhile?: (other: Engine) => Promise<unknown>,
  ) => expired({ marks: true }, fate, before, writes, meanwhile)

  it.each(fates)('a conditional put is done, once; %s', async fate => {
    const { answer, values } = await after(fate, [put('k', '0')], [put('k', 'v', 0)])
    expect(answer).toMatchObject([{ version: 1 }])
    expect(values).toEqual(['v'])
  })

  it('a conditional put that was written over is done, or else VERSION_CONFLICT', async () => {
    const overwrite = (other: Engine) => write(other, put('k', '1'), put('k', '2'))
    const done = await after('its answer is lost', [put('k', '0')], [put('k', 'v', 0)], overwrite)
    expect(done).toMatchObject({ answer: [{ version: 1 }], values: ['2'] })
    const refused = await after('it is lost', [put('k', '0')], [put('k', 'v', 0)], overwrite)
    expect(refused).toMatchObject({ answer: [{ code: 'VERSION_CONFLICT' }], values: ['2'] })
  })

  it.each(fates)('a put if absent is done, once; %s', async fate => {
    const { answer, values } = await after(fate, [put('x', '')], [put('k', 'v', 'absent')])
    expect(answer).toMatchObject([{ existed: false, version: 0 }])
    expect(values).toEqual(['v'])
  })

  it.each(fates)('a delete is done, once; %s', async fate => {
    const { answer, values } = await after(fate, [put('k', '')], [remove('k')])
    expect(answer).toMatchObject([{ existed: true }])
    expect(values).toEqual([undefined])
  })
})

describe('when the session expires after a request was sent, and marks are not permitted', () => {
  const after = (
    fate: Fate,
    before: Write[],
    writes: Write[],
    meanwhile?: (other: Engine) => Promise<unknown>,
  ) => expired({ marks: false }, fate, before, writes, meanwhile)

  it('a conditional put that left no trace but its own bytes is INDETERMINATE', async () => {
    const { answer } = await after('its answer is lost', [put('k', '0')], [put('k', 'v', 0)])
    expect(answer).toMatchObject([{ code: 'INDETERMINATE', key: 'k' }])
  })

  it('a conditional put that never arrived is done then', async () => {
    const { answer, values } = await after('it is lost', [put('k', '0')], [put('k', 'v', 0)])
    expect(answer).toMatchObject([{ version: 1 }])
    expect(values).toEqual(['v'])
  })

  it('a conditional put that never arrived, and somebody wrote other bytes, is VERSION_CONFLICT', async () => {
    const { answer, values } = await after('it is lost', [put('k', '0')], [put('k', 'v', 0)], other =>
      write(other, put('k', 'other')),
    )
    expect(answer).toMatchObject([{ code: 'VERSION_CONFLICT' }])
    expect(values).toEqual(['other'])
  })

  it('a conditional put that was written over is INDETERMINATE, done or not', async () => {
    for (const fate of fates) {
      const { answer } = await after(fate, [put('k', '0')], [put('k', 'v', 0)], other =>
        write(other, put('k', '1'), put('k', '2')),
      )
      expect(answer).toMatchObject([{ code: 'INDETERMINATE' }])
    }
  })

  it('a put if absent is INDETERMINATE, whether there is something now or not', async () => {
    for (const fate of fates) {
      const { answer } = await after(fate, [put('x', '')], [put('k', 'v', 'absent')])
      expect(answer).toMatchObject([{ code: 'INDETERMINATE' }])
    }
  })

  it('a delete that finds nothing is INDETERMINATE, one that finds the key is done', async () => {
    const { answer } = await after('its answer is lost', [put('k', '')], [remove('k')])
    expect(answer).toMatchObject([{ code: 'INDETERMINATE', key: 'k' }])
    const arrived = await after('it is lost', [put('k', '')], [remove('k')])
    expect(arrived).toMatchObject({ answer: [{ existed: true }], values: [undefined] })
  })

  it('an unconditional put is done', async () => {
    for (const fate of fates) {
      const { answer, values } = await after(fate, [put('k', '0')], [put('k', 'v')])
      expect(answer[0]).not.toBeInstanceOf(KVError)
      expect(values).toEqual(['v'])
    }
  })

  it('one certain trace decides for all that went together', async () => {
    const { answer, values } = await after(
      'it is lost',
      [put('a', '0')],
      [put('a', '1', 0), put('b', '1', 'absent')],
    )
    expect(answer).toMatchObject([{ version: 1 }, { version: 0 }])
    expect(values).toEqual(['1', '1'])
  })
})

describe('when the time is over', () => {
  it('what was sent is INDETERMINATE, what was not is TIMEOUT', async () => {
    await using here = await place()
    await write(here.engine, put('k', '0'))
    here.proxy.set({ toClient: { cut: true } })
    const sent = [put('k', '1'), put('k', '1', 0), remove('k'), put('n', '1', 'absent')].map(each =>
      firstValueFrom(here.engine.write([each], within(400))),
    )
    const committed = firstValueFrom(here.engine.commit([put('k', '1', 0)], within(400))).catch(error => [
      error,
    ])
    for (const [result] of await Promise.all([...sent, committed]))
      expect(result).toMatchObject({ code: 'INDETERMINATE' })
    here.proxy.set({ connect: 'hang' })
    here.proxy.reset()
    await reached(here.engine, 'suspended')
    expect(await firstValueFrom(here.engine.write([put('k', '1')], within(100)))).toMatchObject([
      { code: 'TIMEOUT' },
    ])
  })

  it('so it is with a close', async () => {
    await using here = await place()
    await write(here.engine, put('k', '0'))
    here.proxy.set({ toClient: { cut: true } })
    const sent = write(here.engine, put('k', '1', 0))
    await pause(50)
    here.proxy.set({ connect: 'hang' })
    here.proxy.reset()
    await reached(here.engine, 'suspended')
    const waiting = write(here.engine, put('k', '1', 0))
    await here.engine.close()
    expect(await sent).toMatchObject([{ code: 'INDETERMINATE' }])
    expect(await waiting).toMatchObject([{ code: 'CLOSED' }])
  })
})

describe('counting while connections break', () => {
  it('every increment that was acknowledged is there, no other', async () => {
    await using here = await place()
    const { proxy, engine, other } = here
    const keys = Array.from({ length: 6 }, (_, i) => `k${i}`)
    await write(engine, ...keys.map(key => put(key, '0')))
    let acknowledged = 0
    let indeterminate = 0
    let stop = false
    // Each of several loops, on both engines, reads all counters and adds one to each, on the condition of what it read.
    const count = async (from: ZooKeeperEngine) => {
      while (!stop) {
        const read = await firstValueFrom(from.read(keys, within(20_000)))
        const writes = read.map((stored, i) => {
          if (stored === undefined || stored instanceof KVError) throw stored
          return put(keys[i]!, String(Number(String(stored.value)) + 1), stored.version)
        })
        for (const result of await write(from, ...writes)) {
          if (!(result instanceof KVError)) acknowledged++
          else if (result.code === 'INDETERMINATE') indeterminate++
          else expect(result.code).toBe('VERSION_CONFLICT')
        }
      }
    }
    const counting = [engine, engine, engine, other].map(count)
    const until = performance.now() + 6000
    for (let i = 0; performance.now() < until; i++) {
      await pause(20 + Math.random() * 80)
      if (i % 3 === 0) proxy.set({ toClient: { cut: true } })
      if (i % 3 === 1) proxy.set({ toServer: { cut: true } })
      await pause(Math.random() * 20)
      proxy.set()
      proxy.reset()
    }
    stop = true
    await Promise.all(counting)
    const sum = (await valuesOf(other, ...keys)).reduce((total, value) => total + Number(value), 0)
    expect(indeterminate).toBe(0)
    expect(sum).toBe(acknowledged)
    expect(acknowledged).toBeGreaterThan(100)
  })

  it.each(fates)('a claim and a commit with its fence are carried out once when %s', async fate => {
    await using where = await place()
    const { engine, other } = where
    const owner = nodeKey('groups', 'g', 'owners', 'p')
    const partition = nodeKey('groups', 'g', 'partitions', 'p')
    const commit = (...writes: Write[]) => firstValueFrom(engine.commit(writes, within(20_000)))
    const claimed = await interrupt(where, fate, () =>
      commit(
        { ...put(owner, 'me', 'absent'), ephemeral: true },
        put(partition, '0', 'absent'),
        put(partition, '0', 0),
      ),
    )
    expect(claimed.map(({ version }) => version)).toEqual([0, 0, 1])
    const committed = await interrupt(where, fate, () => commit(put(partition, '1', 1), put('k', 'v')))
    expect(committed[0]).toMatchObject({ existed: true, version: 2 })
    expect(await valuesOf(other, owner, partition, 'k')).toEqual(['me', '1', 'v'])
    // The owner went with the session that made it.
    await engine.close()
    expect(await valuesOf(other, owner)).toEqual([undefined])
  })
})
