import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for a condition, looked at again and again; the time limit only ends what hangs. */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  limit = 60_000,
): Promise<void> {
  const end = performance.now() + limit
  while (!(await holds())) {
    if (performance.now() >= end) {
      throw new Error(`not within ${limit} ms: ${typeof what === 'string' ? what : what()}`)
    }
    await sleep(5)
  }
}

/** What `promise` gives, or an error that says `what` was waited for. */
export async function within<T>(what: string, promise: Promise<T>, limit = 60_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limit} ms: ${what}`)), limit)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
