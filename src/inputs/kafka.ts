export { KafkaInput, kafkaInput } from './kafka/input.ts'
export type { KafkaInputOptions } from './kafka/options.ts'
