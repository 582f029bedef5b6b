import type { Broker, Cluster, KafkaConfig } from 'kafkajs'
import { KVError } from '../../base/errors.ts'
import { Late, within } from '../waiting.ts'
import { silentBroker } from './failures.ts'
import { clusterOf } from './library.ts'
import { Sockets } from './sockets.ts'

/** How long a broker may take to answer by default, in milliseconds. */
const REQUEST = 10_000

/** How much longer we wait before giving an answer up, in milliseconds: kafkajs should have done so itself by then. */
const GRACE = 5000

/** A cluster with the metadata of the topics, and its sockets. */
class Connected {
  readonly cluster: Cluster
  readonly sockets: Sockets
  readonly #topics: readonly string[]
  #ready: Promise<void> | undefined

  constructor(config: Omit<KafkaConfig, 'retry'>, topics: readonly string[]) {
    this.sockets = new Sockets(config.socketFactory)
    this.cluster = clusterOf({ requestTimeout: REQUEST, ...config, socketFactory: this.sockets.factory })
    this.#topics = topics
  }

  async ready(): Promise<Cluster> {
    this.#ready ??= this.#connect()
    const ready = this.#ready
    await ready.catch(error => {
      if (this.#ready === ready) this.#ready = undefined
      throw error
    })
    return this.cluster
  }

  async close(): Promise<void> {
    await this.sockets.close()
    // There is nothing left to wait for.
    await within(GRACE, this.cluster.disconnect(), 'closing').catch(() => {})
  }

  async #connect(): Promise<void> {
    await this.cluster.connect()
    await this.cluster.addMultipleTargetTopics([...this.#topics])
  }
}

/** An input's requests to a cluster. */
export class Link {
  readonly #config: Omit<KafkaConfig, 'retry'>
  readonly #topics: readonly string[]
  readonly #guard: number
  #connected: Connected
  #closed = false

  constructor(config: Omit<KafkaConfig, 'retry'>, topics: readonly string[]) {
    this.#config = config
    this.#topics = topics
    this.#guard = (config.requestTimeout ?? REQUEST) + GRACE
    this.#connected = new Connected(config, topics)
  }

  /** Reads the metadata again. */
  refresh(): Promise<void> {
    return this.#using(cluster => cluster.refreshMetadata())
  }

  /** The partitions of a topic, by number. */
  partitionsOf(topic: string): Promise<readonly number[]> {
    return this.#using(async cluster => numbersOf(cluster, topic))
  }

  /** The id of the broker that leads a partition. */
  leaderOf(topic: string, partition: number): Promise<string> {
    return this.#using(cluster => leaderIn(cluster, topic, partition))
  }

  /** Sends a request to a broker. */
  ask<R>(find: (cluster: Cluster) => Promise<Broker>, request: (broker: Broker) => Promise<R>): Promise<R> {
    return this.#using(async cluster => request(await find(cluster)))
  }

  /** The first offset of a partition, or the one after the last readable record. */
  offsetOf(topic: string, partition: number, which: 'first' | 'end'): Promise<number> {
    return this.#using(async cluster => {
      await leaderIn(cluster, topic, partition)
      const wanted = { topic, partitions: [{ partition }], fromBeginning: which === 'first' }
      const [found] = await cluster.fetchTopicsOffset([wanted])
      const offset = found?.partitions[0]?.offset
      if (offset === undefined) throw new Error(`no offsets of partition ${partition} of ${topic}`)
      return Number(offset)
    })
  }

  /** Closes all connections. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#connected.close()
  }

  async #using<R>(work: (cluster: Cluster) => Promise<R>): Promise<R> {
    if (this.#closed) throw new KVError('CLOSED', 'the input is closed')
    const connected = this.#connected
    try {
      return await within(this.#guard, connected.ready().then(work), 'Kafka')
    } catch (error) {
      this.#mend(connected, error)
      throw error
    }
  }

  /** Ends a connection that would not end by itself. */
  #mend(connected: Connected, error: unknown): void {
    // kafkajs goes on using a half-open connection, though it gets no answer.
    const silent = silentBroker(error)
    if (silent !== undefined) connected.sockets.end(silent, new Error('no answer'))
    // After some connection failures kafkajs waits forever.
    if (error instanceof Late && connected === this.#connected && !this.#closed) {
      this.#connected = new Connected(this.#config, this.#topics)
      void connected.close()
    }
  }
}

const numbersOf = (cluster: Cluster, topic: string): readonly number[] =>
  cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)

async function leaderIn(cluster: Cluster, topic: string, partition: number): Promise<string> {
  const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  if (leader !== undefined && Number(leader) >= 0) return leader
  await cluster.refreshMetadata()
  const known = numbersOf(cluster, topic)
  throw known.length > 0 && !known.includes(partition)
    ? new KVError('INVALID_ARGUMENT', `the topic ${topic} has no partition ${partition}`)
    : new Error(`nobody leads partition ${partition} of ${topic}`)
}
