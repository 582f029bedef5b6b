import { defaultIfEmpty, Observable, type Subscriber } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import { type Timing, timingOf } from '../base/timing.ts'
import type { Engine, KeySpan, Scan, Status, StoredEntry, Written } from '../contract/engine.ts'
import { ACCESS, Access, type AccessibleStore, type Following } from './access.ts'
import {
  emitLast,
  existing,
  type Found,
  GetAllCall,
  GetAllRead,
  GetCall,
  TransactionCall,
  UpdateCall,
  WriteCall,
} from './calls.ts'
import { Encoding } from './encoding.ts'
import { Feed } from './feed.ts'
import { GroupTallies } from './group-tally.ts'
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
  Updated,
} from './kv-store.ts'
import { list, spanOf } from './listing.ts'
import { OBSERVED, type Observed, ObservedEngine, type ObservedStore } from './observed-engine.ts'
import { StoreParts } from './parts.ts'
import { preparedEngine } from './prepared-engine.ts'

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
export function kvStore<V>(engine: Engine, options: StoreOptions<V>): KVStore<V> {
  const timing = timingOf(options.scheduler)
  const encoding = new Encoding(options.value, engine.limits, () => timing.date())
  return new EngineStore(
    new ObservedEngine(preparedEngine(engine, encoding, timing)),
    encoding,
    timing,
    options,
  )
}

/** The methods of a store: each is a call that begins when it is subscribed to. */
class EngineStore<V> implements AccessibleStore<V>, ObservedStore {
  readonly status$: Observable<Status>
  readonly [OBSERVED]: Observed
  readonly [ACCESS]: Access<V>
  readonly #engine: Engine
  readonly #encoding: Encoding<V>
  readonly #timeout: number
  readonly #timing: Timing
  readonly #parts: StoreParts<V>
  readonly #access: Access<V>
  #closing: Promise<void> | undefined

