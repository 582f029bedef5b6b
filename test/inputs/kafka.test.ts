import fc from 'fast-check'
import { kafkaInput } from 'rxkeeper/inputs/kafka'
import { partitionedInputContract } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type KafkaMock, startKafkaMock } from '../setup/kafka-mock.ts'
import { KafkaPlace } from './kafka-place.ts'

let mock: KafkaMock
beforeAll(async () => {
  mock = await startKafkaMock()
})
afterAll(() => mock[Symbol.asyncDispose]())

const good = { kafka: { brokers: ['localhost:1'] }, topic: 't', decode: () => 0 }
const bad = (options: object) => () => kafkaInput({ ...good, ...options })

partitionedInputContract<number>({
  name: 'Kafka (mock)',
  bounded: false,
  fastCheck: fc,
  runner: { describe, it },
  // The mock keeps 5 MiB of a partition.
  many: 3000,
  place: count => KafkaPlace.make(mock, count),
  badOptions: {
    'no brokers': bad({ kafka: { brokers: [] } }),
    'nothing for kafkajs': bad({ kafka: undefined }),
    'no topics': bad({ topic: [] }),
    'what is no name of a topic': bad({ topic: 'a b' }),
    'a topic twice': bad({ topic: ['t', 't'] }),
    'no decoder': bad({ decode: undefined }),
    'no bytes': bad({ maxBytes: 0 }),
    'no interval': bad({ interval: 0 }),
    'no time': bad({ timeout: 0 }),
    'a group without a name': bad({ group: '' }),
    'another way with what is gone': bad({ gone: 'ignore' }),
  },
})
