import type { Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Codec } from '../codecs.ts'
import type { Stored, Write, Written } from '../contract/engine.ts'
import type { Encoding, Headed } from './encoding.ts'
import type { AnyStore, BytesPut, Change, Entry, KVStore, Mutation, Range } from './kv-store.ts'
import { Read, SingleWrite, Transaction, type Turn, Update } from './operations.ts'
import type { Part, StoreParts } from './parts.ts'

/** Who waits for a result. */
interface Asker {
  /** Whether the result is of no interest any more: what has not been sent is then not sent. */
  readonly withdrawn: boolean
  failed(error: KVError): void
}

/** Who reads a key. */
export interface Reader<V> extends Asker {
  /**
   * `version` is -1 where there is nothing; a value that has expired is none, and has one. `bytes` are what the value
   * was decoded from, where that is known.
   */
  found(value: V | undefined, version: number, bytes?: Uint8Array): void
}

/** Who writes a key. */
export interface Writer extends Asker {
  written(written: Written): void
}

/** Who updates a key. */
export interface Updater<V> extends Asker {
  next(current: V | undefined): V | undefined
  updated(entry: Entry<V> | undefined): void
}

/** Who commits a transaction. */
export interface Committer extends Asker {
  committed(written: readonly Written[]): void
}

/** What a read finds without asking. */
export interface Known<V> {
  readonly value: V | undefined
  /** -1 where there is no value. */
  readonly version: number
}

class ValueRead<V> extends Read {
  readonly #encoding: Encoding<V>
  readonly #reader: Reader<V>

  constructor(key: string, turn: Turn, timeout: number, encoding: Encoding<V>, reader: Reader<V>) {
    super(key, turn, timeout)
    this.#encoding = encoding
    this.#reader = reader
  }

  override get withdrawn(): boolean {
    return this.#reader.withdrawn
  }

  protected answered(result: Stored | undefined | KVError): void {
    if (result === undefined) this.#reader.found(undefined, -1)
    else if (result instanceof KVError) this.#reader.failed(result)
    else if (this.#encoding.isExpired(result.value)) this.#reader.found(undefined, result.version)
    else {
      let value: V
      try {
        value = this.#encoding.decode(this.key, result.value)
      } catch (error) {
        this.#reader.failed(error as KVError)
        return
      }
      this.#reader.found(value, result.version, result.value)
    }
  }
}

class NodeRead extends Read {
  readonly #then: (stored: Stored | undefined | KVError) => void

  constructor(
    node: string,
    turn: Turn,
    timeout: number,
    then: (stored: Stored | undefined | KVError) => void,
  ) {
    super(node, turn, timeout)
    this.#then = then
  }

  protected answered(result: Stored | undefined | KVError): void {
    this.#then(result)
  }
}

class EntryWrite extends SingleWrite {
  readonly #writer: Writer

  constructor(write: Write, bytes: number, turn: Turn, timeout: number, writer: Writer) {
    super(write, bytes, turn, timeout)
    this.#writer = writer
  }

  override get withdrawn(): boolean {
    return this.#writer.withdrawn
  }

  protected answered(result: Written | KVError): void {
    if (result instanceof KVError) this.#writer.failed(result)
    else this.#writer.written(result)
  }
}

/** An insert where values expire: one that has expired, and is not deleted yet, does not stand in its way. */
class Insert<V> implements Writer, Reader<V> {
  readonly #access: Access<V>
  readonly #mutation: Mutation<V> & { readonly type: 'put' }
  readonly #writer: Writer
  readonly #timeout: number
  #conflict: KVError | undefined

  constructor(
    access: Access<V>,
    mutation: Mutation<V> & { readonly type: 'put' },
    writer: Writer,
    timeout: number,
  ) {
    this.#access = access
    this.#mutation = mutation
    this.#writer = writer
    this.#timeout = timeout
  }

  get withdrawn(): boolean {
    return this.#writer.withdrawn
  }

  written(written: Written): void {
    this.#writer.written(written)
  }

