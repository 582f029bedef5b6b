/*
 * Puts numbers to keys, each key's in order, until stdin ends, and prints what is durable; goes to where the store is moved.
 * Arguments: the URL of the store, how many keys.
 */
import { firstValueFrom } from 'rxjs'
import { json, type KVError, type KVStore, openStore } from 'rxkeeper'

const [url, count] = process.argv.slice(2) as [string, string]
const open = (place: string): KVStore<number> => openStore(place, { value: json<number>(), timeout: 5000 })

let store = open(url)
let stopping = false
process.stdin.on('end', () => {
  stopping = true
})
process.stdin.resume()

async function put(key: string, value: number): Promise<void> {
  for (;;) {
    const used = store
    try {
      await firstValueFrom(used.put$(key, value))
      return
    } catch (error) {
      const { code, movedTo } = error as KVError
      if (code === 'MOVED' && movedTo !== undefined) {
        if (used !== store) continue
        process.stdout.write(`moved ${movedTo}\n`)
        store = open(movedTo)
        void used.close()
      } else if (
        code !== 'TIMEOUT' &&
        code !== 'INDETERMINATE' &&
        code !== 'UNAVAILABLE' &&
        code !== 'CLOSED'
      ) {
        throw error
      }
    }
  }
}

const program = async (key: string): Promise<void> => {
  for (let value = 1; !stopping; value++) {
    await put(key, value)
    process.stdout.write(`${key} ${value}\n`)
  }
}
await Promise.all(Array.from({ length: Number(count) }, (_, i) => program(`busy-${i}`)))
await store.close()
