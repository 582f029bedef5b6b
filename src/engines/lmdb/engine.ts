import { BehaviorSubject, Observable, type Subscription } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Timing } from '../../base/timing.ts'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  Movable,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  Written,
} from '../../contract/engine.ts'
import { ROOT } from '../../contract/nodes.ts'
import { refusalOf } from '../../contract/seal.ts'
import { Cursor } from './cursor.ts'
import { Draft } from './draft.ts'
import type { Root } from './root.ts'

const BATCH_BYTES = 64 * 1024 * 1024
const VALUE_BYTES = 16 * 1024 * 1024

/**
 * The Engine contract on a root of an LMDB environment.
 *
 * Reads are answered at once. The writes of one turn go into one transaction, and are answered when they are on disk;
 * the next transaction runs while the previous one is flushed.
 */
export class LmdbEngine implements Engine {
  readonly name = 'lmdb'
  readonly keepsNodes = true
  readonly movable: Movable = { nodes: () => this.#look(() => this.#root.nodes()) }
  readonly limits: EngineLimits
  readonly #status: BehaviorSubject<Status>
  readonly status$: Observable<Status>
  readonly #root: Root
  readonly #timing: Timing
  readonly #mover: string | undefined
  readonly #underWay = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  /** @param mover the name of the run of a move that this is for */
  constructor(root: Root, timing: Timing, mover?: string) {
    this.#root = root
    this.#mover = mover
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
    return this.#transact(due, writes, draft => writes.map(write => draft.add(write)))
  }

  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    return this.#transact(due, writes, draft => draft.addAll(writes))
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
      const told = (signal: WatchSignal): void => {
        const isKeys = signal.type === 'changed' && signal.keys.length > 0
        const refusal = isKeys ? undefined : this.#refusal()
        if (refusal?.code === 'MOVED') subscriber.error(refusal)
        else subscriber.next(signal)
      }
      subscriber.add(this.#root.watch(told))
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

  /** Emits the result of `look`, which reads the latest commits. */
  #look<T>(look: () => T): Observable<T> {
    return new Observable(subscriber => {
      let seen: T
      try {
        this.#checkOpen()
        this.#root.refresh()
        this.#admit()
        seen = look()
      } catch (error) {
        subscriber.error(KVError.from(error, 'ENGINE', 'LMDB could not read'))
        return
      }
      subscriber.next(seen)
      subscriber.complete()
    })
  }

  /** Emits the result of `work` once the draft that it fills is on disk. */
  #transact<T>(due: Due, writes: readonly Write[], work: (draft: Draft) => T): Observable<T> {
    return new Observable(subscriber => {
      const answer = this.#carryOut(due, writes, work).then(
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

  async #carryOut<T>({ deadline }: Due, writes: readonly Write[], work: (draft: Draft) => T): Promise<T> {
    this.#checkOpen()
    let begun = false
    let late = false
    const written = this.#root.environment.transact(() => {
      if (late) throw tooLate(begun)
      this.#admit(writes)
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

  /** Throws why the seal of the root lets this engine not read, or not write this. */
  #admit(writes?: readonly Write[]): void {
    const refusal = this.#refusal(writes)
    if (refusal !== undefined) throw refusal
  }

  #refusal(writes?: readonly Write[]): KVError | undefined {
    const root = this.#root.get(ROOT)
    return root === undefined ? undefined : refusalOf(root.value, this.#mover, writes)
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new KVError('CLOSED', 'the store is closed')
  }
}

const tooLate = (begun: boolean): KVError =>
  begun
    ? new KVError('INDETERMINATE', 'written to LMDB, but not known to be on disk in time')
    : new KVError('TIMEOUT', 'LMDB was locked by another process for too long; not written')
