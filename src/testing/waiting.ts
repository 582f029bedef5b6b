import { setTimeout as sleep } from 'node:timers/promises'

/** What {@link eventually} waits with. */
export interface WaitOptions {
  /** How long, in milliseconds. */
  readonly timeout: number
  /** How long between two looks, in milliseconds. */
  readonly every?: number
}

/** Looks again and again until `look` gives something other than `undefined`; what `late` gives is thrown when it does not. */
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
