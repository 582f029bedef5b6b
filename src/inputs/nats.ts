export { NatsInput, natsInput } from './nats/input.ts'
export type { NatsInputOptions, NatsOptions } from './nats/options.ts'
export { JetStreamSink, type JetStreamSinkOptions, jetstreamSink } from './nats/sink.ts'
