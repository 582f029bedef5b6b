import fc from 'fast-check'
import { natsInput } from 'rxkeeper/inputs/nats'
import { partitionedInputContract } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type NatsServer, startNats } from '../setup/nats-server.ts'
import { NatsPlace } from './nats-place.ts'

let server: NatsServer
beforeAll(async () => {
  server = await startNats()
})
afterAll(() => server[Symbol.asyncDispose]())

const good = { connect: () => Promise.reject(new Error('never')), stream: 'S', decode: () => 0 }
const bad = (options: object) => () => natsInput({ ...good, ...options })

partitionedInputContract<number>({
  name: 'JetStream, a stream each',
  bounded: false,
  fastCheck: fc,
  runner: { describe, it },
  place: count => NatsPlace.make(server, count, false),
  badOptions: {
    'no streams': bad({ stream: [] }),
    'what is no name of a stream': bad({ stream: 'a.b' }),
    'a stream twice': bad({ stream: ['S', 'S'] }),
    'subjects of several streams': bad({ stream: ['S', 'T'], subjects: ['s'] }),
    'no subjects': bad({ subjects: [] }),
    'what is no subject': bad({ subjects: ['a..b'] }),
    'subjects that overlap': bad({ subjects: ['a.*.c', 'b', 'a.b.>'] }),
    'a prefetch of nothing': bad({ prefetch: 0 }),
    'no time': bad({ timeout: 0 }),
    'what is no name of a consumer': bad({ durable: 'a.b' }),
    'another way with what is gone': bad({ gone: 'ignore' }),
    'no connection': bad({ connect: undefined }),
    'no decoder': bad({ decode: undefined }),
  },
})

partitionedInputContract<number>({
  name: 'JetStream, a subject each',
  bounded: false,
  many: 10_000,
  fastCheck: fc,
  runner: { describe, it },
  place: count => NatsPlace.make(server, count, true),
  badOptions: {},
})
