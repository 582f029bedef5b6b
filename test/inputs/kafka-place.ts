import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { Kafka, type KafkaConfig, logLevel, Partitioners, type Producer } from 'kafkajs'
import { json } from 'rxkeeper'
import { type KafkaInputOptions, kafkaInput } from 'rxkeeper/inputs/kafka'
import { type ContractRecord, type FaultProxy, type InputPlace, startProxy } from 'rxkeeper/testing'
import type { KafkaMock } from '../setup/kafka-mock.ts'

/** How many partitions a topic of the mock has. */
const PARTITIONS = 4

/** A topic of its own, and lines to the brokers that can be cut. */
export class KafkaPlace implements InputPlace<number> {
  readonly topic: string = `t${randomBytes(6).toString('hex')}`
  readonly partitions: readonly string[]
  readonly kafka: Kafka
  readonly #producer: Producer
  readonly #lines: ReadonlyMap<number, FaultProxy>
  readonly #config: KafkaConfig

  constructor(mock: KafkaMock, lines: ReadonlyMap<number, FaultProxy>, count: number) {
    this.partitions = Array.from({ length: count && PARTITIONS }, (_, i) => `${this.topic}-${i}`)
    this.kafka = new Kafka({ brokers: [...mock.brokers], logLevel: logLevel.NOTHING })
    this.#producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    this.#lines = lines
    this.#config = {
      brokers: [...mock.brokers],
      // The brokers tell their own addresses, so the way to the proxies is here.
      socketFactory: ({ port, onConnect }) => connect(lines.get(port)!.port, '127.0.0.1', onConnect),
    }
  }

  static async make(mock: KafkaMock, count: number): Promise<KafkaPlace> {
    const lines = new Map<number, FaultProxy>()
    for (const broker of mock.brokers) lines.set(Number(broker.split(':')[1]), await startProxy(broker))
    const place = new KafkaPlace(mock, lines, count)
    await place.#producer.connect()
    // It is made when it is first asked for.
    if (count > 0) await place.#send(0, [])
    return place
  }

  get lines(): readonly FaultProxy[] {
    return [...this.#lines.values()]
  }

  append(partition: string, records: readonly ContractRecord[]): Promise<void> {
    const { encode } = json<ContractRecord>()
    return this.#send(
      Number(partition.split('-')[1]),
      records.map(record => Buffer.from(encode(record))),
    )
  }

  appendUndecodable(partition: string): Promise<void> {
    return this.#send(Number(partition.split('-')[1]), [Buffer.from('{')])
  }

  open = ({
    requestTimeout = 10_000,
    ...options
  }: Partial<KafkaInputOptions<ContractRecord>> & { requestTimeout?: number } = {}) =>
    kafkaInput({
      kafka: { ...this.#config, requestTimeout },
      topic: this.topic,
      decode: json<ContractRecord>().decode,
      ...options,
    })

  cut(): void {
    for (const line of this.lines) line.reset()
  }

  async remove(): Promise<void> {
    await this.#producer.disconnect()
    for (const line of this.lines) await line.stop()
  }

  async #send(partition: number, values: readonly Buffer[]): Promise<void> {
    const messages = values.map(value => ({ value, partition }))
    await this.#producer.send({ topic: this.topic, messages })
  }
}
