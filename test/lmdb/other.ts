/** A process that does to the store in the folder it is given what its standard input says, line by line. */
import { createInterface } from 'node:readline'
import { firstValueFrom } from 'rxjs'
import { text } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'

const store = lmdbStore({ path: process.argv[2]!, value: text })
console.log('open')
for await (const line of createInterface({ input: process.stdin })) {
  const [command, key, value] = line.split(' ')
  if (command === 'put') await firstValueFrom(store.put$(key!, value!))
  else if (command === 'delete') await firstValueFrom(store.delete$(key!))
  console.log(`done ${line}`)
}
await store.close()
