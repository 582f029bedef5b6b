import type { Observable } from 'rxjs'
import type { KVError } from '../base/errors.ts'
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

/** The same parts, each with an engine around it. */
export const partsAround = <E extends Engine>(
  parts: Parts | undefined,
  around: (engine: Engine) => E,
): (Parts & { readonly engines: readonly E[] }) | undefined =>
  parts && {
    engines: parts.engines.map(around),
    indexOf: key => parts.indexOf(key),
    holding: (writes, index) => parts.holding(writes, index),
  }

/** An engine that passes everything on to another. Whoever extends it says what is different, and gives the parts. */
export abstract class EngineAround implements Engine {
  abstract readonly parts: Parts | undefined
  protected readonly engine: Engine

  constructor(engine: Engine) {
    this.engine = engine
  }

  get name(): string {
    return this.engine.name
  }

  get limits(): EngineLimits {
    return this.engine.limits
  }

  get status$(): Observable<Status> {
    return this.engine.status$
  }

  get nodes(): Nodes | undefined {
    return this.engine.nodes
  }

  get movable(): Movable | undefined {
    return this.engine.movable
  }

  get keepsNodes(): boolean | undefined {
    return this.engine.keepsNodes
  }

  read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    return this.engine.read(keys, due)
  }

  write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]> {
    return this.engine.write(writes, due)
  }

  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    return this.engine.commit(writes, due)
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return this.engine.entries(span)
  }

  keys(span: KeySpan): Scan<string> {
    return this.engine.keys(span)
  }

  watch(): Observable<WatchSignal> {
    return this.engine.watch()
  }

  close(): Promise<void> {
    return this.engine.close()
  }
}
