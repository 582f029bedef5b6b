import { firstValueFrom, type Observable } from 'rxjs'
import {
  bytes,
  type Change,
  type Codec,
  type Entry,
  json,
  KVError,
  type KVErrorCode,
  type KVStore,
  kvStore,
  Memory,
  MemoryEngine,
  type MutationResult,
  memoryStore,
  type Status,
  text,
  zookeeperStore,
} from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { type } from './expect.ts'

interface User {
  readonly name: string
}

// The codec says what the store holds, whatever the engine.
const users = memoryStore({ value: json<User>() })
type<KVStore<User>>()(users)
type<KVStore<string>>()(memoryStore({ value: text, memory: new Memory() }))
type<KVStore<Uint8Array>>()(lmdbStore({ value: bytes, path: 'x' }))
type<KVStore<number>>()(zookeeperStore({ value: json<number>(), servers: 'localhost:2181', root: '/a' }))
type<KVStore<number>>()(kvStore(new MemoryEngine(new Memory()), { value: json<number>() }))
const dates: Codec<Date> = { encode: date => text.encode(date.toISOString()), decode: () => new Date(0) }
type<KVStore<Date>>()(memoryStore({ value: dates }))

// What each method emits: absent is undefined.
type<Observable<User | undefined>>()(users.get$('a'))
type<Observable<Entry<User> | undefined>>()(users.entry$('a'))
type<Observable<Map<string, User>>>()(users.getAll$(['a']))
type<Observable<Map<string, Entry<User>>>>()(users.entryAll$(new Set(['a'])))
type<Observable<Entry<User>>>()(users.put$('a', { name: 'A' }, { ifVersion: 'absent', timeout: 10 }))
type<Observable<Entry<User>[]>>()(users.putAll$(new Map([['a', { name: 'A' }]])))
type<Observable<boolean>>()(users.delete$('a', { ifVersion: 1 }))
type<Observable<number>>()(users.deleteAll$(['a']))
type<Observable<Entry<User> | undefined>>()(users.update$('a', user => user && { name: user.name.trim() }))
type<Observable<MutationResult<User>[]>>()(users.transact$([{ type: 'check', key: 'a', ifVersion: 0 }]))
type<Observable<Entry<User>>>()(users.entries$({ from: 'a', to: 'b', prefix: 'a', reverse: true, limit: 1 }))
type<Observable<string>>()(users.keys$())
type<Observable<User | undefined>>()(users.watch$('a'))
type<Observable<Change<User>>>()(users.changes$({ prefix: 'a' }))
type<Observable<Status>>()(users.status$)
type<Promise<void>>()(users.close())
await using disposed: AsyncDisposable = users
void disposed

// What a union is told apart by.
const [result] = await firstValueFrom(users.transact$([{ type: 'delete', key: 'a' }]))
if (result?.type === 'put') type<Entry<User>>()(result.entry)
else if (result?.type === 'delete') type<boolean>()(result.existed)
const change = await firstValueFrom(users.changes$())
if (change.type === 'put') type<User>()(change.value)
else if (change.type === 'delete') type<string>()(change.key)
const code = (error: unknown) => (error instanceof KVError ? error.code : undefined)
type<KVErrorCode | undefined>()(code(0))

// Optional things may be given as undefined.
users.put$('a', { name: 'A' }, { ifVersion: undefined, timeout: undefined })
users.keys$({ from: undefined, limit: undefined })
memoryStore({ value: text, cache: undefined, timeout: undefined, scheduler: undefined })

// @ts-expect-error a store needs a codec
memoryStore({})
// @ts-expect-error a key is a string
users.get$(1)
// @ts-expect-error another type of value
users.put$('a', 'A')
// @ts-expect-error undefined is no value
users.put$('a', undefined)
// @ts-expect-error no such version
users.put$('a', { name: 'A' }, { ifVersion: 'none' })
// @ts-expect-error what is absent cannot be deleted conditionally
users.delete$('a', { ifVersion: 'absent' })
// @ts-expect-error an update gives a value of the store or undefined
users.update$('a', () => 1)
// @ts-expect-error the current value may be absent
users.update$('a', user => ({ name: user.name }))
// @ts-expect-error a check has a version
users.transact$([{ type: 'check', key: 'a' }])
// @ts-expect-error entries are pairs
users.putAll$([{ key: 'a', value: { name: 'A' } }])
// @ts-expect-error entries are not to be changed
change.type = 'put'
// @ts-expect-error a store of one type is no store of another
const wrong: KVStore<number> = users
void wrong
// @ts-expect-error LMDB needs a folder
lmdbStore({ value: text })
// @ts-expect-error ZooKeeper needs servers
zookeeperStore({ value: text })
