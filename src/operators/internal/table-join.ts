import { Subscriber } from 'rxjs'
import type { Capacity } from '../../base/demand.ts'
import { KVError } from '../../base/errors.ts'
import { Queue } from '../../base/queue.ts'
import { checkKey } from '../../contract/keys.ts'
import type { Access } from '../../store/access.ts'
import type { Change, Range } from '../../store/kv-store.ts'
import { callbackError } from './arguments.ts'
import type { Sink } from './operate.ts'

/** The parameters of a table join. */
export interface TableWork<T, V, R> {
  readonly range: Range
  readonly keyOf: (record: T) => string
  readonly project: (record: T, stored: V | undefined) => R
}

/** Joins records with a followed table; they wait while it may be out of date. */
export class TableJoin<T, V, R> implements Sink<T> {
  readonly #work: TableWork<T, V, R>
  readonly #destination: Subscriber<R>
  readonly #capacity: Capacity
  readonly #table = new Map<string, V>()
  readonly #changes: Subscriber<Change<V>>
  readonly #waiting = new Queue<T>()
  #isSynced = false
  #isEmitting = false
  #isCompleting = false

  constructor(access: Access<V>, work: TableWork<T, V, R>, destination: Subscriber<R>, capacity: Capacity) {
    this.#work = work
    this.#destination = destination
    this.#capacity = capacity
    this.#changes = new Subscriber<Change<V>>({
      next: change => this.#changed(change),
      error: (error: unknown) => destination.error(error),
      complete: () => destination.error(new KVError('CLOSED', 'the store is closed')),
    })
    access.follow(work.range, this.#changes, {
      missing: () => {
        this.#isSynced = false
      },
    })
  }

  next(record: T): void {
    if (!this.#isSynced || this.#isEmitting || this.#waiting.length > 0) {
      this.#capacity.held++
      this.#waiting.push(record)
      return
    }
    this.#isEmitting = true
    this.#join(record)
    this.#isEmitting = false
    if (this.#waiting.length > 0) this.#flush()
  }

  complete(): void {
    this.#isCompleting = true
    this.#completeWhenDone()
  }

  stop(): void {
    this.#changes.unsubscribe()
  }

  #changed(change: Change<V>): void {
    if (change.type === 'put') this.#table.set(change.key, change.value)
    else if (change.type === 'delete') this.#table.delete(change.key)
    else {
      this.#isSynced = true
      this.#flush()
    }
  }

  /** A loop, not a recursion: an output may cause further records. */
  #flush(): void {
    if (this.#isEmitting) return
    this.#isEmitting = true
    while (this.#isSynced && this.#waiting.length > 0 && !this.#destination.closed) {
      this.#join(this.#waiting.peek() as T)
      this.#waiting.shift()
      this.#capacity.release(1)
    }
    this.#isEmitting = false
    this.#completeWhenDone()
  }

  #completeWhenDone(): void {
    if (this.#isCompleting && this.#waiting.length === 0) this.#destination.complete()
  }

  #join(record: T): void {
    const { keyOf, project } = this.#work
    let callback = 'keyOf'
    let output: R
    try {
      const key = keyOf(record)
      checkKey(key, Number.POSITIVE_INFINITY)
      callback = 'project'
      output = project(record, this.#table.get(key))
    } catch (error) {
      this.#destination.error(error instanceof KVError ? error : callbackError(callback, error))
      return
    }
    this.#destination.next(output)
  }
}
