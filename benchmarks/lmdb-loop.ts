import { json, processKV, pull$ } from 'rxkeeper'
import { counted } from './contenders/ours.ts'
import type { Place, Question, Task } from './runner/question.ts'
import { add, decode, encode, randomItems, type Sum } from './runner/records.ts'

const RECORDS = 40_000
const KEYS = 2000
/** As many records a transaction as processKV takes into a commit. */
const BATCH = 8192

const items = randomItems(RECORDS, KEYS)

async function ours({ folder }: Place): Promise<Task> {
  // Not loaded by the processes of all the others.
  const { lmdbStore } = await import('rxkeeper/lmdb')
  const store = lmdbStore({ path: folder, value: json<Sum>() })
  return {
    pass: () => counted(pull$(items).pipe(processKV(store, item => item.key, add))),
    close: () => store.close(),
  }
}

async function direct({ folder }: Place): Promise<Task> {
  const { open } = await import('lmdb')
  const database = open<Buffer, string>({ path: folder, encoding: 'binary' })
  return {
    async pass() {
      for (let from = 0; from < items.length; from += BATCH) {
        await database.transaction(() => {
          for (const item of items.slice(from, from + BATCH)) {
            const bytes = database.get(item.key)
            void database.put(item.key, encode(add(item, bytes && decode(bytes))))
          }
        })
      }
      await database.flushed
      return items.length
    },
    close: () => database.close(),
  }
}

export const lmdbLoop: Question = {
  name: 'lmdb-loop',
  about: 'What does the process loop cost on LMDB, against LMDB used directly?',
  comparisons: [
    {
      name: 'lmdb-loop',
      title: 'The process loop on LMDB: 40,000 records over 2,000 keys, durable',
      unit: 'records/s',
      server: 'none',
      contenders: [
        { name: 'rxkeeper/processKV', run: ours },
        { name: 'lmdb', run: direct },
      ],
      targets: { lmdb: 1 },
    },
  ],
}
