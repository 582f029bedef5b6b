/** The keys that a comparison's roots hold: 40 characters of path, as in FACTS. */
export const keyAt = (index: number): string => `key-${String(index).padStart(8, '0')}`

/** Padded to `bytes`, so that a value says who wrote it. */
export const filled = (stamp: string, bytes = 100): Buffer => Buffer.from(stamp.padEnd(bytes, '.'))

/**
 * Starts `count` operations, at most `limit` at a time, and gives their number when all are done; fails with the first
 * error. No promise and no allocation of its own an operation: what is measured is the client.
 */
export function inFlight(
  count: number,
  limit: number,
  start: (index: number, done: (error?: unknown) => void) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let started = 0
    let finished = 0
    let starting = false
    const done = (error?: unknown) => {
      if (error) return reject(error)
      if (++finished === count) resolve(count)
      else go()
    }
    const go = () => {
      if (starting) return
      starting = true
      while (started < count && started - finished < limit) start(started++, done)
      starting = false
    }
    if (count === 0) resolve(0)
    go()
  })
}

/** Operations one after the other, each one's time in microseconds added to `samples`. */
export async function oneByOne(
  count: number,
  samples: number[],
  start: (index: number, done: (error?: unknown) => void) => void,
): Promise<number> {
  let begun = 0
  return inFlight(count, 1, (index, done) => {
    begun = performance.now()
    start(index, error => {
      samples.push((performance.now() - begun) * 1000)
      done(error)
    })
  })
}
