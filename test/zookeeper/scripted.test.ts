import { firstValueFrom, map, take, tap, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { KVError } from '../../src/base/errors.ts'
import { Op } from '../../src/engines/zookeeper/wire/protocol.ts'
import { failureOf, openEngine, put, reached, valuesOf, within } from './opening.ts'
import { type Asked, framed, int, long, ScriptedServer } from './scripted-server.ts'

const MULTI_END = Buffer.concat([int(-1), Buffer.from([1]), int(-1)])
const result = (type: number, body: Buffer): Buffer =>
  Buffer.concat([int(type), Buffer.from([0]), int(-1), body])
const errorResult = (code: number): Buffer => result(Op.error, int(code))
const stat = ({ version = 0, mzxid = 5n, czxid = 5n } = {}): Buffer =>
  Buffer.concat([
    long(czxid),
    long(mzxid),
    long(0n),
    long(0n),
    int(version, 0, 0),
    long(0n),
    int(1, 0),
    long(0n),
  ])
const node = (value: string, at = {}): Buffer =>
  result(Op.getData, Buffer.concat([int(value.length), Buffer.from(value), stat(at)]))

const event = (path: string): Buffer =>
  framed(int(-1), long(-1n), int(0), int(3, 3, path.length), Buffer.from(path))

/** What a multi of writes begins with: the check of the root. */
const checked = result(Op.check, Buffer.alloc(0))

/** Answers every multi as if it had been carried out by one `setData`, every read with one node. */
const obliging = (asked: Asked): void => {
  if (asked.type === Op.multi)
    asked.reply(0, Buffer.concat([checked, result(Op.setData, stat({ version: 1 })), MULTI_END]), 9)
  else if (asked.type === Op.multiRead) asked.reply(0, Buffer.concat([node('v'), MULTI_END]), 9)
  else asked.reply(0)
}

const pairOf = (i: number) => [put(`${i}a`, 'v'), put(`${i}b`, 'v')]

/** Answers as a server does whose root `/r` is not there, and every multi as creations. */
const rootless =
  (types: number[]) =>
  (asked: Asked): void => {
    types.push(asked.type)
    const created = (path: string) => result(Op.create, Buffer.concat([int(path.length), Buffer.from(path)]))
    if (asked.type === Op.multiRead) asked.reply(0, Buffer.concat([errorResult(-101), MULTI_END]))
    else if (types.filter(type => type === Op.multi).length === 1)
      asked.reply(0, Buffer.concat([created('/r'), MULTI_END]), 9)
    else asked.reply(0, Buffer.concat([checked, created('/r/x'), created('/r/y'), MULTI_END]), 9)
  }

describe('an error code for a whole request', () => {
  // Those that node-zookeeper-client does not know, and one that nobody knows.
  it.each([
    [-125, 'QUOTA'],
    [-102, 'AUTH'],
    [-6, 'UNSUPPORTED'],
    [-999, 'ENGINE'],
    [-2, 'ENGINE'],
  ])('%i is %s for that request, and the next one works', async (code, expected) => {
    await using server = await ScriptedServer.start({ answer: asked => asked.reply(code) })
    await using engine = openEngine(server.servers)
    expect((await failureOf(engine.read(['k'], within(10_000)))).code).toBe(expected)
    const [written] = await firstValueFrom(engine.write([put('k', 'v', 1)], within(10_000)))
    expect(written).toMatchObject({ code: expected, key: 'k' })
    expect((await failureOf(engine.commit([put('k', 'v', 1)], within(10_000)))).code).toBe(expected)
    server.script.answer = obliging
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    expect(server.connections).toBe(1)
  })

  it('-127, throttled, is tried again until it is done', async () => {
    let refusals = 0
    const answer = (asked: Asked) => {
      if (refusals++ % 3 < 2) asked.reply(-127)
      else obliging(asked)
    }
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers)
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    expect(await firstValueFrom(engine.write([put('k', 'v')], within(10_000)))).toEqual([
      { existed: true, version: 1, revision: 9 },
    ])
  })

  it('-127, throttled, for a watch is tried again', async () => {
    let refused = false
    const answer = (asked: Asked) => {
      if (asked.type === Op.addWatch && !refused) {
        refused = true
        asked.reply(-127)
      } else obliging(asked)
    }
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers)
    expect(await firstValueFrom(engine.watch())).toEqual({ type: 'armed' })
    expect(refused).toBe(true)
  })

  it.each([-1, -13, -122, -125])(
    '%i for a watch is asked for again: it is armed as soon as it may be',
    async code => {
      let refusals = 0
      const answer = (asked: Asked) => {
        if (asked.type === Op.addWatch && refusals++ < 3) asked.reply(code)
        else obliging(asked)
      }
      await using server = await ScriptedServer.start({ answer })
      await using engine = openEngine(server.servers)
      expect(await firstValueFrom(engine.watch())).toEqual({ type: 'armed' })
      expect(refusals).toBe(4)
    },
  )

  it('-127, throttled, until the deadline is TIMEOUT: certainly not carried out', async () => {
    // The deadline falls into a pause, not on a request.
    await using server = await ScriptedServer.start({ answer: asked => asked.reply(-127) })
    await using engine = openEngine(server.servers)
    expect((await failureOf(engine.read(['k'], within(275)))).code).toBe('TIMEOUT')
    const [written] = await firstValueFrom(engine.write([put('k', 'v', 0)], within(275)))
    expect(written).toMatchObject({ code: 'TIMEOUT' })
  })

  it.each([-4, -7, -112, -118, -124])(
    '%i ends the connection, and the request goes again on the next',
    async code => {
      let answers = 0
      const answer = (asked: Asked) => (answers++ === 0 ? asked.reply(code) : obliging(asked))
      await using server = await ScriptedServer.start({ answer })
      await using engine = openEngine(server.servers)
      expect(await valuesOf(engine, 'k')).toEqual(['v'])
      expect(server.connections).toBe(2)
    },
  )

  it('for a watch fails the watch', async () => {
    await using server = await ScriptedServer.start({ answer: asked => asked.reply(-6) })
    await using engine = openEngine(server.servers)
    expect((await failureOf(engine.watch())).code).toBe('UNSUPPORTED')
  })
})

