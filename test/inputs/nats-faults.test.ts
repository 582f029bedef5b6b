import assert from 'node:assert/strict'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { KVError } from 'rxkeeper'
import { natsInput } from 'rxkeeper/inputs/nats'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import {
  begin,
  numbersOf,
  records,
  rejects,
  take,
  takeFrom,
} from '../../src/testing/input-contract/taking.ts'
import { eventually } from '../../src/testing/waiting.ts'
import { type NatsServer, startNats } from '../setup/nats-server.ts'
import { NatsPlace } from './nats-place.ts'

let server: NatsServer
beforeAll(async () => {
  server = await startNats()
})
afterAll(() => server[Symbol.asyncDispose]())

describe('a JetStream input', () => {
  let place: NatsPlace
  let partition: string
  beforeEach(async () => {
    place = await NatsPlace.make(server, 2, true)
    partition = place.partitions[0]!
  })
  afterEach(() => place.remove())

  const streams = async () => (await jetstreamManager(place.direct)).streams
  const consumers = async () => (await jetstreamManager(place.direct)).consumers

  it('reads on over a connection that has given up, since it makes another', async () => {
    let connections = 0
    await using input = place.open({
      connect: () => {
        connections++
        return connect({ servers: place.line.servers, reconnect: false })
      },
    })
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    await takeFrom(reading, 10)
    place.cut()
    await place.append(partition, records(10, 12))
    assert.deepEqual(numbersOf(await takeFrom(reading, 2)), [10, 11])
    assert.equal(connections, 2)
  })

  it('reads on when a frozen server goes on', async () => {
    await using input = place.open({})
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    await takeFrom(reading, 10)
    const coming = takeFrom(reading, 1)
    server.pause()
    const frozen = async (): Promise<boolean> => {
      const answered = await connect({ servers: server.address, timeout: 200 }).catch(() => undefined)
      await answered?.close()
      return answered === undefined
    }
    try {
      await eventually(
        async () => (await frozen()) || undefined,
        () => new Error('the server goes on'),
        { timeout: 10_000 },
      )
    } finally {
      server.resume()
    }
    await place.append(partition, records(10, 11))
    assert.deepEqual(numbersOf(await coming), [10])
  })

  it('fails with UNAVAILABLE where the server stays away, and can be read again', async () => {
    await using input = place.open({ timeout: 300 })
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    const taken = await takeFrom(reading, 10)
    place.line.set({ connect: 'reset' })
    place.cut()
    const error = await rejects(reading, 'UNAVAILABLE')
    assert.equal(error.partition, partition)
    assert.ok(error.cause instanceof Error)
    place.line.set()
    await place.append(partition, records(10, 11))
    assert.deepEqual(numbersOf(await take(input, partition, 1, taken.at(-1)?.position)), [10])
  })

  it('fails with UNAVAILABLE where nothing could ever be connected to', async () => {
    await using input = place.open({ timeout: 100, connect: () => Promise.reject(new Error('no route')) })
    const error = await rejects(begin(input, partition), 'UNAVAILABLE')
    assert.match(error.message, /no route/)
  })

  it('ends while it connects', async () => {
    const never = new Promise<never>(() => {})
    const input = place.open({ timeout: 200, connect: () => never })
    const reading = begin(input, partition)
    const pending = reading.next()
    await reading.return?.()
    assert.equal((await pending).done, true)
    await input.close()
  })

  it('tells of credentials that the server refuses', async () => {
    await using guarded = await startNats('--user', 'alice', '--pass', 'secret')
    const login = { servers: guarded.address, user: 'alice', pass: 'wrong' }
    await using input = natsInput({ connect: () => connect(login), stream: 'S', decode: () => 0 })
    const failed = input.read('S', undefined)[Symbol.asyncIterator]().next()
    await assert.rejects(failed, error => error instanceof KVError && error.code === 'AUTH')
  })

  it('tells of a stream that is not there, deleted, or made anew', async () => {
    const all = await streams()
    await using missing = place.open({ stream: 'NOT_THERE', subjects: undefined })
    await rejects(begin(missing, 'NOT_THERE'), 'INVALID_ARGUMENT')

    await using input = place.open({})
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    const [, , , fourth] = await takeFrom(reading, 10)
    await all.delete(place.stream)
    await rejects(reading, 'POSITION_LOST')
    await rejects(begin(input, partition, 4), 'POSITION_LOST')
    await all.add({ name: place.stream, subjects: [`${place.stream}.*`] })
    await rejects(begin(input, partition, fourth!.position), 'POSITION_LOST')
    await place.append(partition, records(100, 101))
    assert.deepEqual(numbersOf(await take(input, partition, 1)), [100])
    await using skipping = place.open({ gone: 'skip' })
    assert.deepEqual(numbersOf(await take(skipping, partition, 1, fourth!.position)), [100])
  })

  it('refuses streams that delete what is delivered', async () => {
    const all = await streams()
    for (const retention of ['interest', 'workqueue'] as const) {
      const name = `${place.stream}-${retention}`
      await all.add({ name, subjects: [`other.${name}`], retention })
      await using input = place.open({ stream: name, subjects: undefined })
      const error = await rejects(begin(input, name), 'UNSUPPORTED')
      assert.match(error.message, new RegExp(retention))
      await all.delete(name)
    }
  })

  it('refuses a subject that the stream does not have', async () => {
    await using input = place.open({ subjects: ['elsewhere'] })
    await place.append(partition, records(0, 1))
    const reading = begin(input, `${place.stream}/elsewhere`)
    // The server takes it since 2.10, and there is nothing to read; before, it says so.
    await rejects(reading, 'INVALID_ARGUMENT')
  })

  for (const gone of ['fail', 'skip'] as const) {
    it(`notices what is purged while it reads, and can ${gone}`, async () => {
      await using input = place.open({ prefetch: 10, gone })
      await place.append(partition, records(0, 100))
      const reading = begin(input, partition)
      const taken = await takeFrom(reading, 5)
      await (await streams()).purge(place.stream, { seq: taken[4]!.position + 50 })
      const rest: number[] = []
      const through = (async () => {
        while (rest.at(-1) !== 99) rest.push(...numbersOf(await takeFrom(reading, 1)))
      })()
      if (gone === 'fail') await assert.rejects(through, error => (error as KVError).code === 'POSITION_LOST')
      else {
        await through
        assert.deepEqual(rest.slice(-46, -44), [54, 55])
      }
    })
  }

  it('takes what was deleted singly for no loss', async () => {
    await using input = place.open({ prefetch: 1 })
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    const taken = await takeFrom(reading, 1)
    const all = await streams()
    for (const n of [4, 5]) await all.deleteMessage(place.stream, taken[0]!.position + n)
    assert.deepEqual(numbersOf(await takeFrom(reading, 7)), [1, 2, 3, 6, 7, 8, 9])
    assert.equal((await input.lag(partition, taken[0]!.position)).amount, 7)
  })

  it('shows the lag in a durable consumer, which never goes back', async () => {
    await using input = place.open({ durable: 'job' })
    const [own, other] = place.partitions as [string, string]
    await place.append(own, records(0, 10))
    await place.append(other, records(0, 5))
    const taken = await take(input, own, 10)
    const all = await consumers()
    const name = `job-${own.split('/')[1]!.replace('.', '=2E')}`
    const pending = async () => (await all.info(place.stream, name).catch(() => undefined))?.num_pending
    const shows = (count: number) =>
      eventually(
        async () => ((await pending()) === count ? true : undefined),
        () => new Error(`does not show ${count}`),
        { timeout: 10_000 },
      )
    input.committed(own, taken[3]!.position)
    await shows(6)
    // What comes is counted by the server.
    await place.append(own, records(10, 12))
    assert.equal(await pending(), 8)
    input.committed(own, taken[7]!.position)
    input.committed(own, taken[5]!.position)
    await shows(4)
    await using another = place.open({ durable: 'job' })
    another.committed(own, taken[1]!.position)
    input.committed(own, taken[9]!.position)
    await another.close()
    await input.close()
    assert.equal(await pending(), 2)
  })
})
