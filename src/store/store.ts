import { defaultIfEmpty, Observable, type Subscriber, type Unsubscribable } from 'rxjs'
import { wholeNumber } from '../arguments.ts'
import type { Engine, KeySpan, Scan, Status, StoredEntry, Write } from '../engine.ts'
import { KVError } from '../errors.ts'
import { type Timing, timingOf } from '../timing.ts'
import { Batcher } from './batcher.ts'
import { BULK, type Bulk, type BulkStore, type BulkTarget } from './bulk.ts'
import { Cache } from './cache.ts'
import { BulkRead, BulkWrite, DeleteCall, PutCall, ReadCall, TransactionCall } from './calls.ts'
import { Encoding } from './encoding.ts'
import { Feed } from './feed.ts'
import { Hub } from './hub.ts'
import type {
  CallOptions,
  Change,
  DeleteOptions,
  Entry,
  KVStore,
  ListOptions,
  Mutation,
  MutationResult,
  PutOptions,
  Range,
  StoreOptions,
} from './kv-store.ts'
import { list, spanOf } from './listing.ts'
import { OBSERVED, type Observed, ObservedEngine, type ObservedStore } from './observed-engine.ts'
import type { WriteRequest } from './requests.ts'
import { Update, Updates } from './updates.ts'
import { Watches } from './watches.ts'
import { sizeOf } from './write-batcher.ts'

const DEFAULT_TIMEOUT = 30_000

/** The longest delay of a timer of Node, in milliseconds. */
const MAX_TIMEOUT = 2_147_483_647

const entryOf = <V>(key: string, value: V, version: number): Entry<V> => ({ key, value, version })
const justValue = <V>(_key: string, value: V): V => value

/**
 * A store on an engine of your own (see `Engine` for what it must do).
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { kvStore, Memory, MemoryEngine, text } from 'rxkeeper'
 *
 * await using store = kvStore(new MemoryEngine(new Memory()), { value: text })
 * console.log((await firstValueFrom(store.put$('alice', 'here'))).version) // 0
 * ```
 */
export const kvStore = <V>(engine: Engine, options: StoreOptions<V>): KVStore<V> =>
  new EngineStore(new ObservedEngine(engine), options)

/** Checks and encodes what comes in, decodes what goes out, and leaves the rest to batcher, hub and engine. */
class EngineStore<V> implements BulkStore<V>, ObservedStore<V> {
  readonly status$: Observable<Status>
  readonly [OBSERVED]: Observed
  readonly #engine: Engine
  readonly #encoding: Encoding<V>
  readonly #timeout: number
  readonly #timing: Timing
  readonly #batcher: Batcher
  readonly #hub: Hub
  readonly #cache: Cache<V> | undefined
  readonly #watches: Watches<V>
  readonly #updates: Updates<V>
  #closing: Promise<void> | undefined