  constructor(
    engine: ObservedEngine,
    encoding: Encoding<V>,
    timing: Timing,
    { timeout, cache = 0 }: StoreOptions<V>,
  ) {
    this.#encoding = encoding
    this.#timeout = wholeNumber('timeout', timeout ?? DEFAULT_TIMEOUT, 1, MAX_TIMEOUT)
    wholeNumber('cache', cache, 0, Number.MAX_SAFE_INTEGER)
    this.#engine = engine
    this.#timing = timing
    this.#parts = new StoreParts(engine, {
      encoding: this.#encoding,
      timing: this.#timing,
      timeout: this.#timeout,
      cache,
    })
    this[OBSERVED] = {
      engine,
      cache: this.#parts.counts,
      timing: this.#timing,
      timeout: this.#timeout,
      groups: new GroupTallies(),
    }
    this.#access = new Access({
      encoding: this.#encoding,
      parts: this.#parts,
      timeout: this.#timeout,
      timing: this.#timing,
      follow: (range, subscriber, following) => this.#follow(range, subscriber, following),
    })
    this[ACCESS] = this.#access
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
    return this.#call$(options, (subscriber, timeout) => {
      const call = new WriteCall(subscriber, ({ version }) => entryOf(key, value, version))
      const { ifVersion, expireAfter } = options
      this.#access.write({ type: 'put', key, value, ifVersion, expireAfter }, call, timeout)
    })
  }

  putAll$(
    entries: Iterable<readonly [key: string, value: V]>,
    options?: CallOptions,
  ): Observable<Entry<V>[]> {
    return this.#call$(options, (subscriber, timeout) => {
      const pairs = [...entries]
      const puts = pairs.map(([key, value]): Mutation<V> => ({ type: 'put', key, value }))
      const resultOf = ({ version }: Written, index: number) => entryOf(...pairs[index]!, version)
      this.#access.commit(puts, new TransactionCall(subscriber, written => written.map(resultOf)), {
        timeout,
      })
    })
  }

  delete$(key: string, options: DeleteOptions = {}): Observable<boolean> {
    return this.#call$(options, (subscriber, timeout) => {
      const call = new WriteCall(subscriber, ({ existed }) => existed)
      this.#access.write({ type: 'delete', key, ifVersion: options.ifVersion }, call, timeout)
    })
  }

  deleteAll$(keys: Iterable<string>, options?: CallOptions): Observable<number> {
    return this.#call$(options, (subscriber, timeout) => {
      const deletes = Array.from(new Set(keys), (key): Mutation<V> => ({ type: 'delete', key }))
      this.#access.commit(deletes, new TransactionCall(subscriber, existing), { timeout })
    })
  }

  update$<N extends V | undefined>(
    key: string,
    transform: (value: V | undefined) => N,
    options?: CallOptions,
  ): Observable<Updated<V, N>> {
    return this.#call$<Entry<V> | undefined>(options, (subscriber, timeout) =>
      this.#access.update(new UpdateCall(key, subscriber, transform), timeout),
    ) as Observable<Updated<V, N>>
  }

  transact$(writes: Iterable<Mutation<V>>, options?: CallOptions): Observable<MutationResult<V>[]> {
    return this.#call$(options, (subscriber, timeout) => {
      const mutations = [...writes]
      const resultOf = (written: Written, index: number): MutationResult<V> => {
        const mutation = mutations[index]!
        if (mutation.type === 'check') return { type: 'check' }
        if (mutation.type === 'delete') return { type: 'delete', existed: written.existed }
        return { type: 'put', entry: entryOf(mutation.key, mutation.value, written.version) }
      }
      this.#access.commit(mutations, new TransactionCall(subscriber, written => written.map(resultOf)), {
        timeout,
      })
    })
  }

  entries$(options: ListOptions = {}): Observable<Entry<V>> {
    return this.#list$(
      options,
      span => this.#engine.entries(span),
      ({ key, value, version }: StoredEntry) => entryOf(key, this.#encoding.decode(key, value), version),
      ({ value }) => this.#encoding.isExpired(value),
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
      this.#parts.of(key).watches.add(key, subscriber)
    })
  }

  changes$(range: Range = {}): Observable<Change<V>> {
    return this.#call$(undefined, subscriber => this.#follow(range, subscriber, undefined))
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      let closed!: (end: Promise<void>) => void
      // Known before anything is rejected: whoever hears of that may close the store, too.
      this.#closing = new Promise(resolve => {
        closed = resolve
      })
      closed(this.#parts.close().then(() => this.#engine.close()))
    }
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** An Observable that begins a call when subscribed; what `begin` throws is its error. */
  #call$<R>(
    options: CallOptions | undefined,
    begin: (subscriber: Subscriber<R>, timeout: number) => void,
  ): Observable<R> {
    return new Observable(subscriber => {
      try {
        const timeout =
          options?.timeout === undefined
            ? this.#timeout
            : wholeNumber('timeout', options.timeout, 1, MAX_TIMEOUT)
        if (this.#closing !== undefined) throw new KVError('CLOSED', 'the store is closed')
        begin(subscriber, timeout)
      } catch (error) {
        subscriber.error(error)
      }
    })
  }

  #follow(range: Range, subscriber: Subscriber<Change<V>>, following: Following<V> | undefined): void {
    // An empty range changes never, but can be synced.
    const span = spanOf(range) ?? { from: '', to: '' }
    const decode = (following && this.#encoding.decodeShared) ?? this.#encoding.decode
    const feeds = this.#parts.all.map(
      ({ engine, hub, batcher }) =>
        new Feed(
          {
            engine,
            hub,
            batcher,
            timing: this.#timing,
            timeout: this.#timeout,
            decode,
            isExpired: bytes => this.#encoding.isExpired(bytes),
            synced: () => {
              if (feeds.every(({ isSynced }) => isSynced)) subscriber.next({ type: 'synced' })
            },
            following,
          },
          span,
          subscriber,
        ),
    )
    for (const feed of feeds) feed.start()
  }

  #read$<R>(key: string, options: CallOptions | undefined, resultOf: Found<V, R>): Observable<R | undefined> {
    return this.#call$<R | undefined>(options, (subscriber, timeout) =>
      this.#access.read(new GetCall(key, subscriber, resultOf), timeout),
    )
  }

  #readAll$<R>(
    keys: Iterable<string>,
    options: CallOptions | undefined,
    resultOf: Found<V, R>,
  ): Observable<Map<string, R>> {
    return this.#call$<Map<string, R>>(options, (subscriber, timeout) => {
      const unique = [...new Set(keys)]
      if (unique.length === 0) emitLast(subscriber, new Map())
      const call = new GetAllCall(unique, subscriber, resultOf)
      for (let i = 0; i < unique.length && !subscriber.closed; i++) {
        this.#access.read(new GetAllRead(unique[i]!, call, i), timeout)
      }
    })
  }

  #list$<P, R>(
    options: ListOptions,
    open: (span: KeySpan) => Scan<P>,
    emit: (item: P) => R,
    isHidden?: (item: P) => boolean,
  ): Observable<R> {
    return this.#call$(options, (subscriber, timeout) => {
      const limit = options.limit ?? Number.POSITIVE_INFINITY
      if (limit !== Number.POSITIVE_INFINITY) wholeNumber('limit', limit, 0, Number.MAX_SAFE_INTEGER)
      const span = spanOf(options, options.reverse)
      if (span === undefined || limit === 0) subscriber.complete()
      else list(open(span), limit, { timing: this.#timing, timeout }, { emit, isHidden }, subscriber)
    })
  }
}
