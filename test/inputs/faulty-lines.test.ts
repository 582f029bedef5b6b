import assert from 'node:assert/strict'
import fc from 'fast-check'
import { KVError } from 'rxkeeper'
import type { FaultProxy, InputPlace, ProxyFaults } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { begin, records } from '../../src/testing/input-contract/taking.ts'
import { type KafkaMock, startKafkaMock } from '../setup/kafka-mock.ts'
import { type NatsServer, startNats } from '../setup/nats-server.ts'
import { KafkaPlace } from './kafka-place.ts'
import { NatsPlace } from './nats-place.ts'

const COUNT = 1500

type Place = InputPlace<number> & { readonly lines: readonly FaultProxy[] }

/** What a line does wrong. */
const fault: fc.Arbitrary<ProxyFaults | 'reset'> = fc.oneof(
  fc.constant<'reset'>('reset'),
  fc.record({ toClient: fc.record({ resetAfter: fc.integer({ min: 0, max: 60_000 }) }) }),
  fc.record({ toServer: fc.record({ resetAfter: fc.integer({ min: 0, max: 500 }) }) }),
  fc.record({ toClient: fc.record({ delay: fc.integer({ min: 1, max: 40 }) }) }),
  fc.record({ toClient: fc.record({ bytesPerSecond: fc.integer({ min: 100_000, max: 1_000_000 }) }) }),
  fc.record({ connect: fc.constantFrom('reset' as const, 'hang' as const) }),
  fc.record({ toServer: fc.record({ cut: fc.constant(true) }) }),
  fc.record({ toClient: fc.record({ cut: fc.constant(true) }) }),
)
const schedule = fc.array(
  fc.record({
    /** After how many records from the one before it begins. */
    after: fc.integer({ min: 1, max: 300 }),
    line: fc.nat(2),
    fault,
    /** How long it lasts, in milliseconds. */
    lasts: fc.integer({ min: 1, max: 150 }),
  }),
  { minLength: 1, maxLength: 8 },
)
type Schedule = typeof schedule extends fc.Arbitrary<infer S> ? S : never

/** Reads all through lines that fail by a schedule; gives the numbers of the records. */
async function readThrough(place: Place, faults: Schedule): Promise<number[]> {
  const [partition] = place.partitions as [string]
  const input = await place.open({})
  const numbers: number[] = []
  let [due, i] = [0, 0]
  let after: number | undefined
  try {
    while (numbers.length < COUNT) {
      const reading = begin(input, partition, after)
      try {
        while (numbers.length < COUNT) {
          if (numbers.length >= due) {
            const next = faults[i++]
            due += next?.after ?? Number.POSITIVE_INFINITY
            if (next !== undefined) inflict(place.lines[next.line % place.lines.length]!, next)
          }
          const { value, done } = await reading.next()
          assert.ok(!done)
          numbers.push(value.record.n)
          after = value.position
        }
      } catch (error) {
        if (!(error instanceof KVError && error.code === 'UNAVAILABLE')) throw error
      } finally {
        await reading.return?.()
      }
    }
  } finally {
    for (const line of place.lines) line.set()
    await input.close?.()
  }
  return numbers
}

function inflict(line: FaultProxy, { fault, lasts }: Schedule[number]): void {
  if (fault === 'reset') line.reset()
  else {
    line.set(fault)
    setTimeout(() => line.set(), lasts)
  }
}

const all = Array.from({ length: COUNT }, (_, n) => n)

async function holds(place: Place): Promise<void> {
  try {
    await place.append(place.partitions[0]!, records(0, COUNT, 'x'.repeat(100)))
    await fc.assert(
      fc.asyncProperty(schedule, async faults => {
        assert.deepEqual(await readThrough(place, faults), all)
      }),
      { numRuns: 15, endOnFailure: true },
    )
  } finally {
    await place.remove?.()
  }
}

describe('over lines that fail at any byte, nothing is lost or repeated', () => {
  let server: NatsServer
  let mock: KafkaMock
  beforeAll(async () => {
    server = await startNats()
    mock = await startKafkaMock()
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await mock[Symbol.asyncDispose]()
  })

  it('JetStream', async () => {
    const place = await NatsPlace.make(server, 1, false)
    await holds(Object.assign(place, { lines: [place.line] }))
  })

  it('Kafka (mock)', async () => {
    await holds(await KafkaPlace.make(mock, 1))
  })
})
