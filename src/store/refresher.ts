import type { Subscription } from 'rxjs'
import type { Stored } from '../engine.ts'
import { KVError, type KVErrorCode } from '../errors.ts'
import type { Timing } from '../timing.ts'
import type { Batcher } from './batcher.ts'
import { ReadRequest } from './requests.ts'

/** Pause before what could not be read is read again, in milliseconds. */
const RETRY_PAUSE = 100

/** Errors that pass with time. */
const PASSING: ReadonlySet<KVErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'ENGINE', 'INDETERMINATE'])

/** Whether it makes sense to read again after `error`. */
export const passes = (error: KVError): boolean => PASSING.has(error.code)

/** A key that is read again when it changes; whoever follows it keeps here what else it knows of it. */
export class Followed {
  readonly key: string
  /** The read whose answer counts; `due` until it is asked for. */
  reading: ReadRequest | 'due' | undefined = undefined

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
  /** To be asked for at the end of the turn, unless forgotten meanwhile. */
  #due: F[] = []
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
    followed.reading = 'due'
    this.#reading++
    this.#add(followed)
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

  /** The answer of `request`. */
  settle(request: ReadRequest, followed: F, result: Stored | undefined | KVError): void {
    if (followed.reading !== request) return
    if (result instanceof KVError && passes(result)) {
      followed.reading = 'due'
      this.#failed.push(followed)
      this.#pause ??= this.#timing.after(RETRY_PAUSE, () => this.#retry())
      return
    }
    this.forget(followed)
    this.#result(followed, result)
  }

  #add(followed: F): void {
    if (this.#due.push(followed) === 1) this.#timing.defer(() => this.#flush())
  }

  #flush(): void {
    const followed = this.#due.filter(({ reading }) => reading === 'due')
    this.#due = []
    if (this.stopped || followed.length === 0) return
    const request = new Refresh(this, followed, this.#timing.now(), this.#timeout)
    for (const each of followed) each.reading = request
    this.#batcher.read(request)
  }

  #retry(): void {
    const failed = this.#failed
    this.#failed = []
    this.#pause = undefined
    for (const followed of failed) this.#add(followed)
  }
}

/** One read of the keys that changed in a turn. */
class Refresh<F extends Followed> extends ReadRequest {
  readonly keys: readonly string[]
  readonly #refresher: Refresher<F>
  readonly #followed: readonly F[]

  constructor(refresher: Refresher<F>, followed: readonly F[], now: number, timeout: number) {
    super(now, timeout)
    this.#refresher = refresher
    this.#followed = followed
    this.keys = followed.map(({ key }) => key)
  }

  override get withdrawn(): boolean {
    return this.#refresher.stopped
  }

  settle(index: number, result: Stored | undefined | KVError): void {
    this.#refresher.settle(this, this.#followed[index]!, result)
  }
}
