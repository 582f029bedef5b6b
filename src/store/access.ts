import type { Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Codec } from '../codecs.ts'
import type { Stored, Write } from '../contract/engine.ts'
import {
  CommitOperation,
  type Committer,
  NodeRead,
  ReadBy,
  type ValueRead,
  type ValueWrite,
  WriteBy,
} from './asked.ts'
import type { Encoding, Headed } from './encoding.ts'
import type { AnyStore, BytesPut, Change, KVStore, Mutation, Range } from './kv-store.ts'
import type { Update } from './operations.ts'
import type { Part, StoreParts } from './parts.ts'

/** What a read finds without asking. */
export interface Known<V> {
  readonly value: V | undefined
  /** -1 where there is no value. */
  readonly version: number
}

/** Options of {@link Access.commit}. */
export interface CommitOptions {
  readonly timeout?: number | undefined
  /** Nodes beside the keys, in the same transaction, ahead of the rest. */
  readonly nodes?: readonly Write[] | undefined
  /**
   * The shard that the nodes are in, and the keys must be.
   * @defaultValue that of the keys; the first, where there are only nodes
   */
  readonly shard?: number | undefined
  /** Transactions of one chain are sent in order, without waiting for each other. */
  readonly chain?: object | undefined
  /** Hears what is written for `mutations`, in their order, before it is sent. */
  readonly encoded?: ((writes: readonly Write[]) => void) | undefined
}

/** Somebody who holds what he follows, and has to know when that may be out of date; its values are shared. */
export interface Following<V> {
  /** Changes may be missed, until the next `synced`. */
  missing(): void
  /**
   * Hears what a key has, ahead of the change; also where nothing was found once more, and so no change is emitted: what was
   * there in between was written and deleted again. Without a value `version` and `revision` are -1.
   */
  saw?(key: string, value: V | undefined, version: number, revision: number): void
}

/** What an {@link Access} is made of. */
export interface AccessContext<V> {
  readonly encoding: Encoding<V>
  readonly parts: StoreParts<V>
  /** How long an operation may take by default, in milliseconds. */
  readonly timeout: number
  readonly timing: Timing
  follow(range: Range, subscriber: Subscriber<Change<V>>, following: Following<V>): void
}

/**
 * How the methods and the operators of a store ask for single keys and commits: checks and encodes what is asked, looks
 * into the cache, and hands the rest to the batcher. Bad input fails the one who gave it, like any other error.
 */
export class Access<V> {
  readonly #context: AccessContext<V>

  constructor(context: AccessContext<V>) {
    this.#context = context
  }

  /** How many shards there are: each has its own commits. */
  get shards(): number {
    return this.#context.parts.all.length
  }

  /** Which of them holds a key. */
  shardOf(key: string): number {
    return this.#context.parts.indexOf(key)
  }

  /** Runs `work` at the end of the turn, on the store's clock. */
  defer(work: () => void): void {
    this.#context.timing.defer(work)
  }

  /** The clock and the timers of the store. */
  get timing(): Timing {
    return this.#context.timing
  }

  /** The same, of values with their headers; nothing is looked up in the cache, which has none. */
  get headed(): Access<Headed<V>> {
    const { encoding, parts, timeout, timing } = this.#context
    return new HeadedAccess({
      encoding: encoding.headed,
      parts: parts as unknown as StoreParts<Headed<V>>,
      timeout,
      timing,
      follow: (_, subscriber) => subscriber.error(new Error('a store follows values, not headers')),
    })
  }

  /** What a read of `key` comes to, where nothing need be asked. The value is shared by all who ask. */
  known(key: string): Known<V> | KVError | undefined {
    const { parts } = this.#context
    try {
      if (parts.counts !== undefined && typeof key === 'string') {
        const { cache, batcher } = parts.of(key)
        // A read must see what was written before it was asked for.
        const known = batcher.isWriting(key) ? undefined : cache!.get(key)
        // What is in the cache is a valid key.
        if (known !== undefined) return known
      }
    } catch (error) {
      return error as KVError
    }
    return this.refusal(key)
  }

  /** Why a key is none. */
  protected refusal(key: string): KVError | undefined {
    try {
      this.#context.encoding.checkKey(key)
      return undefined
    } catch (error) {
      return error as KVError
    }
  }

  /** Asks for a key of which nothing is {@link known}. */
  ask(read: ValueRead<V>, timeout: number = this.#context.timeout): void {
    const { encoding, parts } = this.#context
    read.encoding = encoding
    parts.of(read.key).batcher.read(read, timeout)
  }

  read(read: ValueRead<V>, timeout?: number): void {
    const known = this.known(read.key)
    if (known === undefined) this.ask(read, timeout)
    else if (known instanceof KVError) read.failed(known)
    else read.found(known.value, known.version)
  }

  write(mutation: Mutation<V>, write: ValueWrite, timeout: number = this.#context.timeout): void {
    const mayBeOver = mutation?.type === 'put' && mutation.ifVersion === 'absent' && mutation.expireAfter
    if (mayBeOver) this.#insert(mutation, write, timeout)
    else this.#write(mutation, write, timeout)
  }

