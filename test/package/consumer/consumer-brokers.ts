import { connect } from '@nats-io/transport-node'
import { json, type PartitionedInput } from 'rxkeeper'
import { kafkaInput } from 'rxkeeper/inputs/kafka'
import { natsInput } from 'rxkeeper/inputs/nats'
import { type RedisEntry, redisInput } from 'rxkeeper/inputs/redis'

const connected = () => connect({ servers: 'localhost:4222' })
export const flights: PartitionedInput<number, number> = natsInput({
  connect: connected,
  stream: 'FLIGHTS',
  decode: json<number>().decode,
})
export const routes: PartitionedInput<number, number> = kafkaInput({
  kafka: { brokers: ['localhost:9092'] },
  topic: 'routes',
  decode: (value, { key }) => value.length + (key?.length ?? 0),
})

// @ts-expect-error no decoder
natsInput({ connect: connected, stream: 'FLIGHTS' })

export const visits: PartitionedInput<string, string> = redisInput({
  url: 'redis://localhost:6379',
  streams: 'visits:*',
  decode: (entry: RedisEntry) => entry.id,
})

// @ts-expect-error no streams
redisInput({ url: 'redis://localhost:6379' })
