import type { Identity } from 'rxkeeper/testing'

/** Where a contender works. */
export interface Place {
  /** The connection string of the ZooKeeper server or ensemble; empty where the contender needs none. */
  readonly servers: string
  /** How to connect, where that is by TLS. */
  readonly tls?: Identity | undefined
  /** How else the same server is reached: by TLS. */
  readonly secured?: { readonly servers: string; readonly tls: Identity } | undefined
  /** The port of the Redis server; 0 where the contender needs none. */
  readonly redis: number
  /** A node of the contender's own, with the comparison's keys under it; a key prefix on Redis. */
  readonly root: string
  /** A folder of the contender's own, for what it keeps on disk. */
  readonly folder: string
  /** The processes of the server, for their CPU time. */
  readonly pids: readonly number[]
  /** Where on a growth curve this is; 0 where there is none. */
  readonly point: number
}

/** A helper outside the contender's process. */
export interface Outside {
  /** Lets another client write `count` keys under the contender's root, in `multi`s of 256; value: `stamp`, padded to 100 bytes. */
  write(count: number, stamp: string): Promise<void>
}

/** A contender at work: made ready once, then passes, again and again. Only `pass` is timed. */
export interface Task {
  before?(): Promise<void>
  /** Carries out some operations, gives how many; where latencies are compared, adds each one's microseconds to `samples`. */
  pass(samples: number[]): Promise<number>
  after?(): Promise<void>
  close?(): Promise<unknown>
}

/** What a contender needs, beside its own process. */
export type Server = 'none' | 'zookeeper' | 'zookeeper-tls' | 'ensemble' | 'redis'

/** A contender in another language: a work that its program knows by name. */
export interface Elsewhere {
  readonly program: 'kazoo' | 'curator'
  readonly work: string
}

export interface Contender {
  /** Of the list in `contenders.ts`; with a variant after a slash, for instance `rxkeeper/lookupKV`. */
  readonly name: string
  readonly run: ((place: Place, outside: Outside) => Promise<Task>) | Elsewhere
  /** @defaultValue the comparison's */
  readonly server?: Server
  /** Left out of `bench:quick`, where another of ours is on the same work. */
  readonly notQuick?: boolean
  /** The last point of a growth curve that it is asked for, because more would take minutes. */
  readonly upTo?: number
}

/** Contenders on the same work. Those whose name begins with `rxkeeper` are compared with each of the others. */
export interface Comparison {
  /** Unique; the `bench` of the JSON lines. */
  readonly name: string
  readonly title: string
  readonly unit: string
  /**
   * What is compared: operations a second, the median of the latencies, the client's CPU time an operation (both in
   * microseconds), or the heap in megabytes after garbage collection.
   * @defaultValue 'rate'
   */
  readonly measure?: 'rate' | 'latency' | 'cpu' | 'heap'
  readonly server: Server
  /** How many keys each contender's root has before it begins. */
  readonly keys?: number | ((point: number) => number)
  /**
   * What they hold.
   * @defaultValue 100 bytes
   */
  readonly value?: (point: number) => Buffer
  readonly contenders: readonly Contender[]
  /** The ratio to reach against a contender: at least, where more is better; at most, where less is. */
  readonly targets?: Readonly<Record<string, number>>
  /** The points of a growth curve. */
  readonly points?: readonly number[]
  /** What the points count. */
  readonly pointUnit?: string
  /** Fewer rounds, where one takes long. */
  readonly rounds?: number
}

/** One question: one file. */
export interface Question {
  readonly name: string
  /** In a sentence. */
  readonly about: string
  readonly comparisons: readonly Comparison[]
  /** The comparisons that `bench:quick` runs. */
  readonly headlines?: readonly string[]
}

export const lessIsBetter = ({ measure }: Comparison): boolean => measure !== undefined && measure !== 'rate'

export const isOurs = (name: string): boolean => name.startsWith('rxkeeper')

/** How many keys there are at this point of a growth curve. */
export const keysAt = ({ keys = 0 }: Comparison, point: number): number =>
  typeof keys === 'function' ? keys(point) : keys

/** The ratio that `ours` is to reach against `peer`. */
export const targetOf = ({ targets }: Comparison, ours: string, peer: string): number | undefined =>
  targets?.[`${ours}:${peer}`] ?? targets?.[peer]