  #write(mutation: Mutation<V>, operation: ValueWrite, timeout: number): void {
    const { encoding, parts } = this.#context
    let part: Part<V>
    try {
      const write = encoding.write(mutation)
      operation.carry(write, encoding.sizeOf(write))
      part = parts.of(write.key)
    } catch (error) {
      operation.failed(error as KVError)
      return
    }
    part.batcher.write(operation, timeout)
  }

  /** An insert where values expire: one that has expired, and is not deleted yet, does not stand in its way. */
  #insert(mutation: Mutation<V> & { readonly type: 'put' }, write: ValueWrite, timeout: number): void {
    const isOver = (): boolean => write.withdrawn
    const failed = (error: KVError): void => write.failed(error)
    const refused = (error: KVError): void => {
      if (error.code !== 'VERSION_CONFLICT') {
        failed(error)
        return
      }
      const found = (value: V | undefined, version: number): void => {
        if (value !== undefined || version === -1) failed(error)
        else this.#write({ ...mutation, ifVersion: version }, write, timeout)
      }
      this.read(new ReadBy(mutation.key, isOver, found, failed), timeout)
    }
    this.#write(mutation, new WriteBy(isOver, written => write.written(written), refused), timeout)
  }

  update(update: Update<V>, timeout: number = this.#context.timeout): void {
    const { encoding, parts } = this.#context
    let part: Part<V>
    try {
      encoding.checkKey(update.key)
      part = parts.of(update.key)
    } catch (error) {
      update.settle(error as KVError)
      return
    }
    part.batcher.update(update as Update<unknown>, timeout)
  }

  /** Carries out all of the writes or none; `committed` gets the results of `nodes`, then those of `mutations`. */
  commit(
    mutations: readonly (Mutation<V> | BytesPut)[],
    committer: Committer,
    { timeout = this.#context.timeout, nodes = [], shard, chain, encoded }: CommitOptions = {},
  ): void {
    const { encoding, parts } = this.#context
    const writes = [...nodes]
    let bytes: number
    let part: Part<V> | undefined
    try {
      for (const mutation of mutations) writes.push(encoding.write(mutation))
      encoded?.(writes.slice(nodes.length))
      bytes = encoding.sizeOfAll(writes)
      if (writes.length > 0) part = parts.holding(writes, shard)
    } catch (error) {
      committer.failed(error as KVError)
      return
    }
    if (part === undefined) committer.committed([])
    else part.batcher.write(new CommitOperation(writes, bytes, chain, committer), timeout)
  }

  /** The value of `key` as it is stored, and back; throws the codec's errors. */
  encode(key: string, value: V): Uint8Array {
    const write = this.#context.encoding.put(key, value, undefined) as Write & { readonly type: 'put' }
    return write.value
  }

  decode(key: string, bytes: Uint8Array): V {
    return this.#context.encoding.decode(key, bytes)
  }

  /** As `changes$`; says besides when changes may be missed. */
  follow(range: Range, subscriber: Subscriber<Change<V>>, following: Following<V>): void {
    try {
      this.#context.follow(range, subscriber, following)
    } catch (error) {
      subscriber.error(error)
    }
  }

  /** Begins to load what is missing to decode a value; `undefined` where nothing is. */
  prepare(key: string, bytes: Uint8Array): Promise<unknown> | undefined {
    return this.#context.encoding.prepare(key, bytes)
  }

  /** Whether a value is stored as it would be written now; throws the codec's errors. */
  isCurrent(key: string, bytes: Uint8Array): boolean {
    return this.#context.encoding.isCurrent(key, bytes)
  }

  /** How bytes that tell of values are kept in a node beside the keys; `undefined` for as they are. */
  get beside(): Codec<Uint8Array> | undefined {
    return this.#context.encoding.beside
  }

  /** Reads a node beside the keys, as it is stored. */
  readNode(node: string, then: (stored: Stored | undefined | KVError) => void, shard = 0): void {
    const { parts, timeout } = this.#context
    parts.all[shard]!.batcher.read(new NodeRead(node, then), timeout)
  }
}

class HeadedAccess<V> extends Access<Headed<V>> {
  override known(key: string): KVError | undefined {
    return this.refusal(key)
  }
}

/** Where a store of ours has its {@link Access}. */
const ACCESS: unique symbol = Symbol('rxkeeper.access')

/** A store that operators can work on. */
export interface AccessibleStore<V> extends KVStore<V> {
  readonly [ACCESS]: Access<V>
}

export { ACCESS }

/** How operators ask a store; throws `UNSUPPORTED` where it was not made by `kvStore`. */
export function accessOf<V>(store: KVStore<V>): Access<V>
export function accessOf(store: AnyStore): Access<never>
export function accessOf<V>(store: AnyStore): Access<V> | Access<never> {
  const access = (store as Partial<AccessibleStore<V>> | undefined)?.[ACCESS]
  if (access !== undefined) return access
  throw new KVError(
    'UNSUPPORTED',
    'operators work on stores that `kvStore` made (memoryStore, zookeeperStore, lmdbStore, …), not on ones around them',
  )
}