describe('an error code for one operation', () => {
  it.each([
    [-125, 'QUOTA'],
    [-102, 'AUTH'],
    [-999, 'ENGINE'],
  ])('%i is %s', async (code, expected) => {
    const answer = (asked: Asked) => asked.reply(0, Buffer.concat([errorResult(code), MULTI_END]))
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers)
    for (const [answered] of [
      await firstValueFrom(engine.read(['k'], within(10_000))),
      await firstValueFrom(engine.write([put('k', 'v', 1)], within(10_000))),
    ]) {
      expect(answered).toMatchObject({ code: expected, key: 'k' })
      expect((answered as KVError).cause).toBeInstanceOf(Error)
    }
  })
})

describe('an answer that can not be', () => {
  const broken: Record<string, (asked: Asked) => void> = {
    'to a request that was not asked': ({ socket }) => socket.write(framed(int(4711), long(1n), int(0))),
    'with a length that is none': ({ socket }) => socket.write(int(-5, 0, 0, 0)),
    'shorter than its header': ({ socket, xid }) => socket.write(framed(int(xid))),
    'cut short in its body': asked => asked.reply(0, node('value').subarray(0, 40)),
    'cut short in its value': asked =>
      asked.reply(0, result(Op.getData, Buffer.concat([int(1000), Buffer.from('x')]))),
    'of another type': asked => asked.reply(0, Buffer.concat([result(12, int(0)), MULTI_END])),
    'only half sent': ({ socket, xid }) => {
      socket.write(framed(int(xid), long(1n), int(0), Buffer.alloc(1000)).subarray(0, 500))
      socket.end()
    },
    'not sent, the connection closed': ({ socket }) => socket.end(),
    'not sent, the connection reset': ({ socket }) => socket.resetAndDestroy(),
  }
  it.each(Object.keys(broken))('%s: the connection is given up, the read goes again', async name => {
    let answers = 0
    const answer = (asked: Asked) => (answers++ === 0 ? broken[name]!(asked) : obliging(asked))
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers)
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    expect(server.connections).toBe(2)
  })
})

