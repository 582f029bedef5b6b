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

/** One read of the keys that changed in a turn. */
class Refresh extends ReadRequest {
  readonly keys: readonly string[]
  readonly #settled: (refresh: Refresh, key: string, result: Stored | undefined | KVError) => void

  constructor(
    keys: readonly string[],
    now: number,
    timeout: number,
    settled: (refresh: Refresh, key: string, result: Stored | undefined | KVError) => void,
  ) {
    super(now, timeout)
    this.keys = keys
    this.#settled = settled
  }

  settle(index: number, result: Stored | undefined | KVError): void {
    this.#settled(this, this.keys[index]!, result)
  }
}

/** Reads keys that changed, once for all changes that are signalled before the answer comes: it shows them all. */
export class Refresher {
  readonly #batcher: Batcher
  readonly #timing: Timing
  readonly #timeout: number
  readonly #result: (key: string, result: Stored | undefined | KVError) => void
  readonly #waiting = new Set<string>()
  /** Which read of a key counts. */
  readonly #reading = new Map<string, Refresh>()
  readonly #pauses = new Set<Subscription>()
  #scheduled = false
  #stopped = false

  /** `result` gets what is stored, or an error that will not pass. */
  constructor(
    batcher: Batcher,
    timing: Timing,
    timeout: number,
    result: (key: string, result: Stored | undefined | KVError) => void,
  ) {
    this.#batcher = batcher
    this.#timing = timing
    this.#timeout = timeout
    this.#result = result
  }

  /** Whether nothing is being read. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#reading.size === 0
  }

  touch(key: string): void {
    if (this.#reading.has(key)) return
    this.#waiting.add(key)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#timing.defer(() => this.#flush())
  }

  /** The value of `key` became known in another way. */
  forget(key: string): void {
    this.#waiting.delete(key)
    this.#reading.delete(key)
  }

  stop(): void {
    this.#stopped = true
    for (const refresh of new Set(this.#reading.values())) refresh.unsubscribe()
    for (const pause of this.#pauses) pause.unsubscribe()
    this.#reading.clear()
    this.#waiting.clear()
  }

  #flush(): void {
    this.#scheduled = false
    if (this.#waiting.size === 0) return
    const keys = [...this.#waiting]
    this.#waiting.clear()
    const refresh = new Refresh(keys, this.#timing.now(), this.#timeout, this.#settled)
    for (const key of keys) this.#reading.set(key, refresh)
    this.#batcher.read(refresh)
  }

  readonly #settled = (refresh: Refresh, key: string, result: Stored | undefined | KVError): void => {
    if (this.#reading.get(key) !== refresh) return
    this.#reading.delete(key)
    if (result instanceof KVError && passes(result)) {
      const pause = this.#timing.after(RETRY_PAUSE, () => {
        this.#pauses.delete(pause)
        if (!this.#stopped) this.touch(key)
      })
      this.#pauses.add(pause)
      return
    }
    this.#result(key, result)
  }
}
