import { from, merge } from 'rxjs'
import { upsertKV } from 'rxkeeper'
import { connectOurs, counted } from './contenders/ours.ts'
import type { Place, Question, Task } from './runner/question.ts'
import { filled, keyAt } from './runner/work.ts'

/** Written in a pass, by all stores together. */
const WRITES = 20_000
const keys = Array.from({ length: WRITES }, (_, i) => keyAt(i))
const value = filled('written')

async function together({ servers, root, point }: Place): Promise<Task> {
  const stores = await Promise.all(Array.from({ length: point }, () => connectOurs(servers, root)))
  const each = Math.ceil(WRITES / point)
  return {
    pass: () =>
      counted(
        merge(
          ...stores.map((store, i) =>
            from(keys.slice(i * each, (i + 1) * each)).pipe(upsertKV(store, key => [key, value])),
          ),
        ),
      ),
    close: () => Promise.all(stores.map(store => store.close())),
  }
}

async function opening({ servers, root, point }: Place): Promise<Task> {
  return {
    async pass() {
      const stores = await Promise.all(Array.from({ length: point }, () => connectOurs(servers, root)))
      await Promise.all(stores.map(store => store.close()))
      return point
    },
  }
}

export const growthStores: Question = {
  name: 'growth-stores',
  about: 'What happens as a process has 1 to 100 stores?',
  comparisons: [
    {
      name: 'growth-stores/put',
      title: '20,000 writes by all stores of a process together, by their number',
      unit: 'writes/s',
      server: 'zookeeper',
      keys: WRITES,
      points: [1, 3, 10, 30, 100],
      pointUnit: 'stores',
      rounds: 3,
      contenders: [{ name: 'rxkeeper/upsertKV', run: together }],
    },
    {
      name: 'growth-stores/open',
      title: 'Stores opened and closed together, by their number',
      unit: 'stores/s',
      server: 'zookeeper',
      points: [1, 3, 10, 30, 100],
      pointUnit: 'stores',
      rounds: 3,
      contenders: [{ name: 'rxkeeper', run: opening }],
    },
  ],
}