  constructor(engine: ObservedEngine, { value, timeout, cache = 0, scheduler }: StoreOptions<V>) {
    this.#encoding = new Encoding(value, engine.limits)
    this.#timeout = wholeNumber('timeout', timeout ?? DEFAULT_TIMEOUT, 1, MAX_TIMEOUT)
    wholeNumber('cache', cache, 0, Number.MAX_SAFE_INTEGER)
    this.#engine = engine
    this.#timing = timingOf(scheduler)
    this.#hub = new Hub(engine)
    this.#batcher = new Batcher(engine, this.#timing, this.#hub)
    this.#cache = cache > 0 ? new Cache(cache, this.#hub, this.#encoding.decode) : undefined
    this[OBSERVED] = {
      engine,
      cache: this.#cache?.counts,
      timing: this.#timing,
      timeout: this.#timeout,
    }
    this.#watches = new Watches(this.#hub, this.#batcher, this.#timing, this.#timeout, this.#encoding.decode)
    this.#updates = new Updates({
      engine,
      batcher: this.#batcher,
      timing: this.#timing,
      decode: this.#encoding.decode,
      putOf: (key, newValue, ifVersion) => this.#encoding.put(key, newValue, ifVersion),
    })
    // A BehaviorSubject that has completed replays nothing.
    this.status$ = engine.status$.pipe(
      defaultIfEmpty<Status, Status>({ state: 'closed', reason: 'the store is closed' }),
    )
  }

  get$(key: string, options?: CallOptions): Observable<V | undefined> {
    return this.#read$(key, options, justValue)
  }

  entry$(key: string, options?: CallOptions): Observable<Entry<V> | undefined> {
    return this.#read$(key, options, entryOf)
  }

  getAll$(keys: Iterable<string>, options?: CallOptions): Observable<Map<string, V>> {
    return this.#readAll$(keys, options, justValue)
  }

  entryAll$(keys: Iterable<string>, options?: CallOptions): Observable<Map<string, Entry<V>>> {
    return this.#readAll$(keys, options, entryOf)
  }

  put$(key: string, value: V, options: PutOptions = {}): Observable<Entry<V>> {
    return this.#call$(options, (subscriber, now, timeout) => {
      const write = this.#encoding.put(key, value, options.ifVersion)
      this.#batcher.write(new PutCall(write, value, now, timeout, subscriber))
    })
  }

  putAll$(
    entries: Iterable<readonly [key: string, value: V]>,
    options?: CallOptions,
  ): Observable<Entry<V>[]> {
    return this.#call$(options, (subscriber, now, timeout) => {
      const pairs = [...entries]
      const writes = pairs.map(([key, value]) => this.#encoding.put(key, value, undefined))
      const emit = (index: number, { version }: { version: number }) => entryOf(...pairs[index]!, version)
      this.#commit(writes, subscriber, now, timeout, emit)
    })
  }

  delete$(key: string, options: DeleteOptions = {}): Observable<boolean> {
    return this.#call$(options, (subscriber, now, timeout) => {
      const write = this.#encoding.delete(key, options.ifVersion)
      this.#batcher.write(new DeleteCall(write, now, timeout, subscriber))
    })
  }

  deleteAll$(keys: Iterable<string>, options?: CallOptions): Observable<number> {
    return this.#call$(options, (subscriber, now, timeout) => {
      const writes = Array.from(new Set(keys), key => this.#encoding.delete(key, undefined))
      let existed = 0
      let left = writes.length
      if (left === 0) emitLast(subscriber, 0)
      const call = new BulkWrite(writes, now, timeout, (_index, result) => {
        if (result instanceof KVError) subscriber.error(result)
        else if (result.existed) existed++
        if (--left === 0) emitLast(subscriber, existed)
      })
      this.#write(call, subscriber)
    })
  }

  update$(
    key: string,
    next: (current: V | undefined) => V | undefined,
    options?: CallOptions,
  ): Observable<Entry<V> | undefined> {
    return this.#call$(options, (subscriber, now, timeout) => {
      this.#encoding.checkKey(key)
      const update = new Update<V>(key, now, timeout, next, result => {
        if (result instanceof KVError) subscriber.error(result)
        else emitLast(subscriber, result)
      })
      subscriber.add(update)
      this.#updates.add(update)
    })
  }

  transact$(writes: Iterable<Mutation<V>>, options?: CallOptions): Observable<MutationResult<V>[]> {
    return this.#call$(options, (subscriber, now, timeout) => {
      const mutations = [...writes]
      const encoded = mutations.map(mutation => this.#encoding.write(mutation))
      this.#commit(encoded, subscriber, now, timeout, (index, written): MutationResult<V> => {
        const mutation = mutations[index]!
        if (mutation.type === 'check') return { type: 'check' }
        if (mutation.type === 'delete') return { type: 'delete', existed: written.existed }
        return { type: 'put', entry: entryOf(mutation.key, mutation.value, written.version) }
      })
    })
  }

  entries$(options: ListOptions = {}): Observable<Entry<V>> {
    return this.#list$(
      options,
      span => this.#engine.entries(span),
      ({ key, value, version }: StoredEntry) => entryOf(key, this.#encoding.decode(key, value), version),
    )
  }

  keys$(options: ListOptions = {}): Observable<string> {
    return this.#list$(
      options,
      span => this.#engine.keys(span),
      key => key,
    )
  }

  watch$(key: string): Observable<V | undefined> {
    return this.#call$(undefined, subscriber => {
      this.#encoding.checkKey(key)
      this.#watches.add(key, subscriber)
    })
  }

  changes$(range: Range = {}): Observable<Change<V>> {
    return this.#call$(undefined, subscriber => {
      // An empty range changes never, but can be synced.
      const span = spanOf(range) ?? { from: '', to: '' }
      const feed = new Feed(
        {
          engine: this.#engine,
          hub: this.#hub,
          batcher: this.#batcher,
          timing: this.#timing,
          timeout: this.#timeout,
          decode: this.#encoding.decode,
        },
        span,
        subscriber,
      )
      feed.start()
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#batcher.close().then(() => this.#engine.close())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly [BULK]: Bulk<V> = {
    read: (keys, target) => this.#bulkRead(keys, target),
    write: (mutations, target) => this.#bulkWrite(mutations, target),
    cached: key => this.#cache?.hit(key),
    defer: work => this.#timing.defer(work),
  }

  /** An Observable that begins a call when subscribed; what `begin` throws is its error. */
  #call$<R>(
    options: CallOptions | undefined,
    begin: (subscriber: Subscriber<R>, now: number, timeout: number) => void,
  ): Observable<R> {
    return new Observable(subscriber => {
      try {
        const timeout =
          options?.timeout === undefined
            ? this.#timeout
            : wholeNumber('timeout', options.timeout, 1, MAX_TIMEOUT)
        if (this.#closing !== undefined) throw new KVError('CLOSED', 'the store is closed')
        begin(subscriber, this.#timing.now(), timeout)
      } catch (error) {
        subscriber.error(error)
      }
    })
  }

  #read$<R>(
    key: string,
    options: CallOptions | undefined,
    emit: (key: string, value: V, version: number) => R,
  ): Observable<R | undefined> {
    return this.#call$<R | undefined>(options, (subscriber, now, timeout) => {
      this.#encoding.checkKey(key)
      const cached = this.#cached(key)
      if (cached !== undefined) {
        emitLast(subscriber, cached.value === undefined ? undefined : emit(key, cached.value, cached.version))
        return
      }
      const call = new ReadCall(key, now, timeout, subscriber, this.#encoding.decode, emit)
      this.#batcher.read(call)
    })
  }

  #readAll$<R>(
    keys: Iterable<string>,
    options: CallOptions | undefined,
    emit: (key: string, value: V, version: number) => R,
  ): Observable<Map<string, R>> {
    return this.#call$<Map<string, R>>(options, (subscriber, _now, timeout) => {
      const unique = [...new Set(keys)]
      const results = new Array<R | undefined>(unique.length)
      let left = unique.length
      if (left === 0) emitLast(subscriber, new Map())
      const target: BulkTarget<V> = {
        settle: (index, error, value, version) => {
          if (error !== undefined) subscriber.error(error)
          else if (value !== undefined) results[index] = emit(unique[index]!, value, version)
          if (--left > 0 || subscriber.closed) return
          const found = new Map<string, R>()
          for (let i = 0; i < results.length; i++) {
            const result = results[i]
            if (result !== undefined) found.set(unique[i]!, result)
          }
          emitLast(subscriber, found)
        },
      }
      if (left > 0) subscriber.add(this.#bulkRead(unique, target, timeout))
    })
  }

  #bulkRead(keys: readonly string[], target: BulkTarget<V>, timeout: number = this.#timeout): Unsubscribable {
    let asked: string[] | undefined
    let indices: number[] | undefined
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      let error: KVError | undefined
      let cached: { readonly value: V | undefined; readonly version: number } | undefined
      try {
        this.#encoding.checkKey(key)
        cached = this.#cached(key)
      } catch (thrown) {
        error = thrown as KVError
      }
      if (error === undefined && cached === undefined) {
        if (indices !== undefined) {
          asked!.push(key)
          indices.push(i)
        }
        continue
      }
      // Only where something needs no asking are the rest picked out.
      if (indices === undefined) {
        asked = keys.slice(0, i)
        indices = asked.map((_, index) => index)
      }
      target.settle(i, error, cached?.value, cached?.version ?? -1)
    }
    const call = new BulkRead(
      asked ?? keys,
      indices,
      this.#timing.now(),
      timeout,
      target,
      this.#encoding.decode,
    )
    this.#batcher.read(call)
    return call
  }

  #bulkWrite(mutations: readonly Mutation<V>[], target: BulkTarget<V>): Unsubscribable {
    const writes: Write[] = []
    const indices: number[] = []
    for (let i = 0; i < mutations.length; i++) {
      try {
        writes.push(this.#encoding.write(mutations[i]!))
        indices.push(i)
      } catch (error) {
        target.settle(i, error as KVError, undefined, -1)
      }
    }
    const call = new BulkWrite(writes, this.#timing.now(), this.#timeout, (index, result) => {
      const at = indices[index]!
      const mutation = mutations[at]!
      if (result instanceof KVError) target.settle(at, result, undefined, -1)
      else target.settle(at, undefined, mutation.type === 'put' ? mutation.value : undefined, result.version)
    })
    this.#batcher.write(call)
    return call
  }

  /** What the cache knows of `key`, unless a write of it is under way, which a read must see. */
  #cached(key: string): { readonly value: V | undefined; readonly version: number } | undefined {
    return this.#cache === undefined || this.#batcher.isWriting(key) ? undefined : this.#cache.get(key)
  }

  #write<R>(call: WriteRequest, subscriber: Subscriber<R>): void {
    subscriber.add(call)
    this.#batcher.write(call)
  }

  #commit<R>(
    writes: readonly Write[],
    subscriber: Subscriber<R[]>,
    now: number,
    timeout: number,
    emit: (index: number, written: { existed: boolean; version: number }) => R,
  ): void {
    if (writes.length === 0) {
      emitLast(subscriber, [])
      return
    }
    let bytes = 0
    for (const write of writes) bytes += sizeOf(write, this.#engine)
    const { batchBytes } = this.#engine.limits
    if (bytes > batchBytes) {
      throw new KVError(
        'VALUE_TOO_LARGE',
        `a transaction of ${writes.length} writes has ${bytes} bytes, the limit is ${batchBytes}`,
      )
    }
    this.#write(new TransactionCall(writes, now, timeout, subscriber, emit), subscriber)
  }

  #list$<P, R>(options: ListOptions, open: (span: KeySpan) => Scan<P>, emit: (item: P) => R): Observable<R> {
    return this.#call$(options, (subscriber, _now, timeout) => {
      const limit = options.limit ?? Number.POSITIVE_INFINITY
      if (limit !== Number.POSITIVE_INFINITY) wholeNumber('limit', limit, 0, Number.MAX_SAFE_INTEGER)
      const span = spanOf(options, options.reverse)
      if (span === undefined || limit === 0) subscriber.complete()
      else list(open(span), limit, { timing: this.#timing, timeout }, emit, subscriber)
    })
  }
}

function emitLast<R>(subscriber: Subscriber<R>, result: R): void {
  subscriber.next(result)
  subscriber.complete()
}
