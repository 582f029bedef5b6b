import { Observable, type Unsubscribable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type {
  Due,
  Engine,
  KeySpan,
  Parts,
  Scan,
  Stored,
  StoredEntry,
  Write,
  WriteDue,
  Written,
} from '../contract/engine.ts'
import { EngineAround, partsAround } from './engine-around.ts'
import type { GroupTallies } from './group-tally.ts'
import type { AnyStore } from './kv-store.ts'

/** A call of an engine; for a scan, of one page. */
export type EngineCall =
  | { readonly type: 'read'; readonly keys: readonly string[] }
  | { readonly type: 'write' | 'commit'; readonly writes: readonly Write[] }
  | { readonly type: 'scan' }

/** The engine's answer for one key, write or entry. */
export type EngineResult = Stored | Written | StoredEntry | string | undefined | KVError

/** An observer of an engine's calls. It must not throw. */
export interface EngineObserver {
  /** Called when a call begins; the returned function is called once at its end, before the caller gets the result. */
  begin(call: EngineCall): (outcome: readonly EngineResult[] | KVError) => void
}

/**
 * An engine whose calls can be observed, for meters and traces. Every store uses one, so that observers can be added at
 * any time; without observers it costs one comparison per batch.
 */
export class ObservedEngine extends EngineAround {
  /** The parts, whose calls are observed, too. */
  readonly parts: (Parts & { readonly engines: readonly ObservedEngine[] }) | undefined
  readonly #observed: { by: readonly EngineObserver[] }

  constructor(engine: Engine, observed: { by: readonly EngineObserver[] } = { by: [] }) {
    super(engine)
    this.#observed = observed
    this.parts = partsAround(engine.parts, each => new ObservedEngine(each, observed))
  }

  /** Passes the calls that begin from now on to `observer`, until unsubscribed. */
  observe(observer: EngineObserver): Unsubscribable {
    const observed = this.#observed
    observed.by = [...observed.by, observer]
    return {
      unsubscribe: () => {
        observed.by = observed.by.filter(other => other !== observer)
      },
    }
  }

  override get keepsNodes(): boolean {
    return this.engine.nodes !== undefined || this.engine.keepsNodes === true
  }

  override read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    const answer = this.engine.read(keys, due)
    return this.#observed.by.length === 0 ? answer : this.#show({ type: 'read', keys }, answer)
  }

  override write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]> {
    const answer = this.engine.write(writes, due)
    return this.#observed.by.length === 0 ? answer : this.#show({ type: 'write', writes }, answer)
  }

  override commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    const answer = this.engine.commit(writes, due)
    return this.#observed.by.length === 0 ? answer : this.#show({ type: 'commit', writes }, answer)
  }

  override entries(span: KeySpan): Scan<StoredEntry> {
    return this.#scan(this.engine.entries(span))
  }

  override keys(span: KeySpan): Scan<string> {
    return this.#scan(this.engine.keys(span))
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
  /** The hits and misses of the cache; `undefined` without a cache. */
  readonly cache: { readonly hits: number; readonly misses: number } | undefined
  /** The clock of the store. */
  readonly timing: Timing
  /** The default timeout of an operation, in milliseconds. */
  readonly timeout: number
  /** The tallies of the groups in which it has members. */
  readonly groups: GroupTallies
}

/** The property of our stores with their {@link Observed}. */
const OBSERVED: unique symbol = Symbol('rxkeeper.observed')

/** A store that can be observed. */
export interface ObservedStore extends AnyStore {
  readonly [OBSERVED]: Observed
}

export { OBSERVED }

/** The {@link Observed} of a store; throws `UNSUPPORTED` if `kvStore` did not make it. */
export function observedOf(store: AnyStore): Observed {
  const observed = (store as Partial<ObservedStore>)[OBSERVED]
  if (observed !== undefined) return observed
  throw new KVError('UNSUPPORTED', 'only a store of this library can be observed')
}
