/*
 * Counts keys up until its input ends, then prints for each how many increments were acknowledged, and how many may have
 * been done. Arguments: the servers, the root, and `update$` or `processKV`.
 */
import { firstValueFrom, tap } from 'rxjs'
import { json, KVError, processKV, pull$, zookeeperStore } from 'rxkeeper'

const [, , servers, root, how] = process.argv as unknown as [string, string, string, string, string]
const store = zookeeperStore({ servers, root, value: json<number>(), sessionTimeout: 2000, timeout: 5000 })
const KEYS = ['one', 'two', 'three']
const acknowledged: Record<string, number> = { one: 0, two: 0, three: 0 }
const unknown: Record<string, number> = { one: 0, two: 0, three: 0 }
let running = true
process.stdin.on('end', () => {
  running = false
})
process.stdin.resume()

/** Whether an operation that ended with this error may have been carried out; others certainly were not. */
function mayBeDone(error: unknown): boolean {
  if (error instanceof KVError) {
    if (error.code === 'INDETERMINATE') return true
    if (error.code === 'TIMEOUT' || error.code === 'UNAVAILABLE') return false
  }
  throw error
}

async function update(key: string): Promise<void> {
  while (running) {
    try {
      await firstValueFrom(store.update$(key, (count = 0) => count + 1))
      acknowledged[key]!++
    } catch (error) {
      if (mayBeDone(error)) unknown[key]!++
    }
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** Runs a process loop until it fails, or there are no more records. */
async function loop(): Promise<void> {
  const underWay: Record<string, number> = { one: 0, two: 0, three: 0 }
  async function* records(): AsyncGenerator<string> {
    while (running) {
      for (const key of KEYS) {
        underWay[key]!++
        yield key
      }
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
  try {
    await pull$(records())
      .pipe(
        processKV(
          store,
          key => key,
          (_, count = 0) => count + 1,
          { commitSize: 16 },
        ),
        tap(([key]) => {
          underWay[key]!--
          acknowledged[key]!++
        }),
      )
      .forEach(() => {})
  } catch (error) {
    if (mayBeDone(error)) for (const key of KEYS) unknown[key]! += underWay[key]!
  }
}

console.log('ready')
if (how === 'update$') await Promise.all([...KEYS, ...KEYS].map(update))
else while (running) await loop()
console.log(JSON.stringify({ acknowledged, unknown }))
await store.close()