describe('the handshake', () => {
  it('that is never answered is given up and tried again', async () => {
    let greetings = 0
    await using server = await ScriptedServer.start({
      greet: greeting => ++greetings > 2 && greeting.accept(),
      answer: obliging,
    })
    await using engine = openEngine(server.servers, { timeout: 300 })
    const late = await failureOf(engine.read(['k'], within(150)))
    expect(late).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining(server.servers) })
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    expect(server.connections).toBe(3)
  })

  it('that is half answered is given up and tried again', async () => {
    let greetings = 0
    await using server = await ScriptedServer.start({
      greet: greeting => (++greetings > 1 ? greeting.accept() : greeting.socket.write(int(36, 0))),
      answer: obliging,
    })
    await using engine = openEngine(server.servers, { timeout: 300 })
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    expect(server.connections).toBe(2)
  })

  it('shows the session and the newest zxid that was seen', async () => {
    const greetings: [sessionId: bigint, zxid: bigint][] = []
    const newest = (7 << 16) * 0x1_0000_0000 + 0xffff_fff0
    await using server = await ScriptedServer.start({
      greet: greeting => {
        greetings.push([greeting.sessionId, greeting.lastZxid])
        greeting.accept(undefined, 0x1234_5678_9abcn)
      },
      answer: asked =>
        asked.reply(0, Buffer.concat([node('v'), MULTI_END]), greetings.length === 1 ? newest : 5),
    })
    await using engine = openEngine(server.servers)
    await valuesOf(engine, 'k')
    server.reset()
    await reached(engine, 'suspended')
    await valuesOf(engine, 'k')
    server.reset()
    await reached(engine, 'suspended')
    await valuesOf(engine, 'k')
    const session = 0x1234_5678_9abcn
    expect(greetings).toEqual([
      [0n, 0n],
      [session, BigInt(newest)],
      [session, BigInt(newest)],
    ])
  })

  it('that says expired begins a new session, which keeps the zxid', async () => {
    const greetings: [sessionId: bigint, zxid: bigint][] = []
    await using server = await ScriptedServer.start({
      greet: greeting => {
        greetings.push([greeting.sessionId, greeting.lastZxid])
        greeting.accept(greeting.sessionId === 0n ? undefined : 0)
      },
      answer: obliging,
    })
    await using engine = openEngine(server.servers)
    await valuesOf(engine, 'k')
    const states = firstValueFrom(
      engine.status$.pipe(
        map(({ state }) => state),
        take(4),
        toArray(),
      ),
    )
    server.reset()
    expect(await states).toEqual(['connected', 'suspended', 'lost', 'connected'])
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    expect(greetings).toEqual([
      [0n, 0n],
      [0x100n, 9n],
      [0n, 9n],
    ])
  })

  it('whose credentials are refused is final: AUTH for all, no further attempt', async () => {
    const answer = (asked: Asked) => {
      asked.reply(-115)
      asked.socket.end()
    }
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers, { credentials: { user: 'u', password: 'secret' } })
    const early = failureOf(engine.read(['k'], within(10_000)))
    const watched = failureOf(engine.watch())
    expect((await reached(engine, 'lost')).reason).toContain('AUTH')
    expect((await early).code).toBe('AUTH')
    expect((await watched).code).toBe('AUTH')
    expect((await failureOf(engine.commit([put('k', 'v')], within(10_000)))).code).toBe('AUTH')
    expect((await failureOf(engine.watch())).code).toBe('AUTH')
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(server.connections).toBe(1)
    await engine.close()
    expect((await failureOf(engine.read(['k'], within(10_000)))).code).toBe('CLOSED')
  })
})

