import type { Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Stored } from '../contract/engine.ts'
import type { Batcher } from './batcher.ts'
import { Read } from './operations.ts'
import { passes, RETRY_PAUSE } from './retries.ts'

/** A key that is read again when it changes; whoever follows it keeps here what else it knows of it. */
export class Followed {
  readonly key: string
  /** The read whose answer counts; `failed` until it is asked for again. */
  reading: Read | 'failed' | undefined = undefined

  constructor(key: string) {
    this.key = key
  }
}

/** Reads keys that changed, once for all changes that are signalled before the answer comes: it shows them all. */
export class Refresher<F extends Followed> {
  readonly #batcher: Batcher
  readonly #timing: Timing
  readonly #timeout: number
  readonly #result: (followed: F, result: Stored | undefined | KVError) => void
  /** To be asked for after a pause. */
  #failed: F[] = []
  #pause: Subscription | undefined
  /** How many have a read that counts. */
  #reading = 0
  stopped = false

  /** `result` gets what is stored, or an error that will not pass. */
  constructor(
    batcher: Batcher,
    timing: Timing,
    timeout: number,
    result: (followed: F, result: Stored | undefined | KVError) => void,
  ) {
    this.#batcher = batcher
    this.#timing = timing
    this.#timeout = timeout
    this.#result = result
  }

  /** Whether nothing is being read. */
  get idle(): boolean {
    return this.#reading === 0
  }

  touch(followed: F): void {
    if (followed.reading !== undefined) return
    this.#reading++
    this.#ask(followed)
  }

  /** What is stored became known in another way, or is of no interest any more. */
  forget(followed: F): void {
    if (followed.reading === undefined) return
    followed.reading = undefined
    this.#reading--
  }

  stop(): void {
    this.stopped = true
    this.#pause?.unsubscribe()
  }

  /** The answer of `read`. */
  settle(read: Read, followed: F, result: Stored | undefined | KVError): void {
    if (followed.reading !== read) return
    if (result instanceof KVError && passes(result)) {
      followed.reading = 'failed'
      this.#failed.push(followed)
      this.#pause ??= this.#timing.after(RETRY_PAUSE, () => this.#retry())
      return
    }
    this.forget(followed)
    this.#result(followed, result)
  }

  #ask(followed: F): void {
    const refresh = new Refresh(this, followed)
    followed.reading = refresh
    this.#batcher.read(refresh, this.#timeout)
  }

  #retry(): void {
    const failed = this.#failed
    this.#failed = []
    this.#pause = undefined
    for (const followed of failed) if (followed.reading === 'failed') this.#ask(followed)
  }
}

/** One read of a key that changed. */
class Refresh<F extends Followed> extends Read {
  readonly #refresher: Refresher<F>
  readonly #followed: F

  constructor(refresher: Refresher<F>, followed: F) {
    super(followed.key)
    this.#refresher = refresher
    this.#followed = followed
  }

  override get withdrawn(): boolean {
    return this.#refresher.stopped || this.#followed.reading !== this
  }

  protected answered(result: Stored | undefined | KVError): void {
    this.#refresher.settle(this, this.#followed, result)
  }
}
