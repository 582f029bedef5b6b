/** Counts up the key `count` of the store in the folder that it is given. */
import { firstValueFrom } from 'rxjs'
import { text } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'

const [path, times] = process.argv.slice(2)
const store = lmdbStore({ path: path!, value: text })
for (let i = 0; i < Number(times); i++) {
  await firstValueFrom(store.update$('count', (count = '0') => String(Number(count) + 1)))
}
await store.close()