describe('requests', () => {
  it('are numbered on past 2³¹ - 1 without a negative number or zero', async () => {
    const numbers: number[] = []
    const answer = (asked: Asked) => {
      numbers.push(asked.xid)
      obliging(asked)
    }
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers, { firstXid: 0x7fff_fffb })
    for (let i = 0; i < 6; i++) expect(await valuesOf(engine, 'k')).toEqual(['v'])
    // The first three asked for the root.
    expect(numbers).toEqual([0x7fff_fffe, 0x7fff_ffff, 1, 2, 3, 4])
  })

  it('of linearizable reads go right behind a sync', async () => {
    const types: number[] = []
    const answer = (asked: Asked) => {
      types.push(asked.type)
      obliging(asked)
    }
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers, { linearizable: true })
    await valuesOf(engine, 'k')
    expect(types).toEqual([Op.sync, Op.multiRead])
  })

  it('of unconditional puts of which nothing is known go right behind a sync, and after a failure again', async () => {
    const types: number[] = []
    const errors = (count: number, failed: number, code: number) =>
      Array.from({ length: count }, (_, i) => errorResult(i < failed ? 0 : i === failed ? code : -2))
    const answer = (asked: Asked) => {
      types.push(asked.type)
      const multis = types.filter(type => type === Op.multi).length
      if (asked.type === Op.sync) asked.reply(0)
      else if (asked.type === Op.multiRead) asked.reply(0, Buffer.concat([node('v'), node('w'), MULTI_END]))
      else if (multis === 1) asked.reply(0, Buffer.concat([...errors(3, 2, -101), MULTI_END]))
      else
        asked.reply(
          0,
          Buffer.concat([checked, result(Op.setData, stat()), result(Op.setData, stat()), MULTI_END]),
        )
    }
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers)
    await firstValueFrom(engine.write([put('a', 'v'), put('b', 'v')], within(10_000)))
    expect(types).toEqual([Op.sync, Op.multiRead, Op.multi, Op.sync, Op.multiRead, Op.multi])
  })

  it('of several writes into a root that is not there make it once, and look for nothing in it', async () => {
    const types: number[] = []
    await using server = await ScriptedServer.start({ answer: rootless(types) })
    await using engine = openEngine(server.servers, { root: '/r' })
    await Promise.all([1, 2, 3].map(i => firstValueFrom(engine.write(pairOf(i), within(10_000)))))
    // The first look at the root, its creation, the writes.
    expect(types).toEqual([Op.multiRead, Op.multi, Op.multi, Op.multi, Op.multi])
  })

  it('wait for a root whose making was lost with the connection, and make it then', async () => {
    const types: number[] = []
    const answer = rootless(types)
    let lost = false
    await using server = await ScriptedServer.start({
      answer(asked) {
        if (lost || asked.type !== Op.multi) return answer(asked)
        lost = true
        asked.socket.resetAndDestroy()
      },
    })
    await using engine = openEngine(server.servers, { root: '/r' })
    await Promise.all([1, 2, 3].map(i => firstValueFrom(engine.write(pairOf(i), within(10_000)))))
    expect(types).toEqual([Op.multiRead, Op.multiRead, Op.multi, Op.multi, Op.multi, Op.multi])
  })

  it('are answered after the change that came before their answer was signalled', async () => {
    const told: string[] = []
    const answer = (asked: Asked) => {
      if (asked.type !== Op.multiRead) return asked.reply(0)
      // All in one packet: changes, an answer, another change.
      asked.socket.cork()
      for (const key of ['a', 'b']) asked.socket.write(event(`/${key}`))
      obliging(asked)
      asked.socket.write(event('/c'))
      asked.socket.uncork()
    }
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers)
    engine
      .watch()
      .subscribe(signal => told.push(signal.type === 'changed' ? signal.keys.join() : signal.type))
    await reached(engine, 'connected')
    await firstValueFrom(engine.read(['k'], within(10_000)).pipe(tap(() => told.push('read'))))
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(told).toEqual(['armed', 'a,b', 'read', 'c'])
  })

  it('are never repeated in the turn in which they were lost', async () => {
    let answers = 0
    const answer = (asked: Asked) => (answers++ < 6 ? asked.socket.resetAndDestroy() : obliging(asked))
    await using server = await ScriptedServer.start({ answer })
    await using engine = openEngine(server.servers)
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    clearInterval(turning)
    expect(turns).toBeGreaterThan(6)
  })
})

describe('liveness', () => {
  it('is not taken from events alone: pings that are not answered end the connection', async () => {
    await using server = await ScriptedServer.start({ answer: obliging })
    await using engine = openEngine(server.servers, { timeout: 300 })
    await firstValueFrom(engine.watch())
    // As a server would whose way to hear us is cut: it talks, but answers nothing.
    server.script.greet = greeting => {
      greeting.accept()
      const talking = setInterval(() => greeting.socket.write(event('/k')), 20)
      greeting.socket.on('close', () => clearInterval(talking))
      greeting.socket.removeAllListeners('data')
    }
    server.reset()
    await reached(engine, 'suspended')
    await reached(engine, 'connected')
    expect((await reached(engine, 'suspended')).reason).toContain('ping')
  })
})
