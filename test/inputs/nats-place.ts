import { randomBytes } from 'node:crypto'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { json } from 'rxkeeper'
import { type NatsInputOptions, natsInput } from 'rxkeeper/inputs/nats'
import { type ContractRecord, type FaultProxy, type InputPlace, startProxy } from 'rxkeeper/testing'
import { eventually } from '../../src/testing/waiting.ts'
import type { NatsServer } from '../setup/nats-server.ts'

/** A stream of its own on a server, with its subjects, and a line to it that can be cut. */
export class NatsPlace implements InputPlace<number> {
  readonly stream: string = `S${randomBytes(6).toString('hex')}`
  readonly partitions: readonly string[]
  readonly #server: NatsServer
  readonly #direct: NatsConnection
  readonly #line: FaultProxy
  readonly #bySubject: boolean

  constructor(
    server: NatsServer,
    direct: NatsConnection,
    line: FaultProxy,
    count: number,
    bySubject: boolean,
  ) {
    this.#server = server
    this.#direct = direct
    this.#line = line
    this.#bySubject = bySubject
    this.partitions = Array.from({ length: count }, (_, i) =>
      bySubject ? `${this.stream}/${this.stream}.${i}` : `${this.stream}-${i}`,
    )
  }

  static async make(server: NatsServer, count: number, bySubject: boolean): Promise<NatsPlace> {
    const direct = await connect({ servers: server.address, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
    const place = new NatsPlace(server, direct, await startProxy(server.address), count, bySubject)
    const { streams } = await jetstreamManager(direct)
    if (bySubject) await streams.add({ name: place.stream, subjects: [`${place.stream}.*`] })
    else {
      for (const [i, name] of place.partitions.entries()) {
        await streams.add({ name, subjects: [`${place.stream}.${i}`] })
      }
    }
    return place
  }

  get direct(): NatsConnection {
    return this.#direct
  }

  get line(): FaultProxy {
    return this.#line
  }

  async append(partition: string, records: readonly ContractRecord[]): Promise<void> {
    const client = jetstream(this.#direct)
    const { encode } = json<ContractRecord>()
    const subject = this.#subjectOf(partition)
    for (let i = 0; i < records.length; i += 1000) {
      const some = records.slice(i, i + 1000)
      await Promise.all(some.map(record => client.publish(subject, encode(record))))
    }
  }

  async appendUndecodable(partition: string): Promise<void> {
    await jetstream(this.#direct).publish(this.#subjectOf(partition), '{')
  }

  open = (options: Partial<NatsInputOptions<ContractRecord>>) =>
    natsInput({
      connect: () =>
        connect({ servers: this.#line.servers, reconnectTimeWait: 50, maxReconnectAttempts: -1 }),
      stream: this.#bySubject ? this.stream : this.partitions.length > 0 ? this.partitions : this.stream,
      ...(this.#bySubject && this.partitions.length > 0
        ? { subjects: this.partitions.map(name => this.#subjectOf(name)) }
        : {}),
      decode: json<ContractRecord>().decode,
      ...options,
    })

  cut(): void {
    this.#line.reset()
  }

  async restart(): Promise<void> {
    await this.#server.restart()
    const { streams } = await jetstreamManager(this.#direct, { timeout: 500, checkAPI: false })
    await eventually(
      () => streams.info(this.#streamOf(this.partitions[0]!)).catch(() => undefined),
      () => new Error('JetStream does not answer after a restart'),
      { timeout: 30_000 },
    )
  }

  async trim(partition: string, position: number): Promise<void> {
    const { streams } = await jetstreamManager(this.#direct)
    await streams.purge(this.#streamOf(partition), { seq: position + 1 })
  }

  async remove(): Promise<void> {
    const { streams } = await jetstreamManager(this.#direct)
    const names = this.#bySubject ? [this.stream] : this.partitions
    for (const name of names) await streams.delete(name).catch(() => {}) // a case may have deleted it
    await this.#direct.close()
    await this.#line.stop()
  }

  #streamOf(partition: string): string {
    return partition.split('/')[0]!
  }

  #subjectOf(partition: string): string {
    return this.#bySubject ? partition.split('/')[1]! : partition.replace('-', '.')
  }
}
