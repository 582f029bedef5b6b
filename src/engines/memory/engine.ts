import { BehaviorSubject, Observable, of, throwError } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type {
  Engine,
  EngineLimits,
  KeySpan,
  Movable,
  NodeEntry,
  Nodes,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  Written,
} from '../../contract/engine.ts'
import { inSpan, sortKeys } from '../../contract/keys.ts'
import { lastNameOf, parentOf, ROOT } from '../../contract/nodes.ts'
import { NOTICE, refusalOf } from '../../contract/seal.ts'
import { type Memory, View } from './memory.ts'

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

/** The Engine contract on a {@link Memory}: answers at once; the model that other engines are tested against. */
export class MemoryEngine implements Engine {
  readonly name = 'memory'
  readonly limits: EngineLimits = limits
  readonly #status = new BehaviorSubject<Status>({ state: 'connected', reason: 'in memory' })
  readonly status$: Observable<Status> = this.#status.asObservable()
  readonly nodes: Nodes = { children: parent => this.#children(parent) }
  readonly movable: Movable = { nodes: () => this.lasting() }
  readonly #memory: Memory
  readonly #mover: string | undefined
  #session = {}

  /** @param mover the name of the run of a move that this is for */
  constructor(memory: Memory, mover?: string) {
    this.#memory = memory
    this.#mover = mover
  }

  /**
   * Expires its session, as if an ensemble had not heard of it for too long: its ephemeral nodes are deleted, and a new
   * session begins.
   */
  expire(): void {
    if (this.#closed) return
    const session = this.#session
    this.#session = {}
    this.#status.next({ state: 'lost', reason: 'the session expired' })
    this.#memory.endSession(session)
    this.#status.next({ state: 'connected', reason: 'in memory' })
  }

  read(keys: readonly string[]): Observable<readonly (Stored | undefined)[]> {
    return this.#answer(() => {
      const view = new View(this.#memory)
      return of(keys.map(key => view.get(key)))
    })
  }

  write(writes: readonly Write[]): Observable<readonly (Written | KVError)[]> {
    return this.#answer(() => {
      const view = new View(this.#memory)
      const results = writes.map(write => this.#memory.apply(write, view, this.#session))
      this.#memory.signal(view.changes.keys, view.changes.parents)
      return of(results)
    }, writes)
  }

  commit(writes: readonly Write[]): Observable<readonly Written[]> {
    return this.#answer(() => {
      const view = new View(this.#memory)
      const results: Written[] = []
      for (const write of writes) {
        const result = this.#memory.apply(write, view, this.#session)
        if (result instanceof KVError) {
          view.undo()
          return throwError(() => result)
        }
        results.push(result)
      }
      const { keys, parents } = view.changes
      this.#memory.signal(keys, parents)
      return of(results)
    }, writes)
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
      const sealWatcher = (changed: ReadonlySet<string>) => {
        const refusal = changed.has(ROOT) ? this.#refusal() : undefined
        if (refusal?.code === 'MOVED') subscriber.error(refusal)
      }
      this.#memory.nodeWatchers.add(sealWatcher)
      subscriber.add(() => this.#memory.nodeWatchers.delete(sealWatcher))
      subscriber.add(this.#status.subscribe({ complete: () => subscriber.complete() }))
      subscriber.next({ type: 'armed' })
    })
  }

  #children(parent: string): Observable<readonly NodeEntry[]> {
    return new Observable(subscriber => {
      const emit = (): void => {
        const children: NodeEntry[] = []
        for (const [node, { value, version, revision }] of this.#memory.nodes) {
          if (parentOf(node) === parent) children.push({ name: lastNameOf(node), value, version, revision })
        }
        subscriber.next(children)
      }
      const watcher = (parents: ReadonlySet<string>) => parents.has(parent) && emit()
      this.#memory.nodeWatchers.add(watcher)
      subscriber.add(() => this.#memory.nodeWatchers.delete(watcher))
      subscriber.add(this.#status.subscribe({ complete: () => subscriber.complete() }))
      if (!subscriber.closed) emit()
    })
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#status.next({ state: 'closed', reason: 'closed by the user' })
      this.#status.complete()
      this.#memory.endSession(this.#session)
    }
    return Promise.resolve()
  }

  get #closed(): boolean {
    return this.#status.value.state === 'closed'
  }

  #answer<T>(work: () => Observable<T>, writes?: readonly Write[]): Observable<T> {
    return new Observable(subscriber => {
      const refusal = this.#closed ? new KVError('CLOSED', 'the store is closed') : this.#refusal(writes)
      if (refusal === undefined) work().subscribe(subscriber)
      else subscriber.error(refusal)
    })
  }

  /** Why the seal of the root lets this engine not read, or not write this. */
  #refusal(writes?: readonly Write[]): KVError | undefined {
    const root = this.#memory.nodes.get(ROOT)
    return root === undefined ? undefined : refusalOf(root.value, this.#mover, writes)
  }

  /** What {@link Movable.nodes} gives. */
  protected lasting(): Observable<readonly StoredEntry[]> {
    return this.#answer(() => of(this.#lastingNodes()))
  }

  #lastingNodes(): StoredEntry[] {
    const nodes: StoredEntry[] = []
    for (const [key, { value, version, revision, session }] of this.#memory.nodes) {
      if (key !== ROOT && key !== NOTICE && session === undefined)
        nodes.push({ key, value, version, revision })
    }
    return nodes
  }

  /** Pages of the keys that exist when the scan begins; `take` leaves out those deleted by the time of their page. */
  #scan<P>(span: KeySpan, take: (keys: string[]) => P[]): Scan<P> {
    let rest: string[] | undefined
    const next = (): P[] => {
      if (rest === undefined) {
        rest = sortKeys([...this.#memory.entries.keys()].filter(key => inSpan(key, span)))
        if (!span.reverse) rest.reverse()
      }
      // The keys are in reverse order, so that a page is cut off the end.
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
