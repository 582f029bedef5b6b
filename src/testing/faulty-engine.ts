import {
  distinctUntilChanged,
  filter,
  lastValueFrom,
  map,
  merge,
  NEVER,
  Observable,
  type Subscriber,
  skipWhile,
  switchMap,
} from 'rxjs'
import { KVError } from '../base/errors.ts'
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
import type { MemoryEngine } from '../engines/memory/engine.ts'
import { ask } from '../store/engine-call.ts'
import { type Call, Line, type LineOptions } from './faulty-line.ts'
import type { Outage } from './store-faults.ts'

/** A read, or a page of a scan: repeated until it is answered. */
class FaultyRead<R> implements Call {
  readonly deadline: number
  readonly #work: () => Observable<R>
  readonly #subscriber: Subscriber<R>

  constructor(work: () => Observable<R>, { deadline }: Due, subscriber: Subscriber<R>) {
    this.deadline = deadline
    this.#work = work
    this.#subscriber = subscriber
  }

  sent(): void {}

  arrive(): void {
    if (!this.#subscriber.closed) this.#work().subscribe(this.#subscriber)
  }

  cut(): void {}

  expired(): void {}

  abandon(reason: KVError): void {
    this.#subscriber.error(reason)
  }
}

const unknown = (write: Write | undefined, why: string): KVError =>
  new KVError('INDETERMINATE', why, { key: write?.key })

const CUT = 'the connection was lost before the answer came'

/**
 * Some writes, independent of each other or atomic. As on ZooKeeper, the outcome of a write whose answer was lost is
 * found out as long as its session lives; after that, only unconditional writes are repeated.
 */
class FaultyWrite implements Call {
  readonly deadline: number
  readonly #engine: MemoryEngine
  readonly #writes: readonly Write[]
  readonly #atomic: boolean
  readonly #subscriber: Subscriber<readonly (Written | KVError)[]>
  /** Whether it can simply be sent again: it writes nothing, or its effect does not depend on what is there. */
  readonly #repeatable: boolean
  #sent = false
  #cut = false
  #expired = false
  /** Its outcome, if it was carried out and that can be found out. */
  #outcome: readonly (Written | KVError)[] | KVError | undefined

  constructor(
    engine: MemoryEngine,
    writes: readonly Write[],
    atomic: boolean,
    { deadline }: Due,
    subscriber: Subscriber<readonly (Written | KVError)[]>,
  ) {
    this.#engine = engine
    this.#writes = writes
    this.#atomic = atomic
    this.deadline = deadline
    this.#subscriber = subscriber
    this.#repeatable =
      writes.every(({ type }) => type === 'check') ||
      writes.every(({ type, ifVersion }) => type === 'put' && ifVersion === undefined)
  }

  sent(): void {
    this.#sent = true
  }

  arrive(): void {
    if (!this.#expired) this.#settle(this.#outcome ?? this.#carryOut(this.#writes))
    else if (this.#atomic) this.#settle(unknown(undefined, CUT))
    else this.#settle(this.#writes.map(write => this.#repeat(write)))
  }

  cut(unanswered: Outage['unanswered']): void {
    this.#cut = true
    if (unanswered === 'dropped' || this.#expired || this.#outcome !== undefined) return
    const outcome = this.#carryOut(this.#writes)
    if (!this.#repeatable) this.#outcome = outcome
  }

  expired(): void {
    if (this.#cut && !this.#repeatable) this.#expired = true
  }

  abandon(reason: KVError): void {
    const errors = this.#writes.map(write =>
      this.#sent ? unknown(write, 'out of time before the answer came') : reason,
    )
    this.#settle(this.#atomic ? errors[0]! : errors)
  }

  #carryOut(writes: readonly Write[]): readonly (Written | KVError)[] | KVError {
    // Memory answers at once.
    let outcome: readonly (Written | KVError)[] | KVError
    const answer = this.#atomic ? this.#engine.commit(writes) : this.#engine.write(writes)
    ask<readonly (Written | KVError)[]>(answer, result => {
      outcome = result
    })
    return outcome!
  }

  #repeat(write: Write): Written | KVError {
    if (write.ifVersion !== undefined) return unknown(write, CUT)
    const outcome = this.#carryOut([write])
    const result = outcome instanceof KVError ? outcome : outcome[0]!
    const isGone = write.type === 'delete' && !(result instanceof KVError) && !result.existed
    return isGone ? unknown(write, CUT) : result
  }

  #settle(outcome: readonly (Written | KVError)[] | KVError): void {
    if (outcome instanceof KVError) this.#subscriber.error(outcome)
    else {
      this.#subscriber.next(outcome)
      this.#subscriber.complete()
    }
  }
}

/** The Engine contract on memory, behind a connection with faults. */
export class FaultyEngine implements Engine {
  readonly name = 'memory with faults'
  readonly limits: EngineLimits
  readonly status$: Observable<Status>
  readonly nodes: Nodes = { children: parent => this.#children(parent) }
  readonly #engine: MemoryEngine
  readonly #line: Line
  #closed: Promise<void> | undefined

  constructor(engine: MemoryEngine, options: Omit<LineOptions, 'expired'>) {
    this.#engine = engine
    this.#line = new Line({ ...options, expired: () => engine.expire() })
    this.limits = { ...engine.limits, inFlight: 4 }
    this.status$ = this.#line.status$.asObservable()
  }

  read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined)[]> {
    return this.#ask(() => this.#engine.read(keys), due)
  }

  write(writes: readonly Write[], due: Due): Observable<readonly (Written | KVError)[]> {
    return this.#write(writes, false, due)
  }

  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    return this.#write(writes, true, due) as Observable<readonly Written[]>
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return this.#scan(this.#engine.entries(span))
  }

  keys(span: KeySpan): Scan<string> {
    return this.#scan(this.#engine.keys(span))
  }

  /** Armed while connected: changes during an outage are not signalled. */
  watch(): Observable<WatchSignal> {
    const signal$ = this.#engine.watch()
    const changed$ = signal$.pipe(filter(({ type }) => type === 'changed' && this.#line.connected))
    const armed$ = this.#line.status$.pipe(
      map(({ state }) => state === 'connected'),
      distinctUntilChanged(),
      skipWhile(connected => !connected),
      map((connected): WatchSignal => ({ type: connected ? 'armed' : 'disarmed' })),
    )
    return merge(changed$, armed$)
  }

  /** Emits while connected, and again after each reconnect. */
  #children(parent: string): Observable<readonly NodeEntry[]> {
    return this.#line.status$.pipe(
      map(({ state }) => state === 'connected'),
      distinctUntilChanged(),
      switchMap(connected => (connected ? this.#engine.nodes.children(parent) : NEVER)),
    )
  }

  close(): Promise<void> {
    this.#closed ??= lastValueFrom(this.#line.status$).then(() => this.#engine.close())
    this.#line.close()
    return this.#closed
  }

  #scan<P>(scan: Scan<P>): Scan<P> {
    return { next: due => this.#ask(() => scan.next(due), due), close: () => scan.close() }
  }

  #ask<R>(work: () => Observable<R>, due: Due): Observable<R> {
    return new Observable(subscriber => this.#line.start(new FaultyRead(work, due, subscriber)))
  }

  #write(writes: readonly Write[], atomic: boolean, due: Due): Observable<readonly (Written | KVError)[]> {
    return new Observable(subscriber =>
      this.#line.start(new FaultyWrite(this.#engine, writes, atomic, due, subscriber)),
    )
  }
}
