import { Observable, type Unsubscribable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  Movable,
  Nodes,
  Parts,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  WriteDue,
  Written,
} from '../contract/engine.ts'
import type { GroupTallies } from './group-tally.ts'
import type { AnyStore } from './kv-store.ts'

/** A call of an engine that begins; of a scan, one page. */
export type EngineCall =
  | { readonly type: 'read'; readonly keys: readonly string[] }
  | { readonly type: 'write' | 'commit'; readonly writes: readonly Write[] }
  | { readonly type: 'scan' }

/** What an engine answers for one key, write or entry. */
export type EngineResult = Stored | Written | StoredEntry | string | undefined | KVError

/** Hears of the calls of an engine. It must not throw. */
export interface EngineObserver {
  /** A call begins; what is returned hears of its end, once, before the one who asked does. */
  begin(call: EngineCall): (outcome: readonly EngineResult[] | KVError) => void
}

/**
 * An engine whose calls can be observed, for meters and traces. Every store stands on one, so that they can come at any
 * time; while nobody observes, it costs one comparison a batch.
 */
export class ObservedEngine implements Engine {
  /** The calls of the parts are observed with those of the whole. */
  readonly parts: (Parts & { readonly engines: readonly ObservedEngine[] }) | undefined
  readonly #engine: Engine
  readonly #observed: { by: readonly EngineObserver[] }

  constructor(engine: Engine, observed: { by: readonly EngineObserver[] } = { by: [] }) {
    this.#engine = engine
    this.#observed = observed
    const { parts } = engine
    this.parts = parts && {
      engines: parts.engines.map(each => new ObservedEngine(each, observed)),
      indexOf: key => parts.indexOf(key),
      holding: (writes, index) => parts.holding(writes, index),
    }
  }

  /** Shows the calls that begin from now on to `observer`, until unsubscribed. */
  observe(observer: EngineObserver): Unsubscribable {
    const observed = this.#observed
    observed.by = [...observed.by, observer]
    return {
      unsubscribe: () => {
        observed.by = observed.by.filter(other => other !== observer)
      },
    }
  }

  get name(): string {
    return this.#engine.name
  }

  get limits(): EngineLimits {
    return this.#engine.limits
  }

  get status$(): Observable<Status> {
    return this.#engine.status$
  }

  get nodes(): Nodes | undefined {
    return this.#engine.nodes
  }

  get movable(): Movable | undefined {
    return this.#engine.movable
  }

  get keepsNodes(): boolean {
    return this.#engine.nodes !== undefined || this.#engine.keepsNodes === true
  }

  read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    const answer = this.#engine.read(keys, due)
    return this.#observed.by.length === 0 ? answer : this.#show({ type: 'read', keys }, answer)
  }

  write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]> {
    const answer = this.#engine.write(writes, due)
    return this.#observed.by.length === 0 ? answer : this.#show({ type: 'write', writes }, answer)
  }

  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    const answer = this.#engine.commit(writes, due)
    return this.#observed.by.length === 0 ? answer : this.#show({ type: 'commit', writes }, answer)
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return this.#scan(this.#engine.entries(span))
  }

  keys(span: KeySpan): Scan<string> {
    return this.#scan(this.#engine.keys(span))
  }

  watch(): Observable<WatchSignal> {
    return this.#engine.watch()
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  #scan<P extends StoredEntry | string>(scan: Scan<P>): Scan<P> {
    return {
      next: due => {
        const answer = scan.next(due)
        return this.#observed.by.length === 0 ? answer : this.#show({ type: 'scan' }, answer)
      },
      close: () => scan.close(),
    }
  }

  #show<R extends EngineResult>(
    call: EngineCall,
    answer: Observable<readonly R[]>,
  ): Observable<readonly R[]> {
    const observers = this.#observed.by
    return new Observable(subscriber => {
      let ends: readonly ((outcome: readonly EngineResult[] | KVError) => void)[] = observers.map(observer =>
        observer.begin(call),
      )
      const end = (outcome: readonly EngineResult[] | KVError): void => {
        const ending = ends
        ends = []
        for (const hear of ending) hear(outcome)
      }
      return answer.subscribe({
        next: results => {
          end(results)
          subscriber.next(results)
        },
        error: (error: unknown) => {
          end(KVError.from(error, 'ENGINE', 'the engine failed'))
          subscriber.error(error)
        },
        complete: () => {
          end(new KVError('ENGINE', 'the engine completed without an answer'))
          subscriber.complete()
        },
      })
    })
  }
}

/** What can be observed of a store. */
export interface Observed {
  readonly engine: ObservedEngine
  /** How often what was asked for was in the cache, and was not; `undefined` without a cache. */
  readonly cache: { readonly hits: number; readonly misses: number } | undefined
  /** The clock that the store goes by. */
  readonly timing: Timing
  /** How long an operation may take, in milliseconds, unless it says otherwise. */
  readonly timeout: number
  /** What became of the groups that it has members of. */
  readonly groups: GroupTallies
}

/** Where a store of ours has what can be observed. */
const OBSERVED: unique symbol = Symbol('rxkeeper.observed')

/** A store that can be observed. */
export interface ObservedStore extends AnyStore {
  readonly [OBSERVED]: Observed
}

export { OBSERVED }

/** What can be observed of a store; throws `UNSUPPORTED` where it is of another make. */
export function observedOf(store: AnyStore): Observed {
  const observed = (store as Partial<ObservedStore>)[OBSERVED]
  if (observed !== undefined) return observed
  throw new KVError('UNSUPPORTED', 'only a store of this library can be observed')
}
