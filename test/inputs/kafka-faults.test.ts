import assert from 'node:assert/strict'
import type { KVError } from 'rxkeeper'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { countHandles } from '../../src/testing/input-contract/handles.ts'
import {
  begin,
  numbersOf,
  records,
  rejects,
  take,
  takeFrom,
} from '../../src/testing/input-contract/taking.ts'
import { eventually } from '../../src/testing/waiting.ts'
import { type KafkaMock, startKafkaMock } from '../setup/kafka-mock.ts'
import { KafkaPlace } from './kafka-place.ts'

let mock: KafkaMock
beforeAll(async () => {
  mock = await startKafkaMock()
})
afterAll(() => mock[Symbol.asyncDispose]())

describe('a Kafka input', () => {
  let place: KafkaPlace
  let partition: string
  beforeEach(async () => {
    place = await KafkaPlace.make(mock, 1)
    partition = place.partitions[0]!
  })
  afterEach(() => place.remove())

  /** Adds so many records of 1 KiB that the first ones go: the mock keeps 5 MiB. */
  const overflow = async (from: number): Promise<number> => {
    const text = 'x'.repeat(1024)
    for (let n = from; n < from + 8000; n += 1000) await place.append(partition, records(n, n + 1000, text))
    return from + 8000
  }
  const committed = async (group: string): Promise<number | undefined> => {
    const admin = place.kafka.admin()
    await admin.connect()
    try {
      const [topic] = await admin.fetchOffsets({ groupId: group, topics: [place.topic] })
      const found = topic?.partitions.find(each => each.partition === 0)
      return found && Number(found.offset)
    } finally {
      await admin.disconnect()
    }
  }
  const shows = (group: string, offset: number) =>
    eventually(
      async () => ((await committed(group)) === offset ? true : undefined),
      () => new Error(`${group} does not show ${offset}`),
      { timeout: 10_000 },
    )

  it('reads on when frozen brokers go on', async () => {
    await using input = place.open({})
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    await takeFrom(reading, 10)
    const coming = takeFrom(reading, 1)
    mock.pause()
    const probe = place.open({ timeout: 100, kafka: { brokers: [...mock.brokers], requestTimeout: 100 } })
    try {
      await rejects(begin(probe, partition), 'UNAVAILABLE')
    } finally {
      mock.resume()
      await probe.close()
    }
    await place.append(partition, records(10, 11))
    assert.deepEqual(numbersOf(await coming), [10])
  })

  it('connects anew where a connection is only half there', async () => {
    await using input = place.open({ requestTimeout: 500 })
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    await takeFrom(reading, 10)
    const before = place.lines.map(line => line.connections)
    for (const line of place.lines) line.set({ toClient: { cut: true } })
    await place.append(partition, records(10, 11))
    const coming = takeFrom(reading, 1)
    // What is cut stays so; new connections are well.
    await eventually(
      () => place.lines.some((line, i) => line.connections > before[i]!) || undefined,
      () => new Error('no other connection was made'),
      { timeout: 20_000 },
    )
    for (const line of place.lines) line.set()
    place.cut()
    assert.deepEqual(numbersOf(await coming), [10])
  })

  it('reads what one broker leads while others are away, and the rest when they are back', async () => {
    await using input = place.open({})
    for (const each of place.partitions) await place.append(each, records(0, 5))
    const readings = place.partitions.map(each => begin(input, each))
    for (const reading of readings) await takeFrom(reading, 5)
    const [away, ...others] = place.lines
    away!.set({ connect: 'reset' })
    away!.reset()
    for (const each of place.partitions) await place.append(each, records(5, 6))
    const coming = readings.map(reading => takeFrom(reading, 1))
    await Promise.any(coming)
    away!.set()
    assert.deepEqual((await Promise.all(coming)).map(numbersOf), [[5], [5], [5], [5]])
    assert.equal(others.length, 2)
  })

  it('fails with UNAVAILABLE where the brokers stay away, and can be read again', async () => {
    await using input = place.open({ timeout: 300 })
    await place.append(partition, records(0, 10))
    const reading = begin(input, partition)
    const taken = await takeFrom(reading, 10)
    for (const line of place.lines) line.set({ connect: 'reset' })
    place.cut()
    const error = await rejects(reading, 'UNAVAILABLE')
    assert.equal(error.partition, partition)
    for (const line of place.lines) line.set()
    await place.append(partition, records(10, 11))
    assert.deepEqual(numbersOf(await take(input, partition, 1, taken.at(-1)?.position)), [10])
  })

  it('leaves nothing open when it is closed while nothing can be connected to', async () => {
    for (const line of place.lines) line.set({ connect: 'hang' })
    const settled = countHandles()
    const input = place.open({})
    const reading = begin(input, partition)
    const pending = reading.next()
    await reading.return?.()
    assert.equal((await pending).done, true)
    await input.close()
    for (const line of place.lines) {
      line.set()
      line.reset()
    }
    await settled()
  })

  it('begins anew where the client waits for good', async () => {
    let asked = 0
    const brokers = () => (asked++ === 0 ? new Promise<string[]>(() => {}) : [...mock.brokers])
    await using input = place.open({ kafka: { brokers, requestTimeout: 100 } })
    await place.append(partition, records(0, 2))
    assert.deepEqual(numbersOf(await take(input, partition, 2)), [0, 1])
    assert.ok(asked > 1)
  })

  it('refuses a partition that the topic does not have', async () => {
    await using input = place.open({})
    await rejects(begin(input, `${place.topic}-99`), 'INVALID_ARGUMENT')
    await rejects(begin(input, 'other-0'), 'INVALID_ARGUMENT')
  })

  it('notices what retention took, at first and while it reads, and what is not there yet', async () => {
    await using input = place.open({ maxBytes: 10_000 })
    await place.append(partition, records(0, 10))
    const slow = begin(input, partition)
    await takeFrom(slow, 1)
    await overflow(10)
    await rejects(begin(input, partition, 3), 'POSITION_LOST')
    await assert.rejects(takeFrom(slow, 5000), error => (error as KVError).code === 'POSITION_LOST')
    await rejects(begin(input, partition, 1_000_000), 'POSITION_LOST')
    // From the beginning is from what there is.
    const [first] = await take(input, partition, 1)
    assert.ok(first!.record.n > 10)
  })

  it('goes on with what there is, where that is wanted', async () => {
    await using input = place.open({ gone: 'skip' })
    const end = await overflow(0)
    const [first] = await take(input, partition, 1, 3)
    assert.ok(first!.record.n > 3)
    const beyond = begin(input, partition, 1_000_000)
    const coming = takeFrom(beyond, 1)
    await eventually(
      async () => {
        // It begins at the end when it is asked, so one of several comes.
        await place.append(partition, records(end, end + 1))
        return (await Promise.race([coming, new Promise(resolve => setImmediate(resolve))])) || undefined
      },
      () => new Error('nothing came'),
      { timeout: 10_000 },
    )
    assert.deepEqual(numbersOf(await coming), [end])
  })

  it('shows what was committed as the offsets of a group, which never go back', async () => {
    await using input = place.open({ group: place.topic })
    await place.append(partition, records(0, 10))
    const taken = await take(input, partition, 10)
    input.committed(partition, taken[3]!.position)
    await shows(place.topic, 4)
    input.committed(partition, taken[7]!.position)
    input.committed(partition, taken[5]!.position)
    await shows(place.topic, 8)
    const another = place.open({ group: place.topic })
    another.committed(partition, taken[1]!.position)
    await another.close()
    assert.equal(await committed(place.topic), 8)
    input.committed(partition, taken[9]!.position)
    await input.close()
    assert.equal(await committed(place.topic), 10)
    // Nobody reads by them.
    await using later = place.open({ group: place.topic })
    assert.deepEqual(numbersOf(await take(later, partition, 2)), [0, 1])
  })

  it('reads all partitions at a time, each no slower for others that have nothing', async () => {
    await using input = place.open({ maxBytes: 2000 })
    const readings = place.partitions.map(each => begin(input, each))
    const idle = readings.slice(1).map(reading => takeFrom(reading, 1))
    await place.append(partition, records(0, 2000, 'x'.repeat(100)))
    const started = performance.now()
    assert.equal((await takeFrom(readings[0]!, 2000)).length, 2000)
    // Some 150 requests; each would wait a quarter of a second behind one for the others.
    assert.ok(performance.now() - started < 15_000)
    for (const each of place.partitions.slice(1)) await place.append(each, records(0, 1))
    await Promise.all(idle)
  })

  it('gives messages without a value to the decoder as such', async () => {
    await using input = place.open({
      decode: (value, { value: stored, key }) => ({ n: value.length, text: `${key}: ${stored}` }),
    })
    const producer = place.kafka.producer()
    await producer.connect()
    await producer.send({ topic: place.topic, messages: [{ key: 'k', value: null, partition: 0 }] })
    await producer.disconnect()
    const [tombstone] = await take(input, partition, 1)
    assert.deepEqual(tombstone!.record, { n: 0, text: 'k: null' })
  })
})
