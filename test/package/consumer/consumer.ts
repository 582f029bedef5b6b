import { type Observable, of } from 'rxjs'
import {
  type Entry,
  json,
  KVError,
  type KVErrorCode,
  type KVStore,
  lookupKV,
  memoryStore,
  processKV,
  zookeeperStore,
} from 'rxkeeper'

interface User {
  readonly name: string
  readonly visits: number
}

const store = memoryStore({ value: json<User>() })
const typed: KVStore<User> = store
const user: Observable<User | undefined> = typed.get$('alice')
const entry: Observable<Entry<User>> = typed.put$(
  'alice',
  { name: 'Alice', visits: 1 },
  { ifVersion: 'absent' },
)
const joined: Observable<[string, User | undefined]> = of('alice').pipe(lookupKV(store, key => key))
const processed: Observable<[string, User]> = of('alice').pipe(
  processKV(
    store,
    key => key,
    (key, current) => ({ name: key, visits: (current?.visits ?? 0) + 1 }),
  ),
)
const remote = () => zookeeperStore({ servers: 'localhost:2181', root: '/apps/demo', value: json<number>() })
const code = (error: unknown): KVErrorCode | undefined => (error instanceof KVError ? error.code : undefined)

// @ts-expect-error a value of another type
typed.put$('alice', 1)
// @ts-expect-error no codec
memoryStore({})

export { code, entry, joined, processed, remote, user }
