import { BehaviorSubject, Observable, of, throwError } from 'rxjs'
import { holds, nextVersion, versionConflict } from '../../conditions.ts'
import type {
  Engine,
  EngineLimits,
  KeySpan,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  Written,
} from '../../engine.ts'
import { KVError } from '../../errors.ts'
import { inSpan, sortKeys } from '../../keys.ts'

const PAGE = 1024

const limits: EngineLimits = {
  keyBytes: 1_048_576,
  valueBytes: () => 1_073_741_824,
  readBatch: 4096,
  readBytes: Number.POSITIVE_INFINITY,
  writeBatch: 4096,
  batchBytes: 1_073_741_824,
  overheadBytes: 0,
  inFlight: 1,
}

/**
 * What memory stores hold. Give one to several stores and they share their data, as processes share an ensemble.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { Memory, memoryStore, text } from 'rxkeeper'
 *
 * const memory = new Memory()
 * const one = memoryStore({ value: text, memory })
 * const other = memoryStore({ value: text, memory })
 * await firstValueFrom(one.put$('alice', 'here'))
 * console.log(await firstValueFrom(other.get$('alice'))) // here
 * ```
 */
export class Memory {
  /** @internal */
  readonly entries: Map<string, Stored> = new Map()
  /** @internal */
  readonly watchers: Set<(keys: readonly string[]) => void> = new Set()
  #revision = 0

  /**
   * Applies one write to `view`.
   * @internal
   */
  apply(write: Write, view: View): Written | KVError {
    const { key, type } = write
    const stored = view.get(key)
    const existed = stored !== undefined
    if (!holds(write.ifVersion, stored)) {
      return versionConflict(key, write.ifVersion, stored?.version ?? 'absent')
    }
    if (type === 'check') return { existed, version: -1, revision: -1 }
    const revision = ++this.#revision
    if (type === 'delete') {
      if (existed) view.set(key, undefined)
      return { existed, version: -1, revision: -1 }
    }
    const version = existed ? nextVersion(stored.version) : 0
    view.set(key, { value: write.value, version, revision })
    return { existed, version, revision }
  }

  /** @internal */
  signal(keys: readonly string[]): void {
    if (keys.length > 0) for (const watcher of [...this.watchers]) watcher(keys)
  }
}

/** Where writes are applied. */
interface View {
  get(key: string): Stored | undefined
  set(key: string, stored: Stored | undefined): void
}

/** The entries as they would be after what was set so far. */
class Draft implements View {
  readonly #entries: Map<string, Stored>
  readonly #drafted = new Map<string, Stored | undefined>()
  readonly #changed: string[] = []

  constructor(entries: Map<string, Stored>) {
    this.#entries = entries
  }

  get(key: string): Stored | undefined {
    return this.#drafted.has(key) ? this.#drafted.get(key) : this.#entries.get(key)
  }

  set(key: string, stored: Stored | undefined): void {
    this.#drafted.set(key, stored)
    this.#changed.push(key)
  }

  /** Makes what was set so; returns the key of each change. */
  flush(): string[] {
    for (const [key, stored] of this.#drafted) {
      if (stored === undefined) this.#entries.delete(key)
      else this.#entries.set(key, stored)
    }
    return this.#changed
  }
}

/** The Engine contract on a {@link Memory}: answers at once, and is the model the other engines are tested against. */
export class MemoryEngine implements Engine {
  readonly name = 'memory'
  readonly limits: EngineLimits = limits
  readonly #status = new BehaviorSubject<Status>({ state: 'connected', reason: 'in memory' })
  readonly status$: Observable<Status> = this.#status.asObservable()
  readonly #memory: Memory

  constructor(memory: Memory) {
    this.#memory = memory
  }

  read(keys: readonly string[]): Observable<readonly (Stored | undefined)[]> {
    return this.#answer(() => of(keys.map(key => this.#memory.entries.get(key))))
  }

  write(writes: readonly Write[]): Observable<readonly (Written | KVError)[]> {
    return this.#answer(() => {
      const { entries } = this.#memory
      const changed: string[] = []
      const view: View = {
        get: key => entries.get(key),
        set: (key, stored) => {
          if (stored === undefined) entries.delete(key)
          else entries.set(key, stored)
          changed.push(key)
        },
      }
      const results = writes.map(write => this.#memory.apply(write, view))
      this.#memory.signal(changed)
      return of(results)
    })
  }

  commit(writes: readonly Write[]): Observable<readonly Written[]> {
    return this.#answer(() => {
      const view = new Draft(this.#memory.entries)
      const results: Written[] = []
      for (const write of writes) {
        const result = this.#memory.apply(write, view)
        if (result instanceof KVError) return throwError(() => result)
        results.push(result)
      }
      this.#memory.signal(view.flush())
      return of(results)
    })
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return this.#scan(span, keys =>
      keys.flatMap(key => {
        const stored = this.#memory.entries.get(key)
        return stored === undefined ? [] : [{ key, ...stored }]
      }),
    )
  }

  keys(span: KeySpan): Scan<string> {
    return this.#scan(span, keys => keys.filter(key => this.#memory.entries.has(key)))
  }

  watch(): Observable<WatchSignal> {
    return new Observable(subscriber => {
      const watcher = (keys: readonly string[]) => subscriber.next({ type: 'changed', keys })
      this.#memory.watchers.add(watcher)
      subscriber.add(() => this.#memory.watchers.delete(watcher))
      subscriber.add(this.#status.subscribe({ complete: () => subscriber.complete() }))
      subscriber.next({ type: 'armed' })
    })
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#status.next({ state: 'closed', reason: 'closed by the user' })
      this.#status.complete()
    }
    return Promise.resolve()
  }

  get #closed(): boolean {
    return this.#status.value.state === 'closed'
  }

  #answer<T>(work: () => Observable<T>): Observable<T> {
    return new Observable(subscriber =>
      this.#closed
        ? subscriber.error(new KVError('CLOSED', 'the store is closed'))
        : work().subscribe(subscriber),
    )
  }

  /** Pages of the keys that are there when the scan begins; `take` leaves out those that are gone when their page is due. */
  #scan<P>(span: KeySpan, take: (keys: string[]) => P[]): Scan<P> {
    let rest: string[] | undefined
    const next = (): P[] => {
      if (rest === undefined) {
        rest = sortKeys([...this.#memory.entries.keys()].filter(key => inSpan(key, span)))
        if (!span.reverse) rest.reverse()
      }
      // The keys wait in reverse, so that a page is cut off the end.
      while (rest.length > 0) {
        const page = take(rest.splice(-PAGE).reverse())
        if (page.length > 0) return page
      }
      return []
    }
    const close = () => {
      rest = []
    }
    return { next: () => this.#answer(() => of(next())), close }
  }
}