  failed(error: KVError): void {
    if (error.code !== 'VERSION_CONFLICT' || this.#conflict !== undefined) this.#writer.failed(error)
    else {
      this.#conflict = error
      this.#access.read(this.#mutation.key, this, this.#timeout)
    }
  }

  found(value: V | undefined, version: number): void {
    if (value !== undefined || version === -1) this.#writer.failed(this.#conflict!)
    else this.#access.write({ ...this.#mutation, ifVersion: version }, this.#writer, this.#timeout)
  }
}

class ValueUpdate<V> extends Update<V> {
  readonly #updater: Updater<V>

  constructor(key: string, turn: Turn, timeout: number, updater: Updater<V>) {
    super(key, turn, timeout)
    this.#updater = updater
  }

  override get withdrawn(): boolean {
    return this.#updater.withdrawn
  }

  next(current: V | undefined): V | undefined {
    return this.#updater.next(current)
  }

  protected answered(result: Entry<V> | undefined | KVError): void {
    if (result instanceof KVError) this.#updater.failed(result)
    else this.#updater.updated(result)
  }
}

class Commit extends Transaction {
  readonly #committer: Committer

  constructor(
    writes: readonly Write[],
    bytes: number,
    turn: Turn,
    timeout: number,
    chain: object | undefined,
    committer: Committer,
  ) {
    super(writes, bytes, turn, timeout, chain)
    this.#committer = committer
  }

  override get withdrawn(): boolean {
    return this.#committer.withdrawn
  }

  protected answered(result: readonly Written[] | KVError): void {
    if (result instanceof KVError) this.#committer.failed(result)
    else this.#committer.committed(result)
  }
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
export interface Following {
  /** Changes may be missed, until the next `synced`. */
  missing(): void
}

/** What an {@link Access} is made of. */
export interface AccessContext<V> {
  readonly encoding: Encoding<V>
  readonly parts: StoreParts<V>
  /** How long an operation may take by default, in milliseconds. */
  readonly timeout: number
  readonly timing: Timing
  follow(range: Range, subscriber: Subscriber<Change<V>>, following: Following): void
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
  ask(key: string, reader: Reader<V>, timeout: number = this.#context.timeout): void {
    const { encoding, parts } = this.#context
    const { batcher } = parts.of(key)
    batcher.read(new ValueRead(key, batcher.turn, timeout, encoding, reader))
  }

  read(key: string, reader: Reader<V>, timeout?: number): void {
    const known = this.known(key)
    if (known === undefined) this.ask(key, reader, timeout)
    else if (known instanceof KVError) reader.failed(known)
    else reader.found(known.value, known.version)
  }

  write(mutation: Mutation<V>, asker: Writer, timeout: number = this.#context.timeout): void {
    const { encoding, parts } = this.#context
    const mayBeOver = mutation?.type === 'put' && mutation.ifVersion === 'absent' && mutation.expireAfter
    const writer = mayBeOver ? new Insert(this, mutation, asker, timeout) : asker
    let write: Write
    let part: Part<V>
    try {
      write = encoding.write(mutation)
      part = parts.of(write.key)
    } catch (error) {
      writer.failed(error as KVError)
      return
    }
    part.batcher.write(new EntryWrite(write, encoding.sizeOf(write), part.batcher.turn, timeout, writer))
  }

  update(key: string, updater: Updater<V>, timeout: number = this.#context.timeout): void {
    const { encoding, parts } = this.#context
    let part: Part<V>
    try {
      encoding.checkKey(key)
      part = parts.of(key)
    } catch (error) {
      updater.failed(error as KVError)
      return
    }
    part.batcher.update(new ValueUpdate(key, part.batcher.turn, timeout, updater) as Update<unknown>)
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
    else part.batcher.write(new Commit(writes, bytes, part.batcher.turn, timeout, chain, committer))
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
  follow(range: Range, subscriber: Subscriber<Change<V>>, following: Following): void {
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
    const { batcher } = parts.all[shard]!
    batcher.read(new NodeRead(node, batcher.turn, timeout, then))
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
