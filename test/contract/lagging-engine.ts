import { Observable } from 'rxjs'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  Nodes,
  Scan,
  StoredEntry,
  WatchSignal,
  Write,
  WriteDue,
} from '../../src/contract/engine.ts'

/** Some turns of the event loop later, or at once; then the work and its answer are one, so that what is answered holds. */
const later = <T>(work: () => Observable<T>): Observable<T> =>
  new Observable(subscriber => {
    let turns = Math.floor(Math.random() * 4)
    const turn = (): void => {
      if (turns-- > 0) setImmediate(turn)
      else work().subscribe(subscriber)
    }
    turn()
  })

const scanLater = <P>(scan: Scan<P>): Scan<P> => ({
  next: due => later(() => scan.next(due)),
  close: () => scan.close(),
})

/** An engine that takes little at a time and answers some time later, several requests in any order. */
export class LaggingEngine implements Engine {
  readonly name: string
  readonly limits: EngineLimits
  readonly status$: Engine['status$']
  readonly nodes: Nodes | undefined
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
    this.name = `lagging ${engine.name}`
    this.status$ = engine.status$
    this.nodes = engine.nodes
    this.limits = { ...engine.limits, readBatch: 3, writeBatch: 3, inFlight: 4 }
  }

  read(keys: readonly string[], due: Due): ReturnType<Engine['read']> {
    return later(() => this.#engine.read(keys, due))
  }

  write(writes: readonly Write[], due: WriteDue): ReturnType<Engine['write']> {
    return later(() => this.#engine.write(writes, due))
  }

  commit(writes: readonly Write[], due: Due): ReturnType<Engine['commit']> {
    return later(() => this.#engine.commit(writes, due))
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return scanLater(this.#engine.entries(span))
  }

  keys(span: KeySpan): Scan<string> {
    return scanLater(this.#engine.keys(span))
  }

  watch(): Observable<WatchSignal> {
    return this.#engine.watch()
  }

  close(): Promise<void> {
    return this.#engine.close()
  }
}
