import type { Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Engine, Status } from '../contract/engine.ts'
import type { Encoding } from './encoding.ts'
import type { Observer } from './hub.ts'
import {
  type Operation,
  type Read,
  type SingleWrite,
  type Transaction,
  type Turn,
  type Update,
  WITHDRAWN,
} from './operations.ts'
import { ReadQueue } from './read-queue.ts'
import { WriteQueue } from './write-queue.ts'

/** How much may wait for a connection: beyond it, `UNAVAILABLE`. */
const MAX_WAITING_KEYS = 100_000
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** How often what is under way is looked through for what is late, in milliseconds. */
const SWEEP_INTERVAL = 20

/**
 * Stands between callers, who ask for one key at a time, and the engine, which takes batches: the one place where
 * operations wait, and where it is decided what travels together.
 *
 * What is asked for in one turn of the event loop, and while earlier batches are in flight, travels together; alone, an
 * operation leaves at the end of its turn. What is asked for of one key is carried out in the order of asking.
 */
export class Batcher {
  readonly #engine: Engine
  readonly #timing: Timing
  readonly #reads: ReadQueue
  readonly #writes: WriteQueue
  readonly #statusSubscription: Subscription
  #status: Status = { state: 'suspended', reason: 'not connected yet' }
  /** The turn in which something was asked for, until its end. */
  #turn: Turn | undefined
  #flushing = false
  #sweep: Subscription | undefined
  #closing: (() => void) | undefined

  constructor(engine: Engine, encoding: Encoding<unknown>, timing: Timing, observer: Observer) {
    this.#engine = engine
    this.#timing = timing
    const wake = (): void => this.#wake()
    this.#reads = new ReadQueue({
      engine,
      observer,
      wake,
      sent: (lane, read) => this.#writes.leave(lane, read),
    })
    this.#writes = new WriteQueue({
      engine,
      encoding,
      observer,
      wake,
      queuedRead: key => this.#reads.queued(key),
      read: read => {
        this.#reads.add(read)
        wake()
      },
    })
    this.#statusSubscription = engine.status$.subscribe(status => {
      this.#status = status
      if (status.state !== 'connected' && this.#closing !== undefined) this.#rejectWaiting()
    })
  }

  /** Whether something that changes `key` has been asked for and is not settled. */
  isWriting(key: string): boolean {
    return this.#writes.isWriting(key)
  }

  read(read: Read, timeout: number): void {
    if (this.#refuses(read, 0, timeout)) return
    if (!this.#writes.holdBack(read)) this.#reads.add(read)
    // Also what is held back runs out of time.
    this.#wake()
  }

  write(operation: SingleWrite | Transaction, timeout: number): void {
    if (this.#refuses(operation, operation.bytes, timeout)) return
    this.#writes.add(operation)
    this.#wake()
  }

  update(update: Update<unknown>, timeout: number): void {
    if (this.#refuses(update, 0, timeout)) return
    this.#writes.update(update)
    this.#wake()
  }

  /**
   * Waits for what was accepted, unless there is no connection: then what has not been sent is rejected with `CLOSED`.
   */
  async close(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#closing = resolve
      if (this.#status.state !== 'connected') this.#rejectWaiting()
      this.#wake()
    })
    this.#sweep?.unsubscribe()
    this.#statusSubscription.unsubscribe()
  }

  /**
   * Whether an operation is not taken. It hears of it in a later turn: whoever asks again at once would never let go.
   */
  #refuses(operation: Operation<unknown>, bytes: number, timeout: number): boolean {
    const error = this.#refusal(bytes)
    if (error === undefined) {
      this.#turn ??= { time: this.#timing.now() }
      operation.begin(this.#turn, timeout)
      return false
    }
    this.#timing.defer(() => operation.settle(error))
    return true
  }

  #refusal(bytes: number): KVError | undefined {
    if (this.#closing !== undefined) return new KVError('CLOSED', 'the store is closed')
    const { state, reason } = this.#status
    if (state === 'connected') return undefined
    const waiting = this.#reads.waiting + this.#writes.waiting + 1
    const waitingBytes = this.#writes.waitingBytes + bytes
    if (waiting <= MAX_WAITING_KEYS && waitingBytes <= MAX_WAITING_BYTES) return undefined
    return new KVError(
      'UNAVAILABLE',
      `${this.#engine.name} is ${state} (${reason}) and ${waiting} operations with ${waitingBytes} bytes wait; ` +
        `at most ${MAX_WAITING_KEYS} with ${MAX_WAITING_BYTES} bytes may`,
    )
  }

  #wake(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#timing.defer(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = false
    if (this.#turn !== undefined) {
      this.#turn.time = this.#timing.now()
      this.#turn = undefined
    }
    this.#reads.flush()
    this.#writes.flush()
    if (this.#reads.mayBeLate || this.#writes.mayBeLate) this.#sweepLater()
    if (this.#reads.isIdle && this.#writes.isIdle) this.#closing?.()
  }

  #sweepLater(): void {
    this.#sweep ??= this.#timing.after(SWEEP_INTERVAL, () => {
      this.#sweep = undefined
      const now = this.#timing.now()
      this.#reject(
        ({ deadline }) => deadline <= now,
        operation => this.#timedOut(operation, 'not sent'),
      )
      for (const read of this.#reads.late(now)) read.settle(this.#timedOut(read, 'not answered'))
      for (const update of this.#writes.lateUpdates(now)) update.settle(this.#unknown(update))
      this.#wake()
    })
  }

  #rejectWaiting(): void {
    const error = new KVError('CLOSED', 'the store was closed before this was sent')
    this.#reject(
      () => true,
      () => error,
    )
    // What the engine was given already waits for a connection there.
    void this.#engine.close()
    this.#wake()
  }

  /** Takes out of line what `isOut` holds for, and what nobody waits for, and only then tells those who do. */
  #reject(
    isOut: (operation: Operation<unknown>) => boolean,
    error: (operation: Operation<unknown>) => KVError,
  ): void {
    const isGone = (operation: Operation<unknown>): boolean => operation.isOver || isOut(operation)
    const gone = [...this.#writes.remove(isGone), ...this.#reads.remove(isGone)]
    for (const operation of gone) operation.settle(operation.isOver ? WITHDRAWN : error(operation))
  }

  #timedOut(operation: Operation<unknown>, problem: string): KVError {
    const { state, reason } = this.#status
    return new KVError(
      'TIMEOUT',
      `${operation.what}: ${problem} within ${operation.timeout} ms: ${this.#engine.name} is ${state} (${reason})`,
    )
  }

  #unknown(update: Update<unknown>): KVError {
    return new KVError(
      'INDETERMINATE',
      `${update.what}: being written, but not answered within ${update.timeout} ms`,
      { key: update.key },
    )
  }
}
