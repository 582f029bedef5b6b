import { BehaviorSubject, Observable, type Subscription } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Timing } from '../../base/timing.ts'
import type {
  Due,
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
} from '../../contract/engine.ts'
import { Cursor } from './cursor.ts'
import { Draft } from './draft.ts'
import type { Root } from './root.ts'

const BATCH_BYTES = 64 * 1024 * 1024
const VALUE_BYTES = 16 * 1024 * 1024

/**
 * The Engine contract on a root of an LMDB environment.
 *
 * Reads answer at once. Writes travel in transactions, those of one turn in one, and are answered when they are on
 * disk; the next transaction runs while the one before is flushed.
 */
export class LmdbEngine implements Engine {
  readonly name = 'lmdb'
  readonly keepsNodes = true
  readonly limits: EngineLimits
  readonly #status: BehaviorSubject<Status>
  readonly status$: Observable<Status>
  readonly #root: Root
  readonly #timing: Timing
  readonly #underWay = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(root: Root, timing: Timing) {
    this.#root = root
    this.#timing = timing
    this.#status = new BehaviorSubject<Status>({
      state: 'connected',
      reason: `open in ${root.environment.folder}`,
    })
    this.status$ = this.#status.asObservable()
    this.limits = {
      keyBytes: root.keyBytes,
      valueBytes: () => VALUE_BYTES,
      readBatch: 4096,
      readBytes: Number.POSITIVE_INFINITY,
      writeBatch: 4096,
      batchBytes: BATCH_BYTES,
      overheadBytes: 64,
      inFlight: 4,
    }
  }

  read(keys: readonly string[]): Observable<readonly (Stored | undefined)[]> {
    return this.#look(() => keys.map(key => this.#root.get(key)))
  }

  write(writes: readonly Write[], due: Due): Observable<readonly (Written | KVError)[]> {
    return this.#transact(due, draft => writes.map(write => draft.add(write)))
  }

  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    return this.#transact(due, draft => draft.addAll(writes))
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    const cursor = new Cursor(this.#root, span)
    return { next: () => this.#look(() => cursor.entries()), close: () => {} }
  }

  keys(span: KeySpan): Scan<string> {
    const cursor = new Cursor(this.#root, span)
    return { next: () => this.#look(() => cursor.keys()), close: () => {} }
  }

  watch(): Observable<WatchSignal> {
    return new Observable(subscriber => {
      subscriber.add(this.#status.subscribe({ complete: () => subscriber.complete() }))
      if (subscriber.closed) return
      subscriber.add(this.#root.watch(signal => subscriber.next(signal)))
      subscriber.next({ type: 'armed' })
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all(this.#underWay)
    this.#status.next({ state: 'closed', reason: 'closed by the user' })
    this.#status.complete()
    await this.#root.release()
  }

  /** Emits what `look` reads of all that is committed by now. */
  #look<T>(look: () => T): Observable<T> {
    return new Observable(subscriber => {
      let seen: T
      try {
        this.#checkOpen()
        this.#root.refresh()
        seen = look()
      } catch (error) {
        subscriber.error(KVError.from(error, 'ENGINE', 'LMDB could not read'))
        return
      }
      subscriber.next(seen)
      subscriber.complete()
    })
  }

  /** Emits what `work` returns once the draft it fills is on disk. */
  #transact<T>(due: Due, work: (draft: Draft) => T): Observable<T> {
    return new Observable(subscriber => {
      const answer = this.#carryOut(due, work).then(
        result => {
          subscriber.next(result)
          subscriber.complete()
        },
        error => subscriber.error(KVError.from(error, 'ENGINE', 'LMDB could not write')),
      )
      this.#underWay.add(answer)
      void answer.then(() => this.#underWay.delete(answer))
    })
  }

  async #carryOut<T>({ deadline }: Due, work: (draft: Draft) => T): Promise<T> {
    this.#checkOpen()
    let begun = false
    let late = false
    const written = this.#root.environment.transact(() => {
      if (late) throw tooLate(begun)
      begun = true
      const draft = new Draft(this.#root)
      const result = work(draft)
      draft.put()
      return result
    })
    let timer: Subscription | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = this.#timing.after(deadline - this.#timing.now(), () => {
        late = true
        reject(tooLate(begun))
      })
    })
    try {
      const result = await Promise.race([written, timeout])
      this.#root.refresh()
      return result
    } finally {
      timer?.unsubscribe()
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new KVError('CLOSED', 'the store is closed')
  }
}

const tooLate = (begun: boolean): KVError =>
  begun
    ? new KVError('INDETERMINATE', 'written to LMDB, but not known to be on disk in time')
    : new KVError('TIMEOUT', 'LMDB was locked by another process for too long; not written')
