import type { Subscription } from 'rxjs'
import type { Engine, Status } from '../engine.ts'
import { KVError } from '../errors.ts'
import type { Timing } from '../timing.ts'
import type { Pacing } from './pacing.ts'
import { ReadBatcher } from './read-batcher.ts'
import type { Observer, ReadRequest, WriteRequest } from './requests.ts'
import { WriteBatcher } from './write-batcher.ts'

/** How much may wait for a connection: beyond it, `UNAVAILABLE`. */
const MAX_WAITING_KEYS = 100_000
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** How often what waits is looked through for what is late, in milliseconds. */
const SWEEP_INTERVAL = 20

/**
 * Stands between callers, who ask for one key at a time, and the engine, which takes batches.
 *
 * What is asked for in one turn of the event loop, and while earlier batches are in flight, travels together; alone, a
 * request leaves at the end of its turn. A read sees the writes of its key that were asked for before it.
 */
export class Batcher {
  readonly #engine: Engine
  readonly #timing: Timing
  readonly #reads: ReadBatcher
  readonly #writes: WriteBatcher
  readonly #statusSubscription: Subscription
  #status: Status = { state: 'suspended', reason: 'not connected yet' }
  #flushing = false
  /** When what goes now began to go. */
  #flushedAt = 0
  #sweep: Subscription | undefined
  #waitingBytes = 0
  #closing: (() => void) | undefined
  #closed = false

  constructor(engine: Engine, timing: Timing, observer: Observer) {
    this.#engine = engine
    this.#timing = timing
    const pacing: Pacing = {
      observer,
      wake: () => this.#wake(),
      late: request => (request.deadline <= this.#flushedAt ? this.#timedOut(request) : undefined),
    }
    this.#reads = new ReadBatcher(engine, pacing)
    this.#writes = new WriteBatcher(engine, pacing, (request, index) =>
      this.#reads.add(request, index, index + 1),
    )
    this.#statusSubscription = engine.status$.subscribe(status => {
      this.#status = status
      if (status.state === 'connected') this.#waitingBytes = 0
      else if (this.#closing !== undefined) this.#rejectWaiting()
    })
  }

  /** The time for the deadline of a request. */
  now(): number {
    return this.#timing.now()
  }

  /** Whether a write of `key` has been asked for and is not settled. */
  isWriting(key: string): boolean {
    return this.#writes.isWriting(key)
  }

  read(request: ReadRequest): void {
    const { keys } = request
    const refusal = this.#refusal(keys.length, 0)
    if (refusal !== undefined) {
      this.#refuse(request, keys.length, refusal)
      return
    }
    let from = 0
    for (let i = 0; i < keys.length; i++) {
      if (!this.#writes.defer(request, i)) continue
      if (from < i) this.#reads.add(request, from, i)
      from = i + 1
    }
    if (from < keys.length) this.#reads.add(request, from, keys.length)
    this.#wake()
  }

  write(request: WriteRequest): void {
    const { writes } = request
    let bytes = 0
    if (this.#status.state !== 'connected') {
      for (const write of writes) if (write.type === 'put') bytes += write.value.byteLength
    }
    const refusal = this.#refusal(writes.length, bytes)
    if (refusal !== undefined) {
      this.#refuse(request, writes.length, refusal)
      return
    }
    this.#writes.add(request)
    this.#wake()
  }

  /** Waits for what was accepted, unless there is no connection: then what has not been sent is rejected with `CLOSED`. */
  async close(): Promise<void> {
    if (!this.#closed) {
      await new Promise<void>(resolve => {
        this.#closing = resolve
        if (this.#status.state !== 'connected') this.#rejectWaiting()
        this.#wake()
      })
    }
    this.#closed = true
    this.#sweep?.unsubscribe()
    this.#statusSubscription.unsubscribe()
  }

  #refusal(keys: number, bytes: number): KVError | undefined {
    if (this.#closing !== undefined) return new KVError('CLOSED', 'the store is closed')
    if (this.#status.state === 'connected') return undefined
    const waiting = this.#reads.waiting + this.#writes.waiting + this.#writes.held + keys
    if (waiting <= MAX_WAITING_KEYS && this.#waitingBytes + bytes <= MAX_WAITING_BYTES) {
      this.#waitingBytes += bytes
      return undefined
    }
    return new KVError(
      'UNAVAILABLE',
      `${this.#engine.name} is ${this.#status.state} (${this.#status.reason}) and ${waiting} operations with ` +
        `${this.#waitingBytes + bytes} bytes wait; at most ${MAX_WAITING_KEYS} with ${MAX_WAITING_BYTES} bytes may`,
    )
  }

  /** In a later turn: whoever asks again at once would keep the connection from ever coming back. */
  #refuse(request: ReadRequest | WriteRequest, count: number, error: KVError): void {
    this.#timing.defer(() => {
      for (let i = 0; i < count && !request.withdrawn; i++) request.settle(i, error)
    })
  }

  #wake(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#timing.defer(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = false
    this.#flushedAt = this.#timing.now()
    this.#writes.flush()
    this.#reads.flush()
    if (this.#reads.waiting > 0 || this.#writes.waiting > 0 || this.#writes.held > 0) this.#sweepLater()
    else if (this.#closing !== undefined && this.#reads.idle && this.#writes.idle) this.#closing()
  }

  #sweepLater(): void {
    this.#sweep ??= this.#timing.after(SWEEP_INTERVAL, () => {
      this.#sweep = undefined
      const now = this.#timing.now()
      this.#expire(request => (request.deadline <= now ? this.#timedOut(request) : undefined))
    })
  }

  #rejectWaiting(): void {
    const error = new KVError('CLOSED', 'the store was closed before this was sent')
    this.#expire(() => error)
    // What the engine was given already waits for a connection there.
    void this.#engine.close()
  }

  #expire(reason: (request: ReadRequest | WriteRequest) => KVError | undefined): void {
    this.#writes.expire(reason)
    this.#reads.expire(reason)
    this.#wake()
  }

  #timedOut(request: ReadRequest | WriteRequest): KVError {
    return new KVError(
      'TIMEOUT',
      `${request.what}: not sent within ${request.timeout} ms: ${this.#engine.name} is ${this.#status.state} (${this.#status.reason})`,
    )
  }
}
