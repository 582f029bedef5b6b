import type { Broker } from 'kafkajs'
import { isAnswer } from './failures.ts'
import type { Link } from './link.ts'
import type { Fetched } from './visible.ts'

/**
 * How long a broker waits for a record before it answers that there is none, in milliseconds: at first, and at most.
 */
const SHORT_WAIT = 5
const LONG_WAIT = 250

interface Wanted {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
  readonly resolve: (fetched: Fetched) => void
  readonly reject: (error: unknown) => void
}

/** A broker's answer, for which kafkajs has no type. */
interface FetchResponse {
  readonly responses: readonly {
    readonly topicName: string
    readonly partitions: readonly (Fetched & { readonly partition: number })[]
  }[]
}

/** The fetches from one broker, one request at a time, since it answers one after the other. */
class Station {
  readonly #link: Link
  readonly #node: string
  #waiting: Wanted[] = []
  #busy = false
  #wait = SHORT_WAIT

  constructor(link: Link, node: string) {
    this.#link = link
    this.#node = node
  }

  add(wanted: Wanted): void {
    this.#waiting.push(wanted)
    if (this.#busy) return
    this.#busy = true
    // In the next turn, so that fetches requested together share a request.
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const all = this.#next()
      try {
        this.#settle(all, await this.#fetch(all, this.#wait))
      } catch (error) {
        // kafkajs reports the error of one partition without saying which: each is fetched separately then.
        if (all.length > 1 && isAnswer(error)) await this.#each(all)
        else for (const { reject } of all) reject(error)
      }
    }
    this.#busy = false
  }

  /** Takes the fetches for one request: each partition once, even where several read it. */
  #next(): Wanted[] {
    const later: Wanted[] = []
    const now = new Map<string, Wanted>()
    for (const wanted of this.#waiting) {
      const name = `${wanted.topic}-${wanted.partition}`
      if (now.has(name)) later.push(wanted)
      else now.set(name, wanted)
    }
    this.#waiting = later
    return [...now.values()]
  }

  async #each(all: readonly Wanted[]): Promise<void> {
    for (const wanted of all) {
      await this.#fetch([wanted], 0).then(response => this.#settle([wanted], response), wanted.reject)
    }
  }

  #settle(all: readonly Wanted[], { responses }: FetchResponse): void {
    let some = false
    for (const { topic, partition, resolve, reject } of all) {
      const found = responses
        .filter(({ topicName }) => topicName === topic)
        .flatMap(({ partitions }) => partitions)
        .find(each => each.partition === partition)
      if (found === undefined) reject(new Error(`no answer for partition ${partition} of ${topic}`))
      else {
        some ||= found.messages.length > 0
        resolve(found)
      }
    }
    // While one partition has records, its next fetch must not wait long for others that have none.
    this.#wait = some ? SHORT_WAIT : Math.min(LONG_WAIT, this.#wait * 1.5)
  }

  #fetch(all: readonly Wanted[], wait: number): Promise<FetchResponse> {
    const request = {
      isolationLevel: 1,
      maxWaitTime: Math.round(wait),
      minBytes: 1,
      maxBytes: all.reduce((sum, { maxBytes }) => sum + maxBytes, 0),
      topics: all.map(({ topic, partition, offset, maxBytes }) => ({
        topic,
        partitions: [{ partition, fetchOffset: String(offset), maxBytes }],
      })),
    }
    return this.#link.ask(
      cluster => cluster.findBroker({ nodeId: this.#node }),
      (broker: Broker) => broker.fetch(request) as Promise<FetchResponse>,
    )
  }
}

/** Fetches of partitions, each from the broker that leads it. */
export class Fetcher {
  readonly #link: Link
  readonly #stations = new Map<string, Station>()

  constructor(link: Link) {
    this.#link = link
  }

  async fetch(topic: string, partition: number, offset: number, maxBytes: number): Promise<Fetched> {
    const node = await this.#link.leaderOf(topic, partition)
    let station = this.#stations.get(node)
    if (station === undefined) {
      station = new Station(this.#link, node)
      this.#stations.set(node, station)
    }
    const to = station
    return new Promise((resolve, reject) => to.add({ topic, partition, offset, maxBytes, resolve, reject }))
  }
}
