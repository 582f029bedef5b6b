import { setTimeout as sleep } from 'node:timers/promises'
import { KVError } from '../base/errors.ts'

/** The first and the longest pause before a retry, in milliseconds. */
const PAUSE = 50
const LONGEST_PAUSE = 2000

/** Settles as `promise` does, or rejects as soon as `signal` is aborted; a later result is ignored. */
export function unlessAborted<R>(signal: AbortSignal, promise: Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    const done = (): void => signal.removeEventListener('abort', abort)
    promise.finally(done).then(resolve, reject)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

/** Something took too long. */
export class Late extends Error {
  override readonly name = 'Late'
}

/** Settles as `promise` does, or rejects with {@link Late} after `timeout` milliseconds. */
export async function within<R>(timeout: number, promise: Promise<R>, what: string): Promise<R> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late(`${what} took longer than ${timeout} ms`)), timeout)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Paces retries with growing pauses, for a limited time since the last success. */
export class Patience {
  readonly #timeout: number
  readonly #context: string
  readonly #partition: string | undefined
  #failingSince: number | undefined
  #pause = PAUSE

  constructor(timeout: number, context: string, partition?: string) {
    this.#timeout = timeout
    this.#context = context
    this.#partition = partition
  }

  succeeded(): void {
    this.#failingSince = undefined
    this.#pause = PAUSE
  }

  /** Waits before the next attempt; rejects with `UNAVAILABLE` when the time is up, or when `signal` is aborted. */
  async failed(cause: unknown, signal?: AbortSignal): Promise<void> {
    const now = performance.now()
    this.#failingSince ??= now
    const left = this.#failingSince + this.#timeout - now
    if (left <= 0) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const message = `${this.#context} did not succeed for ${this.#timeout} ms: ${reason}`
      throw new KVError('UNAVAILABLE', message, { cause, partition: this.#partition })
    }
    await sleep(Math.min(this.#pause, left), undefined, signal && { signal })
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE)
  }
}
