import { BehaviorSubject, Observable, type Subscriber } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  NodeEntry,
  Nodes,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  Written,
} from '../contract/engine.ts'
import { MemoryEngine } from '../engines/memory/engine.ts'
import type { Memory } from '../engines/memory/memory.ts'

/** The state of a process. */
type State = 'running' | 'frozen' | 'dead'

/**
 * The Engine contract on memory, seen from a process of its own: requests and answers take time; it can be frozen, so
 * that both wait, and die, so that neither ever arrives. Its session expires when nothing was heard of it for too long,
 * or on demand.
 *
 * Requests sent before it was frozen, or died, are carried out; so are, late, those that it sends when it goes on,
 * although others may have taken over by then.
 */
export class ProcessEngine implements Engine {
  readonly name = 'memory'
  readonly limits: EngineLimits
  readonly nodes: Nodes = { children: parent => this.#followed(this.#engine.nodes.children(parent)) }
  readonly #status = new BehaviorSubject<Status>({ state: 'connected', reason: 'running' })
  readonly status$: Observable<Status> = this.#status.asObservable()
  readonly #engine: MemoryEngine
  readonly #timing: Timing
  readonly #latency: number
  readonly #sessionTimeout: number
  #state: State = 'running'
  /** How often it was frozen or died. */
  #stops = 0
  /** The requests and answers to deliver when it goes on. */
  #held: (() => void)[] = []

  constructor(memory: Memory, timing: Timing, latency: number, sessionTimeout: number) {
    this.#engine = new MemoryEngine(memory)
    this.#timing = timing
    this.#latency = latency
    this.#sessionTimeout = sessionTimeout
    this.limits = { ...this.#engine.limits, inFlight: 4 }
  }

  /** Does nothing until {@link thaw}. */
  freeze(): void {
    this.#stop('frozen')
  }

  /** Goes on. */
  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    this.#stops++
    const held = this.#held
    this.#held = []
    for (const work of held) work()
  }

  /** Does nothing ever again. */
  die(): void {
    this.#stop('dead')
    this.#held = []
  }

  /** Its session expires, as if the servers had not heard of it. */
  expire(): void {
    this.#engine.expire()
    this.#tell(() => {
      this.#status.next({ state: 'lost', reason: 'the session expired' })
      this.#status.next({ state: 'connected', reason: 'a new session' })
    })
  }

  read(keys: readonly string[], _due: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    return this.#asked(this.#engine.read(keys))
  }

  write(writes: readonly Write[], _due: Due): Observable<readonly (Written | KVError)[]> {
    return this.#asked(this.#engine.write(writes))
  }

  commit(writes: readonly Write[], _due: Due): Observable<readonly Written[]> {
    return this.#asked(this.#engine.commit(writes))
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return this.#scan(this.#engine.entries(span))
  }

  keys(span: KeySpan): Scan<string> {
    return this.#scan(this.#engine.keys(span))
  }

  watch(): Observable<WatchSignal> {
    return this.#followed(this.#engine.watch())
  }

  close(): Promise<void> {
    this.#status.next({ state: 'closed', reason: 'closed by the user' })
    this.#status.complete()
    return this.#engine.close()
  }

  #stop(state: State): void {
    if (this.#state === 'dead') return
    this.#state = state
    const stop = ++this.#stops
    this.#timing.after(this.#sessionTimeout, () => {
      if (this.#stops === stop) this.expire()
    })
  }

  #scan<P>(scan: Scan<P>): Scan<P> {
    return { next: due => this.#asked(scan.next(due)), close: () => scan.close() }
  }

  /** Sends a request now, or when it goes on. */
  #send(work: () => void): void {
    if (this.#state === 'running') this.#timing.after(this.#latency, work)
    else if (this.#state === 'frozen') this.#held.push(() => this.#send(work))
  }

  /** Delivers an answer after the latency, or when it goes on. */
  #tell(work: () => void): void {
    this.#timing.after(this.#latency, () => {
      if (this.#state === 'running') work()
      else if (this.#state === 'frozen') this.#held.push(work)
    })
  }

  #asked<R>(answer: Observable<R>): Observable<R> {
    return new Observable(subscriber => this.#send(() => answer.subscribe(this.#told(subscriber))))
  }

  #followed<R extends WatchSignal | readonly NodeEntry[]>(followed: Observable<R>): Observable<R> {
    return new Observable(subscriber => followed.subscribe(this.#told(subscriber)))
  }

  #told<R>(subscriber: Subscriber<R>): Partial<Subscriber<R>> {
    return {
      next: value => this.#tell(() => subscriber.next(value)),
      error: (error: unknown) => this.#tell(() => subscriber.error(error)),
      complete: () => this.#tell(() => subscriber.complete()),
    }
  }
}
