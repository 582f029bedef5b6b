/** Writes to the store in the folder that it is given until it is killed; prints what has been acknowledged. */
import { writeSync } from 'node:fs'
import { firstValueFrom } from 'rxjs'
import { json } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { type Counted, counted } from './counted.ts'

const store = lmdbStore({ path: process.argv[2]!, value: json<Counted>() })
const acknowledge = (line: string) => writeSync(1, `${line}\n`)

/** Counts a key up from what is stored, each time by a single write. */
async function countUp(key: string): Promise<never> {
  let { count } = (await firstValueFrom(store.get$(key))) ?? { count: 0 }
  for (;;) {
    await firstValueFrom(store.put$(key, counted(++count)))
    acknowledge(`${key} ${count}`)
  }
}

/** Moves one from `left` to `right` and back, each time in one transaction. */
async function move(): Promise<never> {
  for (let count = 1; ; count++) {
    await firstValueFrom(
      store.putAll$([
        ['left', counted(count)],
        ['right', counted(-count)],
      ]),
    )
    acknowledge(`left ${count}`)
  }
}

await Promise.all([move(), ...Array.from({ length: 20 }, (_, i) => countUp(`key-${i}`))])
