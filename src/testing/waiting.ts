import { setTimeout as sleep } from 'node:timers/promises'

/** Options of {@link eventually}. */
export interface WaitOptions {
  /** How long to wait, in milliseconds. */
  readonly timeout: number
  /** The pause between two checks, in milliseconds. */
  readonly every?: number
}

/** Calls `look` until it returns something other than `undefined`; throws the result of `late` when the time is up. */
export async function eventually<T>(
  look: () => Promise<T | undefined> | T | undefined,
  late: () => Error,
  { timeout, every = 20 }: WaitOptions,
): Promise<T> {
  const end = performance.now() + timeout
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() >= end) throw late()
    await sleep(every)
  }
}
