import { type Observable, Subscriber } from 'rxjs'
import { subscribeWithDemand } from '../../base/demand.ts'
import { Queue } from '../../base/queue.ts'
import { callbackError } from './arguments.ts'
import type { Lineup } from './lineup.ts'
import type { Sink } from './operate.ts'

class KeyedRecord<T, K> {
  readonly record: T
  readonly place: number
  readonly key: K
  /** The next record of the same key. */
  next: KeyedRecord<T, K> | undefined

  constructor(record: T, place: number, key: K) {
    this.record = record
    this.place = place
    this.key = key
  }
}

/** Takes what comes of one record. */
class Inner<T, K, R> extends Subscriber<R> {
  readonly #keyed: KeyedRecord<T, K>
  readonly #lineup: Lineup<R>
  readonly #ended: (inner: Inner<T, K, R>, keyed: KeyedRecord<T, K>) => void

  constructor(
    keyed: KeyedRecord<T, K>,
    lineup: Lineup<R>,
    ended: (inner: Inner<T, K, R>, keyed: KeyedRecord<T, K>) => void,
  ) {
    super()
    this.#keyed = keyed
    this.#lineup = lineup
    this.#ended = ended
  }

  protected override _next(output: R): void {
    this.#lineup.emit(this.#keyed.place, output)
  }

  protected override _error(error: unknown): void {
    this.unsubscribe()
    this.#lineup.fail(this.#keyed.place, error)
    this.#ended(this, this.#keyed)
  }

  protected override _complete(): void {
    this.unsubscribe()
    this.#lineup.finish(this.#keyed.place)
    this.#ended(this, this.#keyed)
  }
}

/** What a {@link KeyedPump} does: the key of a record, and the work on it. */
export interface KeyedWork<T, K, R> {
  keyOf(record: T): K
  /** Begins the work on a record; its errors are the record's. */
  begin(record: T, key: K): Observable<R>
}

/** Works on up to `concurrency` records at a time, on those of one key one after the other. */
export class KeyedPump<T, K, R> implements Sink<T> {
  readonly #work: KeyedWork<T, K, R>
  readonly #concurrency: number
  readonly #lineup: Lineup<R>
  /** The last record of each key that has one. */
  readonly #last = new Map<K, KeyedRecord<T, K>>()
  /** Those whose key is free. */
  readonly #ready = new Queue<KeyedRecord<T, K>>()
  readonly #running = new Set<Inner<T, K, R>>()
  #starting = false
  #stopped = false

  constructor(work: KeyedWork<T, K, R>, concurrency: number, lineup: Lineup<R>) {
    this.#work = work
    this.#concurrency = concurrency
    this.#lineup = lineup
  }

  next(record: T): void {
    if (this.#lineup.failing) return
    const place = this.#lineup.join()
    let key: K
    try {
      key = this.#work.keyOf(record)
    } catch (error) {
      this.#lineup.fail(place, callbackError('keyOf', error))
      return
    }
    const keyed = new KeyedRecord(record, place, key)
    const previous = this.#last.get(key)
    this.#last.set(key, keyed)
    if (previous === undefined) this.#ready.push(keyed)
    else previous.next = keyed
    this.#start()
  }

  complete(): void {
    this.#lineup.complete()
  }

  stop(): void {
    this.#stopped = true
    for (const inner of this.#running) inner.unsubscribe()
    this.#running.clear()
  }

  /** A loop, not a recursion: work that ends at once comes back here. */
  #start(): void {
    if (this.#starting) return
    this.#starting = true
    while (!this.#stopped && this.#running.size < this.#concurrency) {
      const keyed = this.#ready.shift()
      if (keyed === undefined) break
      if (this.#lineup.wants(keyed.place)) this.#begin(keyed)
      else this.#passOn(keyed)
    }
    this.#starting = false
  }

  #begin(keyed: KeyedRecord<T, K>): void {
    const inner = new Inner(keyed, this.#lineup, this.#ended)
    this.#running.add(inner)
    let work: Observable<R>
    try {
      work = this.#work.begin(keyed.record, keyed.key)
    } catch (error) {
      inner.error(error)
      return
    }
    subscribeWithDemand(work, undefined, inner)
  }

  readonly #ended = (inner: Inner<T, K, R>, keyed: KeyedRecord<T, K>): void => {
    this.#running.delete(inner)
    this.#passOn(keyed)
    this.#start()
  }

  #passOn(keyed: KeyedRecord<T, K>): void {
    if (keyed.next !== undefined) this.#ready.push(keyed.next)
    else this.#last.delete(keyed.key)
  }
}
