import { filter, firstValueFrom, type Subscription } from 'rxjs'
import type { KVStore } from 'rxkeeper'
import { begin, connectOurs, OUR_IN_FLIGHT } from './contenders/ours.ts'
import type { Place, Question, Task } from './runner/question.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const KEYS = 20_000
const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))
const value = filled('written')

/** Writes all keys while the same store holds what `hold` subscribes to. */
const writing =
  (
    hold: (store: KVStore<Uint8Array>) => Promise<Subscription | undefined>,
    options: { cache?: number } = {},
  ) =>
  async ({ servers, root }: Place): Promise<Task> => {
    const store = await connectOurs(servers, root, options)
    const held = await hold(store)
    return {
      pass: () => inFlight(KEYS, OUR_IN_FLIGHT, (i, done) => begin(store.put$(keys[i]!, value), done)),
      close: async () => {
        held?.unsubscribe()
        await store.close()
      },
    }
  }

const nothing = async () => undefined

async function oneKey(store: KVStore<Uint8Array>): Promise<Subscription> {
  const subscription = store.watch$(keys[0]!).subscribe()
  await firstValueFrom(store.watch$(keys[0]!))
  return subscription
}

async function everyKey(store: KVStore<Uint8Array>): Promise<Subscription> {
  const [first, ...others] = keys.map(key => store.watch$(key).subscribe())
  for (const other of others) first!.add(other)
  await firstValueFrom(store.watch$(keys.at(-1)!))
  return first!
}

async function changes(store: KVStore<Uint8Array>): Promise<Subscription> {
  const subscription = store.changes$().subscribe()
  await firstValueFrom(store.changes$().pipe(filter(({ type }) => type === 'synced')))
  return subscription
}

export const ownWatch: Question = {
  name: 'own-watch',
  about: 'What do writes cost while the same session watches, and so gets an event for each?',
  comparisons: [
    {
      name: 'own-watch',
      title: 'Writes while the same store watches',
      unit: 'writes/s',
      server: 'zookeeper',
      keys: KEYS,
      contenders: [
        { name: 'rxkeeper/one key watched', run: writing(oneKey) },
        { name: 'rxkeeper/every key watched', run: writing(everyKey) },
        { name: 'rxkeeper/changes$', run: writing(changes) },
        { name: 'rxkeeper/cache', run: writing(nothing, { cache: KEYS }) },
        { name: 'no watch', run: writing(nothing) },
      ],
    },
  ],
}
