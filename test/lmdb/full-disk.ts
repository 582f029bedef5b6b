/** Writes where no file may grow beyond 500 kB. */
import { firstValueFrom } from 'rxjs'
import { type KVError, text } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'

const store = lmdbStore({ path: process.argv[2]!, value: text })
const put = async (key: string, value: string) => {
  try {
    console.log(key, (await firstValueFrom(store.put$(key, value))).version)
  } catch (error) {
    console.log(key, (error as KVError).code)
  }
}
await put('small', 'x')
await put('large', 'x'.repeat(2_000_000))
await put('small', 'y')
console.log('read', (await firstValueFrom(store.entry$('small')))?.version)
await store.close()
console.log('closed')
