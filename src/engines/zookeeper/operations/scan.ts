import { Observable, type Subscriber, Subscription } from 'rxjs'
import { KVError } from '../../../base/errors.ts'
import type { Due, EngineLimits, KeySpan, Scan, Stored, StoredEntry } from '../../../contract/engine.ts'
import { inSpan, sortKeys } from '../../../contract/keys.ts'
import { failure } from '../wire/failures.ts'
import { Code } from '../wire/protocol.ts'
import type { Context } from './context.ts'
import { confirmed, ReadTask, readChildren } from './reads.ts'
import type { Task } from './tasks.ts'

/** The number of keys on a page of keys. */
const KEY_PAGE = 1024

/** Lists the keys below the root, unordered. */
class ListTask implements Task {
  readonly deadline: number
  readonly #context: Context
  readonly #subscriber: Subscriber<string[]>

  constructor(context: Context, deadline: number, subscriber: Subscriber<string[]>) {
    this.#context = context
    this.deadline = deadline
    this.#subscriber = subscriber
  }

  proceed(): void {
    const context = this.#context
    const { tasks, layout, linearizable } = context
    const fail = (error: KVError) => {
      tasks.finish(this)
      this.#subscriber.error(error)
    }
    readChildren(context, {
      task: this,
      paths: layout.parents,
      sync: linearizable,
      done: listings => {
        const keys = this.#keysOf(listings)
        if (typeof keys === 'number') fail(failure(keys, `list ${layout.root}`))
        else confirmed(context, this, () => this.#settle(keys), fail)
      },
      failed: error => fail(failure(error, `list ${layout.root}`)),
    })
  }

  #settle(keys: string[]): void {
    this.#context.tasks.finish(this)
    this.#subscriber.next(keys)
    this.#subscriber.complete()
  }

  #keysOf(listings: (string[] | number)[]): string[] | number {
    const { layout } = this.#context
    const keys: string[] = []
    for (const [i, names] of listings.entries()) {
      // An absent node has no children.
      if (names === Code.noNode) continue
      if (typeof names === 'number') return names
      for (const name of names) {
        const key = layout.keyIn(i, name)
        if (key !== undefined) keys.push(key)
      }
    }
    return keys
  }

  abandon(reason: KVError): void {
    this.#subscriber.error(reason.of(undefined, `list: ${reason.message}`))
  }
}

/** The current keys of a span, in its order. */
const listKeys = (context: Context, span: KeySpan, { deadline }: Due): Observable<string[]> =>
  new Observable(subscriber => {
    const list = new Observable<string[]>(inner =>
      context.tasks.start(new ListTask(context, deadline, inner)),
    )
    return list.subscribe({
      next: found => {
        const all = span.from === undefined && span.to === undefined
        const keys = sortKeys(all ? found : found.filter(key => inSpan(key, span)))
        subscriber.next(span.reverse ? keys.reverse() : keys)
      },
      error: error => subscriber.error(error),
      complete: () => subscriber.complete(),
    })
  })

/** Pages of keys, which are listed when the first page is requested. */
export class KeyScan implements Scan<string> {
  readonly #context: Context
  readonly #span: KeySpan
  #keys: readonly string[] | undefined
  #next = 0

  constructor(context: Context, span: KeySpan) {
    this.#context = context
    this.#span = span
  }

  next(due: Due): Observable<readonly string[]> {
    return new Observable(subscriber => {
      const emit = (keys: readonly string[]) => {
        const page = keys.slice(this.#next, this.#next + KEY_PAGE)
        this.#next += page.length
        subscriber.next(page)
        subscriber.complete()
      }
      if (this.#keys !== undefined) return emit(this.#keys)
      return listKeys(this.#context, this.#span, due).subscribe({
        next: keys => {
          this.#keys = keys
          emit(keys)
        },
        error: error => subscriber.error(error),
      })
    })
  }

  close(): void {
    this.#keys = []
  }
}

/** A page read ahead. */
interface Page {
  readonly keys: readonly string[]
  readonly deadline: number
  entries?: readonly StoredEntry[]
  error?: unknown
  whenRead?: () => void
  readonly reading: Subscription
}

/**
 * Pages of entries. The keys are listed when the first page is requested; the entries are read page by page, some pages
 * ahead: more with every page taken, so that little is read in vain when few are wanted. Entries deleted meanwhile are
 * left out.
 */
export class EntryScan implements Scan<StoredEntry> {
  readonly #context: Context
  readonly #span: KeySpan
  readonly #limits: EngineLimits
  #keys: readonly string[] | undefined
  #next = 0
  #ahead: Page[] = []
  #depth = 1

  constructor(context: Context, span: KeySpan, limits: EngineLimits) {
    this.#context = context
    this.#span = span
    this.#limits = limits
  }

  next(due: Due): Observable<readonly StoredEntry[]> {
    return new Observable(subscriber => {
      if (this.#keys !== undefined) return this.#take(due, subscriber)
      return listKeys(this.#context, this.#span, due).subscribe({
        next: keys => {
          this.#keys = keys
          this.#take(due, subscriber)
        },
        error: error => subscriber.error(error),
      })
    })
  }

  close(): void {
    this.#keys = []
    for (const page of this.#ahead) page.reading.unsubscribe()
    this.#ahead = []
  }

  /** Emits the next non-empty page, or an empty one at the end. */
  #take(due: Due, subscriber: Subscriber<readonly StoredEntry[]>): void {
    this.#readAhead(due)
    const page = this.#ahead[0]
    if (page === undefined) {
      subscriber.next([])
      subscriber.complete()
      return
    }
    const taken = () => {
      if (page.error !== undefined && page.deadline < due.deadline) {
        // It missed the deadline of an earlier page, while nobody requested one.
        this.#ahead[0] = this.#read(page.keys, due)
        return this.#take(due, subscriber)
      }
      this.#ahead.shift()
      if (page.error !== undefined) return subscriber.error(page.error)
      if (page.entries!.length === 0) return this.#take(due, subscriber)
      this.#depth = Math.min(this.#depth * 2, this.#limits.inFlight)
      this.#readAhead(due)
      subscriber.next(page.entries!)
      subscriber.complete()
    }
    if (page.entries === undefined && page.error === undefined) page.whenRead = taken
    else taken()
  }

  #readAhead(due: Due): void {
    const keys = this.#keys!
    while (this.#ahead.length < this.#depth && this.#next < keys.length) {
      const page = keys.slice(this.#next, this.#next + this.#limits.readBatch)
      this.#next += page.length
      this.#ahead.push(this.#read(page, due))
    }
  }

  #read(keys: readonly string[], { deadline }: Due): Page {
    const { tasks } = this.#context
    const read = new Observable<readonly (Stored | undefined | KVError)[]>(subscriber =>
      tasks.start(new ReadTask(this.#context, keys, deadline, subscriber)),
    )
    const settle = (error: unknown, entries?: StoredEntry[]) => {
      if (entries === undefined) page.error = error
      else page.entries = entries
      page.whenRead?.()
    }
    const page: Page = { keys, deadline, reading: new Subscription() }
    page.reading.add(
      read.subscribe({
        next: results => {
          const entries: StoredEntry[] = []
          for (let i = 0; i < results.length; i++) {
            const stored = results[i]
            if (stored instanceof KVError) return settle(stored)
            if (stored === undefined) continue
            const { value, version, revision } = stored
            entries.push({ key: keys[i]!, value, version, revision })
          }
          settle(undefined, entries)
        },
        error: settle,
      }),
    )
    return page
  }
}
