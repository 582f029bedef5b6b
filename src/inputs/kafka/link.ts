import type { Broker, Cluster, KafkaConfig } from 'kafkajs'
import { KVError } from '../../errors.ts'
import { isAnswer } from './failures.ts'
import { clusterOf } from './library.ts'
import { Sockets } from './sockets.ts'

/** A cluster and its metadata, for all that an input does. */
export class Link {
  readonly #cluster: Cluster
  readonly #topics: readonly string[]
  readonly #sockets: Sockets
  #ready: Promise<void> | undefined
  #closed = false

  constructor(config: Omit<KafkaConfig, 'retry'>, topics: readonly string[]) {
    this.#sockets = new Sockets(config.socketFactory)
    this.#cluster = clusterOf({ ...config, socketFactory: this.#sockets.factory })
    this.#topics = topics
  }

  /** The cluster, with the metadata of the topics. */
  async cluster(): Promise<Cluster> {
    this.#checkOpen()
    this.#ready ??= this.#connect()
    const ready = this.#ready
    await ready.catch(error => {
      if (this.#ready === ready) this.#ready = undefined
      throw error
    })
    this.#checkOpen()
    return this.#cluster
  }

  /** Reads the metadata again. */
  async refresh(): Promise<Cluster> {
    const cluster = await this.cluster()
    await cluster.refreshMetadata()
    return cluster
  }

  /** The partitions of a topic, by number. */
  async partitionsOf(topic: string): Promise<readonly number[]> {
    const cluster = await this.cluster()
    return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
  }

  /** The node that leads a partition. */
  async leaderOf(topic: string, partition: number): Promise<string> {
    const cluster = await this.cluster()
    const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    if (leader === undefined || Number(leader) < 0) {
      await cluster.refreshMetadata()
      const known = await this.partitionsOf(topic)
      const message = `the topic ${topic} has no partition ${partition}`
      throw known.length > 0 && !known.includes(partition)
        ? new KVError('INVALID_ARGUMENT', message)
        : new Error(`nobody leads partition ${partition} of ${topic}`)
    }
    return leader
  }

  /** Asks a broker; where it does not answer, it is connected to anew. */
  async ask<R>(
    find: (cluster: Cluster) => Promise<Broker>,
    request: (broker: Broker) => Promise<R>,
  ): Promise<R> {
    const broker = await find(await this.cluster())
    try {
      return await request(broker)
    } catch (error) {
      // A connection that is only half there would be used for good: kafkajs does not drop it when it gets no answer.
      if (!isAnswer(error)) await broker.disconnect().catch(() => {})
      throw error
    }
  }

  /** The first offset of a partition, or the one behind the last that can be read. */
  async offsetOf(topic: string, partition: number, which: 'first' | 'end'): Promise<number> {
    const cluster = await this.cluster()
    await this.leaderOf(topic, partition)
    const wanted = { topic, partitions: [{ partition }], fromBeginning: which === 'first' }
    const [found] = await cluster.fetchTopicsOffset([wanted])
    const offset = found?.partitions[0]?.offset
    if (offset === undefined) throw new Error(`no offsets of partition ${partition} of ${topic}`)
    return Number(offset)
  }

  /** Closes all connections. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#sockets.close()
    await this.#ready?.catch(() => {})
    await this.#cluster.disconnect()
  }

  async #connect(): Promise<void> {
    await this.#cluster.connect()
    await this.#cluster.addMultipleTargetTopics([...this.#topics])
  }

  #checkOpen(): void {
    if (this.#closed) throw new KVError('CLOSED', 'the input is closed')
  }
}
