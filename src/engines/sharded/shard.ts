import { catchError, defer, map, mergeMap, type Observable, of, throwError } from 'rxjs'
import type { KVError } from '../../base/errors.ts'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  Movable,
  Nodes,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  WriteDue,
  Written,
} from '../../contract/engine.ts'
import { type ShardPlace, ShardRecord } from './record.ts'
import { WritePart } from './write-part.ts'

/** One of the engines: works only where it holds what its place in the order says. */
export class Shard implements Engine {
  readonly name: string
  readonly limits: EngineLimits
  readonly status$: Observable<Status>
  readonly nodes: Nodes
  readonly record: ShardRecord
  readonly movable: Movable | undefined
  readonly #engine: Engine

  constructor(engine: Engine & { readonly nodes: Nodes }, place: ShardPlace, all: readonly ShardRecord[]) {
    this.name = `${engine.name} (${place.name})`
    this.limits = engine.limits
    this.status$ = engine.status$
    this.movable = engine.movable
    this.nodes = engine.nodes
    this.#engine = engine
    this.record = new ShardRecord(engine, place, all)
  }

  read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    return this.#confirmed(this.#engine.read(keys, due), due)
  }

  write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]> {
    return defer(() =>
      this.record.verified ? this.#engine.write(writes, due) : this.#writeAfterRecord(writes, due),
    )
  }

  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    return defer(() =>
      this.record.verified
        ? this.#engine.commit(writes, due)
        : this.record.make(due).pipe(mergeMap(() => this.#engine.commit(writes, due))),
    )
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
    this.record.close()
    return this.#engine.close()
  }

  #scan<P>(scan: Scan<P>): Scan<P> {
    return { next: due => this.#confirmed(scan.next(due), due), close: () => scan.close() }
  }

  #confirmed<T>(answer: Observable<T>, due: Due): Observable<T> {
    return answer.pipe(
      mergeMap(given => (this.record.verified ? of(given) : this.record.confirm(due).pipe(map(() => given)))),
    )
  }

  #writeAfterRecord(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]> {
    return this.#recordFor(writes, due, Number.NEGATIVE_INFINITY).pipe(
      mergeMap(late => {
        if (late.size === 0) return this.#engine.write(writes, due)
        const part = new WritePart(writes, due)
        for (let i = 0; i < writes.length; i++) if (!late.has(i)) part.add(i)
        return this.#engine
          .write(part.writes, part)
          .pipe(map(written => part.spread(written, [...late.entries()])))
      }),
    )
  }

  /** Makes the record, for which each write waits in its own time; emits those that were out of it. */
  #recordFor(
    writes: readonly Write[],
    due: WriteDue,
    after: number,
    late: Map<number, KVError> = new Map(),
  ): Observable<Map<number, KVError>> {
    let deadline = due.deadline
    for (let i = 0; i < writes.length; i++) {
      const each = due.deadlineOf(i)
      if (each > after && each < deadline) deadline = each
    }
    return this.record.make({ deadline }).pipe(
      map(() => late),
      catchError((error: KVError) => {
        if (error.code !== 'TIMEOUT' || deadline >= due.deadline) return throwError(() => error)
        for (let i = 0; i < writes.length; i++) {
          if (due.deadlineOf(i) > deadline || late.has(i)) continue
          late.set(i, error)
          due.settled(i, error)
        }
        return this.#recordFor(writes, due, deadline, late)
      }),
    )
  }
}
