import { connect } from '@nats-io/transport-node'
import { json, type PartitionedInput } from 'rxkeeper'
import { natsInput } from 'rxkeeper/inputs/nats'

const connected = () => connect({ servers: 'localhost:4222' })
export const flights: PartitionedInput<number, number> = natsInput({
  connect: connected,
  stream: 'FLIGHTS',
  decode: json<number>().decode,
})

// @ts-expect-error no decoder
natsInput({ connect: connected, stream: 'FLIGHTS' })
