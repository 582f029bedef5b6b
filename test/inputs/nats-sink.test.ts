import assert from 'node:assert/strict'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'
import { from, lastValueFrom, mergeMap, toArray } from 'rxjs'
import { identityOf, json, KVError, type KVErrorCode } from 'rxkeeper'
import { type JetStreamSinkOptions, jetstreamSink } from 'rxkeeper/inputs/nats'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { type NatsServer, startNats } from '../setup/nats-server.ts'
import { NatsPlace } from './nats-place.ts'

let server: NatsServer
beforeAll(async () => {
  server = await startNats()
})
afterAll(() => server[Symbol.asyncDispose]())

interface Output {
  readonly position: number
}

describe('a JetStream sink', () => {
  let place: NatsPlace
  beforeEach(async () => {
    place = await NatsPlace.make(server, 1, true)
  })
  afterEach(() => place.remove())

  const sink = (options: Partial<JetStreamSinkOptions<Output>> = {}) =>
    jetstreamSink<Output>({
      connect: () =>
        connect({ servers: place.line.servers, reconnectTimeWait: 50, maxReconnectAttempts: -1 }),
      stream: place.stream,
      subject: ({ position }) => `${place.stream}.${position % 3}`,
      encode: json<Output>().encode,
      id: ({ position }) => `job:${identityOf('p', position)}`,
      ...options,
    })
  const state = async () => (await (await jetstreamManager(place.direct)).streams.info(place.stream)).state
  const outputs = (count: number): Output[] => Array.from({ length: count }, (_, position) => ({ position }))
  const code = (expected: KVErrorCode) => (error: unknown) =>
    error instanceof KVError && error.code === expected

  it('adds what it is given twice once, also by another and behind a restart of the server', async () => {
    await using first = sink()
    const once = await lastValueFrom(from(outputs(50)).pipe(mergeMap(first.publish, 10), toArray()))
    assert.ok(once.every(({ duplicate }) => !duplicate))
    await place.restart()
    await using second = sink()
    const twice = await lastValueFrom(from(outputs(60)).pipe(mergeMap(second.publish, 10), toArray()))
    assert.equal(twice.filter(({ duplicate }) => duplicate).length, 50)
    assert.equal((await state()).messages, 60)
  })

  it('adds each once, in order, while connections are cut and the server is killed', async () => {
    await using all = sink()
    let restarted: Promise<void> | undefined
    for (const output of outputs(300)) {
      if (output.position % 50 === 10) place.cut()
      if (output.position === 100) restarted = place.restart()
      await all.publish(output)
    }
    await restarted
    assert.equal((await state()).messages, 300)
    await using input = place.open({
      subjects: undefined,
      decode: data => ({ n: json<Output>().decode(data).position, text: '' }),
    })
    let expected = 0
    for await (const { record } of input.read(place.stream, undefined)) {
      assert.equal(record.n, expected++)
      if (expected === 300) break
    }
  })

  it('sends headers', async () => {
    const tagged = headers()
    tagged.set('tag', 'x')
    await using all = sink({ headers: () => tagged })
    await all.publish({ position: 0 })
    const { streams } = await jetstreamManager(place.direct)
    const message = await streams.getMessage(place.stream, { seq: 1 })
    assert.equal(message?.header.get('tag'), 'x')
    assert.equal(message?.header.get('Nats-Msg-Id'), 'job:p@0')
  })

  it('refuses a stream that forgets ids sooner than it tries again, or that is not there', async () => {
    await using longer = sink({ timeout: 120_000 })
    await assert.rejects(longer.publish({ position: 0 }), code('UNSUPPORTED'))
    await using elsewhere = sink({ stream: 'NOT_THERE' })
    await assert.rejects(elsewhere.publish({ position: 0 }), code('INVALID_ARGUMENT'))
    assert.equal((await state()).messages, 0)
  })

  it('tells what was not sent from what may be there', async () => {
    await using nowhere = sink({ timeout: 100, connect: () => Promise.reject(new Error('no route')) })
    await assert.rejects(nowhere.publish({ position: 0 }), code('UNAVAILABLE'))
    await using unbound = sink({ timeout: 200, subject: 'elsewhere' })
    await assert.rejects(unbound.publish({ position: 0 }), code('UNAVAILABLE'))
    await using deaf = sink({ timeout: 200 })
    await deaf.publish({ position: 0 })
    place.line.set({ toClient: { cut: true } })
    await assert.rejects(deaf.publish({ position: 1 }), code('INDETERMINATE'))
    place.line.set()
    place.cut()
    await using again = sink()
    assert.equal((await again.publish({ position: 1 })).duplicate, true)
  })

  it('fails by itself where a function of its options throws, and when it is closed', async () => {
    const fail = () => {
      throw new Error('mine')
    }
    const closed = sink()
    await closed.close()
    await assert.rejects(closed.publish({ position: 0 }), code('CLOSED'))
    await using all = sink({ subject: fail })
    await assert.rejects(all.publish({ position: 0 }), code('CALLBACK'))
    await using other = sink({ encode: fail })
    await assert.rejects(other.publish({ position: 0 }), code('CODEC'))
    assert.throws(() => sink({ id: 'x' as never }), code('INVALID_ARGUMENT'))
  })
})
