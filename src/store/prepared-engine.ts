import { map, merge, Observable, of, switchMap, take, tap } from 'rxjs'
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
  WatchSignal,
} from '../contract/engine.ts'
import type { Encoding } from './encoding.ts'
import { EngineAround, partsAround } from './engine-around.ts'

/** The part of the encoding that is needed to wait for it. */
type Preparing = Pick<Encoding<never>, 'prepare' | 'prepares'>

/** An engine that delays its answers until the codec has loaded what it needs to decode them. */
export const preparedEngine = (engine: Engine, encoding: Preparing, timing: Timing): Engine =>
  encoding.prepares ? new PreparedEngine(engine, encoding, timing) : engine

class PreparedEngine extends EngineAround {
  readonly parts: Parts | undefined
  readonly #timing: Timing
  readonly #encoding: Preparing
  /** The number of signals so far. */
  #signals = 0

  constructor(engine: Engine, encoding: Preparing, timing: Timing) {
    super(engine)
    this.#timing = timing
    this.#encoding = encoding
    this.parts = partsAround(engine.parts, each => new PreparedEngine(each, encoding, timing))
  }

  override read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    const signals = this.#signals
    return this.engine.read(keys, due).pipe(
      switchMap(answer => {
        const loading = this.#prepareAll(answer, index => keys[index]!)
        if (loading === undefined) return of(answer)
        // An answer must include all changes signalled before it.
        const later = () => (signals === this.#signals ? of(answer) : this.read(keys, due))
        return this.#loaded$(loading, due).pipe(switchMap(later))
      }),
    )
  }

  override entries(span: KeySpan): Scan<StoredEntry> {
    const scan = this.engine.entries(span)
    const next = (due: Due): Observable<readonly StoredEntry[]> =>
      scan.next(due).pipe(
        switchMap(page => {
          const loading = this.#prepareAll(page, index => page[index]!.key)
          return loading === undefined ? of(page) : this.#loaded$(loading, due).pipe(map(() => page))
        }),
      )
    return { next, close: () => scan.close() }
  }

  override watch(): Observable<WatchSignal> {
    return this.engine.watch().pipe(tap(() => this.#signals++))
  }

  /** Starts to load what is missing to decode an answer; `undefined` if nothing is. */
  #prepareAll(
    answer: readonly (Stored | undefined | KVError)[],
    keyOf: (index: number) => string,
  ): Promise<unknown> | undefined {
    const loading: Promise<unknown>[] = []
    for (let i = 0; i < answer.length; i++) {
      const stored = answer[i]
      if (stored === undefined || stored instanceof KVError) continue
      const begun = this.#encoding.prepare(keyOf(i), stored.value)
      if (begun !== undefined) loading.push(begun)
    }
    return loading.length === 0 ? undefined : Promise.allSettled(loading)
  }

  /** Emits when it is loaded, or at the deadline; decoding then reports what is missing. */
  #loaded$(loading: Promise<unknown>, { deadline }: Due): Observable<unknown> {
    const late$ = new Observable<unknown>(subscriber =>
      this.#timing.after(Math.max(0, deadline - this.#timing.now()), () => subscriber.next(undefined)),
    )
    return merge(loading, late$).pipe(take(1))
  }
}
